using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>What <see cref="OneProcedure"/> runs.</summary>
internal delegate void Run(in RpcCall call, XdrWriter results);

/// <summary>A program whose procedures 0 to 7 all do one thing, whatever the arguments.</summary>
internal sealed class OneProcedure(uint number, uint version, Run run) : IRpcProgram
{
    public uint Number => number;

    public uint Version => version;

    public bool IsIdempotent { get; init; }

    public bool IsOneWay { get; init; }

    public AuthenticationFlavor MinimumFlavor { get; init; }

    public IReadOnlyList<ProcedureEntry> Procedures =>
    [
        .. Enumerable.Range(0, 8).Select(procedure => new ProcedureEntry((uint)procedure, Call)
        {
            IsIdempotent = IsIdempotent,
            IsOneWay = IsOneWay,
            MinimumFlavor = MinimumFlavor,
        }),
    ];

    private AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        run(call, results);
        return AcceptStatus.Success;
    }
}
