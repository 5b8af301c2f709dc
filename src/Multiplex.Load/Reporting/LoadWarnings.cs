using System.Globalization;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Reporting;

/// <summary>Caveats of a run's figures: what they cannot show, and whether the client or the server was the limit.</summary>
internal static class LoadWarnings
{
    /// <summary>The share of busy time from which a client thread counts as a bottleneck.</summary>
    internal const double Busy = 0.95;

    private const double LargePart = 0.2;  // of a latency
    private const long Slight = 100_000;   // nanoseconds

    private static readonly double[] s_percents = [50, 90, 99];

    /// <summary>The warnings of a run.</summary>
    /// <param name="tally">What was measured.</param>
    /// <param name="options">The load that was made.</param>
    /// <param name="protocol">The name of its protocol.</param>
    public static IEnumerable<string> Of(LoadTally tally, LoadOptions options, string protocol)
    {
        if (tally.Starved > 0)
            yield return Text($"{tally.Starved:N0} of {options.Connections:N0} connections got no reply");
        if (NoReply(tally, protocol) is { } nothing)
            yield return nothing;

        if (options.Arrivals is null)
        {
            yield return "closed loop: while the server stalls, the client sends less, so the percentiles do not show a stall in full; "
                + "an open loop does (--rate)";
        }

        if (tally.BusiestThread > Busy)
        {
            yield return Text($"the client was the bottleneck: one of its threads was {tally.BusiestThread:P0} busy; ")
                + (options.Threads < Environment.ProcessorCount ? "give it more (--threads), or another machine" : "let another machine help");
        }

        if (Largest(tally, tally.Lags.Percentile) is var (percent, lag, latency))
        {
            yield return Text($"the client ran behind its schedule: p{percent} of its own delay is {Time(lag)}, ")
                + Text($"and p{percent} of the latencies, which contain it, {Time(latency)}");
        }

        if (options.Arrivals is not null && Largest(tally, at => tally.Latencies.Percentile(at) - tally.Services.Percentile(at) - tally.Lags.Percentile(at)) is var (at, waited, whole))
        {
            yield return Text($"requests waited for a free slot: at p{at} {Time(waited)} of {Time(whole)}; as many as --connections and --depth allow, ")
                + Text($"{options.Connections:N0} x {options.Depth:N0}, were under way, and the server did not answer these faster");
        }

        if (tally.Errors.ServerCalls > 0)
            yield return Text($"the server made {tally.Errors.ServerCalls:N0} calls to the client, which replies to none");

        if (tally.Unanswered > 0)
        {
            yield return Text($"requests without a reply: {tally.Unanswered:N0}; those that waited to the end count with the time that they had waited, ")
                + "so the latencies are at least these";
        }
    }

    private static string? NoReply(LoadTally tally, string protocol)
    {
        if (tally.Replies > 0 || tally.Elapsed == TimeSpan.Zero)
            return null;
        string other = protocol == "echo" ? "rpc" : "echo";
        string hint = protocol is "echo" or "rpc" ? $": does the server speak {protocol}? try --protocol {other}" : "";
        return tally.Errors.WrongReplies > 0 ? $"every reply was wrong from the first{hint}"
            : tally.Errors.Disconnected > 0 ? $"every connection ended without a reply{hint}"
            : Text($"no reply in {Quantities.Time(tally.Elapsed.TotalMicroseconds)}");
    }

    // The lowest percentile to which the delay contributes a large part.
    private static (double Percent, long Part, long Latency)? Largest(LoadTally tally, Func<double, long> part)
    {
        foreach (double percent in s_percents.Where(_ => tally.Services.Count > 0))
        {
            long latency = tally.Latencies.Percentile(percent);
            if (part(percent) is var time && time > LargePart * latency && (time > Slight || percent < 99))
                return (percent, time, latency);
        }

        return null;
    }

    private static string Time(long nanoseconds) => Quantities.Time(nanoseconds / 1e3);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
