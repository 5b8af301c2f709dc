using Multiplex.Interop;
using Multiplex.Rpc.Xdr;

namespace Multiplex.TestServers;

/// <summary>
/// An RPC program whose calls a test can observe in progress. Procedure 1, which is not idempotent, waits for so many milliseconds, then adds
/// an amount to the server's sum and returns it. Procedure 2 returns the id of the process that answers.
/// </summary>
internal sealed class SlowProgram(ServerCounters counters) : IRpcProgram
{
    public const uint ProgramNumber = 0x2000_4544;

    private const uint SlowAdd = 1, WhichProcess = 2;

    private readonly Counter _sum = Counter.Sum;   // registered before the first fork

    public uint Number => ProgramNumber;

    public uint Version => 1;

    public IReadOnlyList<ProcedureEntry> Procedures => [new(SlowAdd, AddSlowly), new(WhichProcess, TellProcess) { IsIdempotent = true }];

    private AcceptStatus AddSlowly(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        uint milliseconds = arguments.ReadUInt32();
        ulong amount = arguments.ReadUInt64();
        Libc.clock_nanosleep_until(Libc.clock_gettime(Libc.CLOCK_MONOTONIC) + (milliseconds * 1_000_000L));
        results.WriteUInt64((ulong)counters.Add(_sum, (long)amount));
        return AcceptStatus.Success;
    }

    private static AcceptStatus TellProcess(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        results.WriteUInt32((uint)Libc.getpid());
        return AcceptStatus.Success;
    }
}
