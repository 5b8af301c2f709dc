namespace Multiplex.Tests;

/// <summary>
/// What a piece of work allocates on this thread: it is done in rounds, and the round with the least counts. The runtime itself allocates on a thread now and then, once (a cache of its
/// own grows); what the work allocates is in every round.
/// </summary>
internal sealed class AllocationRounds(int times = 500)
{
    private const int Rounds = 4;   // the first one loads types

    private long _before;
    private int _done;

    /// <summary>How often the work is done in all.</summary>
    public int Times => Rounds * times;

    /// <summary>Bytes allocated in the round with the least.</summary>
    public long Least { get; private set; } = long.MaxValue;

    /// <summary>Called before each time. False when all rounds are done.</summary>
    public bool Next()
    {
        if (_done % times == 0)
        {
            long now = GC.GetAllocatedBytesForCurrentThread();
            if (_done > times)
                Least = Math.Min(Least, now - _before);
            _before = now;
        }

        return _done++ < Times;
    }
}
