using System.Buffers.Binary;
using Multiplex.Sockets;
using Multiplex.TestServers;

namespace Multiplex.ServerTests.Harness;

/// <summary>The contract with async procedures, served in this process, and clients of it.</summary>
internal sealed class WaitingHere : IAsyncDisposable
{
    private readonly List<RpcClient> _clients = [];

    private WaitingHere(RpcServer server, Waiting waiting) => (Server, Waiting) = (server, waiting);

    public RpcServer Server { get; }

    public Waiting Waiting { get; }

    /// <summary>Starts it on a model, on each of these endpoints, by default one of TCP.</summary>
    public static async Task<WaitingHere> StartAsync(string model, Action<RpcServerOptions>? configure = null, params string[] endpoints)
    {
        Waiting waiting = new();
        RpcServer server = await RpcServer.StartAsync(
            options =>
            {
                options.UseModel(model);
                foreach (string endpoint in endpoints.DefaultIfEmpty(ListenForm.Tcp.NewEndpoint()))
                    options.Listen(endpoint);
                configure?.Invoke(options);
            },
            waiting);
        return new(server, waiting);
    }

    /// <summary>A call of its procedure that ends when the key is released.</summary>
    public static byte[] HoldCall(uint xid, uint key)
    {
        const uint Hold = 3;
        byte[] call = RpcWire.Call(xid, Hold, RpcWire.UInt(key));
        BinaryPrimitives.WriteUInt32BigEndian(call.AsSpan(12), WaitingV1.Program);
        return call;
    }

    public long Count(Counter counter) => Server.Counters[counter];

    /// <summary>A client on a connection of its own.</summary>
    public async Task<RpcClient> ConnectAsync(Endpoint? endpoint = null, RpcClientOptions? options = null)
    {
        RpcClient client = await RpcClient.ConnectAsync(endpoint ?? Server.Endpoints[0], options ?? new() { Timeout = Eventually.Deadline });
        _clients.Add(client);
        return client;
    }

    /// <summary>A stub of the contract, on a connection of its own.</summary>
    public async Task<IWaiting> CallerAsync(Endpoint? endpoint = null) => (await ConnectAsync(endpoint)).Create<IWaiting>();

    /// <summary>Waits until so many calls are in flight.</summary>
    public void AwaitInFlight(int count) => Eventually.Holds(
        () => Count(Counter.CallsInFlight) == count, () => $"{count} calls in flight: there are {Count(Counter.CallsInFlight)}");

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await Server.DisposeAsync();
    }
}
