using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc;

/// <summary>The program of <c>multiplex.x</c>: six procedures that every server model serves, behind the stub that is made from it.</summary>
/// <param name="counters">Where its one counter and its "served" are kept, for all processes and threads of the server.</param>
public sealed class MultiplexProgram(ServerCounters counters) : MultiplexV1Server
{
    /// <summary>MULTIPLEX_PROGRAM.</summary>
    public const uint ProgramNumber = MultiplexV1.Program;

    /// <summary>MULTIPLEX_V1.</summary>
    public const uint ProgramVersion = MultiplexV1.Version;

    /// <summary>MAX_PAYLOAD, in bytes.</summary>
    public const int MaxPayload = MultiplexConstants.MaxPayload;

    /// <summary>The longest that SLEEP blocks, in milliseconds.</summary>
    public const uint MaxSleep = 10_000;

    /// <summary>The most that BURN spends, in microseconds.</summary>
    public const uint MaxBurn = 10_000_000;

    /// <summary>The longest peer that WHOAMI tells, in bytes.</summary>
    public const int MaxPeer = 128;

    // Where WHOAMI's result stands until it is written: a call allocates nothing.
    [ThreadStatic]
    private static byte[]? t_peer;

    /// <inheritdoc/>
    protected override void Null(in RpcCall call) => counters.Increment(Counter.Calls);

    /// <inheritdoc/>
    protected override ReadOnlySpan<byte> Echo(in RpcCall call, ReadOnlySpan<byte> payload)
    {
        counters.Increment(Counter.Calls);
        return payload;
    }

    /// <inheritdoc/>
    protected override uint Sleep(in RpcCall call, uint milliseconds)
    {
        Require(milliseconds, MaxSleep);
        counters.Increment(Counter.Calls);

        // clock_nanosleep(2), not Thread.Sleep: this may run in a forked child.
        clock_nanosleep_until(clock_gettime(CLOCK_MONOTONIC) + (milliseconds * 1_000_000L));
        return milliseconds;
    }

    /// <inheritdoc/>
    protected override ulong Burn(in RpcCall call, uint microseconds)
    {
        Require(microseconds, MaxBurn);
        counters.Increment(Counter.Calls);
        return CpuBurner.Spend(microseconds);
    }

    /// <inheritdoc/>
    protected override ulong Add(in RpcCall call, ulong amount)
    {
        counters.Increment(Counter.Calls);
        return (ulong)counters.Add(Counter.Sum, (long)amount);
    }

    /// <inheritdoc/>
    protected override WhoamiResView Whoami(in RpcCall call)
    {
        Span<byte> peer = t_peer ??= new byte[MaxPeer];
        return new()
        {
            Pid = (uint)getpid(),
            Thread = (uint)gettid(),
            Served = (ulong)counters.Increment(Counter.Calls),
            Peer = peer[..call.Peer.Format(peer)],
        };
    }

    private static void Require(uint argument, uint most)
    {
        if (argument > most)
            throw new RpcFault(AcceptStatus.GarbageArguments);
    }
}
