using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Tests.Rpc;

/// <summary>What <see cref="OneProcedure"/> runs.</summary>
internal delegate void Run(in RpcCall call, XdrWriter results);

/// <summary>A program that does one thing, whatever the procedure and the arguments.</summary>
internal sealed class OneProcedure(uint number, uint version, Run run) : IRpcProgram
{
    public uint Number => number;

    public uint Version => version;

    public bool IsIdempotent { get; init; } = true;

    public bool IsOneWay { get; init; }

    bool IRpcProgram.IsIdempotent(uint procedure) => IsIdempotent;

    bool IRpcProgram.IsOneWay(uint procedure) => IsOneWay;

    public AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        run(call, results);
        return AcceptStatus.Success;
    }
}
