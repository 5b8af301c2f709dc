using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc;

/// <summary>The program of <c>multiplex.x</c>: six procedures that every server model serves.</summary>
/// <param name="counters">Where its one counter and its "served" are kept, for all processes and threads of the server.</param>
public sealed class MultiplexProgram(ServerCounters counters) : IRpcProgram
{
    /// <summary>MULTIPLEX_PROGRAM.</summary>
    public const uint ProgramNumber = 0x2000_4543;

    /// <summary>MULTIPLEX_V1.</summary>
    public const uint ProgramVersion = 1;

    /// <summary>MAX_PAYLOAD, in bytes.</summary>
    public const int MaxPayload = 1_048_576;

    /// <summary>The longest that SLEEP blocks, in milliseconds.</summary>
    public const uint MaxSleep = 10_000;

    /// <summary>The most that BURN spends, in microseconds.</summary>
    public const uint MaxBurn = 10_000_000;

    /// <summary>The longest peer that WHOAMI tells, in bytes.</summary>
    public const int MaxPeer = 128;

    /// <inheritdoc/>
    public uint Number => ProgramNumber;

    /// <inheritdoc/>
    public uint Version => ProgramVersion;

    /// <inheritdoc/>
    public bool IsIdempotent(uint procedure) => (MultiplexProcedure)procedure != MultiplexProcedure.Add;

    /// <inheritdoc/>
    public AcceptStatus Call(in RpcCall call, ref XdrReader arguments, XdrWriter results) =>
        (MultiplexProcedure)call.Procedure switch
        {
            MultiplexProcedure.Null => Null(ref arguments),
            MultiplexProcedure.Echo => Echo(ref arguments, results),
            MultiplexProcedure.Sleep => Sleep(ref arguments, results),
            MultiplexProcedure.Burn => Burn(ref arguments, results),
            MultiplexProcedure.Add => Add(ref arguments, results),
            MultiplexProcedure.Whoami => Whoami(ref arguments, call.Peer, results),
            _ => AcceptStatus.ProcedureUnavailable,
        };

    private AcceptStatus Null(ref XdrReader arguments)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        counters.Increment(Counter.Calls);
        return AcceptStatus.Success;
    }

    private AcceptStatus Echo(ref XdrReader arguments, XdrWriter results)
    {
        ReadOnlySpan<byte> payload = arguments.ReadOpaque(MaxPayload);
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        counters.Increment(Counter.Calls);
        results.WriteOpaque(payload);
        return AcceptStatus.Success;
    }

    private AcceptStatus Sleep(ref XdrReader arguments, XdrWriter results)
    {
        uint milliseconds = arguments.ReadUInt32();
        if (!arguments.IsComplete || milliseconds > MaxSleep)
            return AcceptStatus.GarbageArguments;
        counters.Increment(Counter.Calls);

        // clock_nanosleep(2), not Thread.Sleep: this may run in a forked child.
        clock_nanosleep_until(clock_gettime(CLOCK_MONOTONIC) + (milliseconds * 1_000_000L));
        results.WriteUInt32(milliseconds);
        return AcceptStatus.Success;
    }

    private AcceptStatus Burn(ref XdrReader arguments, XdrWriter results)
    {
        uint microseconds = arguments.ReadUInt32();
        if (!arguments.IsComplete || microseconds > MaxBurn)
            return AcceptStatus.GarbageArguments;
        counters.Increment(Counter.Calls);
        results.WriteUInt64(CpuBurner.Spend(microseconds));
        return AcceptStatus.Success;
    }

    private AcceptStatus Add(ref XdrReader arguments, XdrWriter results)
    {
        ulong amount = arguments.ReadUInt64();
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        counters.Increment(Counter.Calls);
        results.WriteUInt64((ulong)counters.Add(Counter.Sum, (long)amount));
        return AcceptStatus.Success;
    }

    private AcceptStatus Whoami(ref XdrReader arguments, in Peer caller, XdrWriter results)
    {
        if (!arguments.IsComplete)
            return AcceptStatus.GarbageArguments;
        Span<byte> peer = stackalloc byte[MaxPeer];
        results.WriteUInt32((uint)getpid());
        results.WriteUInt32((uint)gettid());
        results.WriteUInt64((ulong)counters.Increment(Counter.Calls));
        results.WriteOpaque(peer[..caller.Format(peer)]);
        return AcceptStatus.Success;
    }
}
