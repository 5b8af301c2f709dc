namespace Multiplex.Load.Nats;

/// <summary>
/// The time for which this process has run, by which it decides that a peer is silent. While the process itself was stopped, or had no processor, this clock
/// stands still: what the peer has sent meanwhile is still to be read.
/// </summary>
/// <param name="now">Now, a time of Stopwatch.</param>
internal sealed class RunningClock(long now)
{
    /// <summary>How often to call <see cref="Tick"/>.</summary>
    public static readonly TimeSpan TickEach = TimeSpan.FromMilliseconds(100);

    /// <summary>How often agents and coordinators say that they are there.</summary>
    public static readonly TimeSpan TellEach = TimeSpan.FromMilliseconds(500);

    private const long Second = 1_000_000_000, Pause = Second;   // a gap of this length between ticks is a pause of this process

    private long _last = now, _now;

    /// <summary>The time up to the last tick, in nanoseconds; any thread may read it.</summary>
    public long Now => Volatile.Read(ref _now);

    /// <summary>Goes on.</summary>
    /// <param name="stopwatch">Now, a time of Stopwatch.</param>
    /// <returns>The time of this clock.</returns>
    public long Tick(long stopwatch)
    {
        long gap = stopwatch - _last;
        _last = stopwatch;
        Volatile.Write(ref _now, _now + (gap < Pause ? gap : (long)(TickEach.TotalSeconds * Second)));
        return _now;
    }
}
