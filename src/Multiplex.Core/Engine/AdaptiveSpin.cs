using System.Diagnostics;

namespace Multiplex.Engine;

/// <summary>
/// How long a thread looks again and again before it sleeps: to wake a halted core takes some 50 µs, in which a request at one connection has long
/// come. Where nothing comes so soon it is no use, and a thread that finds nothing several times in a row sleeps at once, but for a try now and then.
/// </summary>
/// <param name="time">For how long to look; zero sleeps at once.</param>
internal sealed class AdaptiveSpin(TimeSpan time)
{
    private const int MostMisses = 8;   // in a row
    private const int TryEach = 16;     // waits, after so many misses

    private readonly long _time = (long)(time.TotalSeconds * Stopwatch.Frequency);
    private int _misses;
    private int _waits;   // since the last look, after so many misses
    private long _until;

    /// <summary>Whether this wait begins by looking.</summary>
    public bool Begins()
    {
        if (_time == 0 || (_misses == MostMisses && ++_waits < TryEach))
            return false;
        _waits = 0;
        _until = Stopwatch.GetTimestamp() + _time;
        return true;
    }

    /// <summary>Whether to look once more. Another thread that waits for this core runs before, as it may be the one that has the request: sched_yield(2).</summary>
    public bool GoesOn()
    {
        Thread.Yield();
        return Stopwatch.GetTimestamp() < _until;
    }

    /// <summary>Looking is over.</summary>
    /// <param name="found">Whether something was found, so that the thread need not sleep.</param>
    public void End(bool found) => _misses = found ? 0 : Math.Min(_misses + 1, MostMisses);
}
