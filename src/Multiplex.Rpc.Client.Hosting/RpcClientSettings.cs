using Multiplex.Rpc.Client;

namespace Multiplex.Rpc.Hosting;

/// <summary>Where the clients of a contract call, and how: see <see cref="RpcClientServiceCollectionExtensions"/>.</summary>
public sealed class RpcClientSettings
{
    /// <summary>The server: an endpoint, such as <c>tcp://127.0.0.1:4000</c>, or a program that a name service finds, such as <c>rpc://HOST/PROGRAM</c>.</summary>
    public string Server { get; set; } = "";

    /// <summary>How many connections there are, from 1 to 1024; each stub that is resolved has the next one. 1: all calls share it.</summary>
    public int Connections { get; set; } = 1;

    /// <summary>The options of each connection.</summary>
    public RpcClientOptions Options { get; set; } = RpcClientOptions.Default;
}
