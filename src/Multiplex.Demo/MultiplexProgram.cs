using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using static Multiplex.Interop.Libc;

namespace Multiplex.Demo;

/// <summary>The program of <c>multiplex.x</c>: six procedures that every server model serves, behind the stub that is made from it.</summary>
/// <param name="counters">Where its one counter is kept, and "served", which the protocol counts, for all processes and threads of the server.</param>
/// <param name="kept">Where the sum of ADD is kept for the next server; null: it begins at 0, and ends with the server.</param>
public sealed class MultiplexProgram(ServerCounters counters, KeptMemory? kept = null) : MultiplexV1Server
{
    /// <summary>The name of the program, for <see cref="Rpc.Binding.ProgramNames"/>.</summary>
    public const string Name = "multiplex";

    private readonly Counter _calls = Counter.Calls, _sum = Counter.Sum;

    private readonly SharedMemory? _keptSum = kept?.Map("multiplex-sum", sizeof(long), isUsable: static _ => true, out _);

    private const long SleepStep = 100_000_000;   // nanoseconds
    private const uint BurnStep = 10_000;          // microseconds

    // Where WHOAMI's result stands until it is written: a call allocates nothing.
    [ThreadStatic]
    private static byte[]? t_peer;

    /// <inheritdoc/>
    protected override bool IsQuick(MultiplexV1Procedure procedure) =>
        procedure is not (MultiplexV1Procedure.Sleep or MultiplexV1Procedure.Burn);

    /// <inheritdoc/>
    protected override void Null(in RpcCall call)
    {
    }

    /// <inheritdoc/>
    protected override ReadOnlySpan<byte> Echo(in RpcCall call, ReadOnlySpan<byte> payload) => payload;

    /// <inheritdoc/>
    protected override uint Sleep(in RpcCall call, uint milliseconds)
    {
        Require(milliseconds, MultiplexConstants.MaxSleep);

        // clock_nanosleep(2), not Thread.Sleep: this may run in a forked child. In steps, to end early if the client is gone.
        long now = clock_gettime(CLOCK_MONOTONIC), end = now + (milliseconds * 1_000_000L);
        while (now < end && !call.Peer.HasEnded)
        {
            clock_nanosleep_until(Math.Min(end, now + SleepStep));
            now = clock_gettime(CLOCK_MONOTONIC);
        }

        return milliseconds;
    }

    /// <inheritdoc/>
    protected override ulong Burn(in RpcCall call, uint microseconds)
    {
        Require(microseconds, MultiplexConstants.MaxBurn);

        // In steps as well: each checks whether the client is gone.
        ulong iterations = CpuBurner.Spend(Math.Min(microseconds, BurnStep));
        for (uint spent = BurnStep; spent < microseconds && !call.Peer.HasEnded; spent += BurnStep)
            iterations += CpuBurner.Spend(Math.Min(microseconds - spent, BurnStep));
        return iterations;
    }

    /// <inheritdoc/>
    protected override ulong Add(in RpcCall call, ulong amount)
    {
        long sum = counters.Add(_sum, (long)amount);
        return (ulong)(_keptSum is null ? sum : Interlocked.Add(ref _keptSum.Word(0), (long)amount));
    }

    /// <inheritdoc/>
    protected override WhoamiResView Whoami(in RpcCall call)
    {
        Span<byte> peer = t_peer ??= new byte[MultiplexConstants.MaxPeer];
        return new()
        {
            Pid = (uint)getpid(),
            Thread = (uint)gettid(),
            Served = (ulong)counters[_calls],
            Peer = peer[..call.Peer.Format(peer)],
        };
    }

    private static void Require(uint argument, uint most)
    {
        if (argument > most)
            throw new RpcFault(AcceptStatus.GarbageArguments);
    }
}

/// <summary>What a server of <c>multiplex.x</c> counts beside all other RPC servers.</summary>
public static class MultiplexCounters
{
    private static readonly Counter s_sum = ServerCounters.Register("Sum", new("demo_added", "What ADD of multiplex.x has added up to."));

    extension(Counter)
    {
        /// <summary>What ADD adds to.</summary>
        public static Counter Sum => s_sum;
    }
}
