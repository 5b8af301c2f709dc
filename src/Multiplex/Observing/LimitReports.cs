namespace Multiplex.Observing;

/// <summary>
/// Reports a limit that was reached for the first time in a while: one line with a count, however many connections or calls it met. When that was is in memory that all processes of a
/// server share, so it needs neither a thread nor a timer.
/// </summary>
/// <param name="words">Room for two words for each counter, zero at first.</param>
internal sealed class LimitReports(SharedMemory words)
{
    /// <summary>For how long a limit is not reported again, in milliseconds.</summary>
    public const int QuietMilliseconds = 10_000;

    /// <summary>The length of the memory, in bytes.</summary>
    public static int LengthFor(int counters) => counters * 2 * sizeof(long);

    /// <summary>A counter has grown.</summary>
    /// <param name="counter">The counter.</param>
    /// <param name="total">Its value now.</param>
    /// <param name="metric">What is said of it.</param>
    public void Grown(Counter counter, long total, CounterMetric metric)
    {
        ref long reportedAt = ref words.Word((int)counter * 2 * sizeof(long)), reported = ref words.Word(((int)counter * 2 * sizeof(long)) + sizeof(long));
        long before = Volatile.Read(ref reportedAt), now = Environment.TickCount64;
        if ((before != 0 && now - before < QuietMilliseconds) || Interlocked.CompareExchange(ref reportedAt, now, before) != before)
            return;
        long more = total - Interlocked.Exchange(ref reported, total);
        ServerEvents.Report(EventLevel.Warning, "limit_reached", $"{more} {metric.Limit} ({ServerCounters.NameOf(counter)} is {total})");
    }
}
