using System.Globalization;

namespace Multiplex.Load;

/// <summary>What a reader of the figures ought to know: what they cannot show, and where they show the client and not the server.</summary>
internal static class LoadWarnings
{
    private const double Busy = 0.95;      // of a client thread's time
    private const double LargePart = 0.2;  // of a latency
    private const long Slight = 100_000;   // nanoseconds

    public static IEnumerable<string> Of(LoadTally tally, LoadOptions options)
    {
        if (options.Arrivals is null)
        {
            yield return "closed loop: while the server stalls it is asked less, so the percentiles do not show a stall in full; "
                + "an open loop does (--rate)";
        }

        if (tally.BusiestThread > Busy)
        {
            yield return Text($"the client was the bottleneck: a thread of it was {tally.BusiestThread:P0} busy; ")
                + (options.Threads < Environment.ProcessorCount ? "give it more (--threads), or another machine" : "let another machine help");
        }

        if (LargestLag(tally) is var (percent, lag, latency))
        {
            yield return Text($"the client ran behind its schedule: p{percent} of its own delay is {lag / 1e3:N0} us, ")
                + Text($"and p{percent} of the latencies, which contain it, {latency / 1e3:N0} us");
        }

        if (tally.Unanswered > 0)
        {
            yield return Text($"{tally.Unanswered:N0} requests had no reply at the end: they count with the time that they had waited, ")
                + "so the latencies are at least these";
        }
    }

    private static (double Percent, long Lag, long Latency)? LargestLag(LoadTally tally)
    {
        foreach (double percent in new[] { 50, 90, 99 })
        {
            long lag = tally.Lags.Percentile(percent), latency = tally.Latencies.Percentile(percent);
            if (lag > LargePart * latency && (lag > Slight || percent < 99))
                return (percent, lag, latency);
        }

        return null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
