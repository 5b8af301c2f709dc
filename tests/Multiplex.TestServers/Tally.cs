using Multiplex.Interop;
using Multiplex.Rpc;

namespace Multiplex.TestServers;

/// <summary>Serves the contract.</summary>
public sealed class Tally : ITally
{
    private ulong _sum;

    /// <inheritdoc/>
    public ulong Add(ulong amount) => Interlocked.Add(ref _sum, amount);

    /// <inheritdoc/>
    public string Describe(string name, RpcContext? context) =>
        $"{Libc.getpid()} {name} {context!.ProgramName}.{context.ProcedureName} {context.Peer.ToString()}";

    /// <inheritdoc/>
    public void Fail() => throw new InvalidOperationException("as it was asked");

    /// <inheritdoc/>
    public void Note(ulong amount) => Interlocked.Add(ref _sum, amount);
}
