using System.Text.Json;
using System.Text.Json.Serialization;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Reporting;

/// <summary>The result of a run, as written to a file. The schema is versioned; its names do not change within a version.</summary>
public sealed record LoadReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.load/1";

    /// <summary>The load.</summary>
    public required LoadReportOptions Options { get; init; }

    /// <summary>The machine and the runtime.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>The start of the measurement; null when the run was ended before.</summary>
    public required DateTimeOffset? StartedAt { get; init; }

    /// <summary>The measured time, in seconds.</summary>
    public required double ElapsedS { get; init; }

    /// <summary>How the run was ended early; null when it was not.</summary>
    public InterruptionReport? Interrupted { get; init; }

    /// <summary>Requests whose latencies are reported: in an open loop, those due within the measured time.</summary>
    public required long Requests { get; init; }

    /// <summary>Right replies within the measured time.</summary>
    public required long Replies { get; init; }

    /// <summary>Requests that never had a reply; those still waiting a second after the end count with the time that they had waited.</summary>
    public required long Unanswered { get; init; }

    /// <summary>The distribution of the replies over the connections.</summary>
    public required ConnectionsReport Connections { get; init; }

    /// <summary>Right replies a second; null when nothing was measured.</summary>
    public required double? ThroughputPerS { get; init; }

    /// <summary>Bytes sent a second.</summary>
    public required double? SentBytesPerS { get; init; }

    /// <summary>Bytes received a second.</summary>
    public required double? ReceivedBytesPerS { get; init; }

    /// <summary>Latencies in microseconds: in an open loop from when a request was due, else from when it was sent.</summary>
    public required LatencyReport LatencyUs { get; init; }

    /// <summary>The distribution of <see cref="LatencyUs"/>: finer towards the top, as far as there are values.</summary>
    public required IReadOnlyList<PercentileReport> Percentiles { get; init; }

    /// <summary>In an open loop: latencies from when a request was sent.</summary>
    public LatencyReport? ServiceUs { get; init; }

    /// <summary>The times that connections took to make; null when none was made.</summary>
    public LatencyReport? ConnectUs { get; init; }

    /// <summary>The client's own influence on the figures.</summary>
    public required ClientReport Client { get; init; }

    /// <summary>The errors.</summary>
    public required LoadErrors Errors { get; init; }

    /// <summary>The results of slow readers and writers; null when there were none.</summary>
    public SlowReport? Slow { get; init; }

    /// <summary>The objectives; null when there were none.</summary>
    public IReadOnlyList<ObjectiveReport>? Objectives { get; init; }

    /// <summary>Caveats of the figures, in sentences.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Second by second.</summary>
    public required IReadOnlyList<LoadSecond> Series { get; init; }

    /// <summary>The agents that made the load; null when this process made it.</summary>
    public AgentsReport? Agents { get; init; }

    /// <summary>The report of a run.</summary>
    /// <param name="tally">The measurements.</param>
    /// <param name="options">The load.</param>
    /// <param name="asked">The options as reported.</param>
    public static LoadReport Of(LoadTally tally, LoadOptions options, LoadReportOptions asked)
    {
        bool measured = tally.Elapsed > TimeSpan.Zero, open = options.Arrivals is not null, slow = options.SlowReaders + options.SlowWriters > 0;
        return new()
        {
            Options = asked,
            StartedAt = measured ? tally.StartedAt : null,
            ElapsedS = tally.Elapsed.TotalSeconds,
            Interrupted = tally.IsInterrupted ? new(tally.Elapsed.TotalSeconds, options.Duration.TotalSeconds) : null,
            Requests = tally.Latencies.Count,
            Replies = tally.Replies,
            Unanswered = tally.Unanswered,
            Connections = ConnectionsReport.Of(tally),
            ThroughputPerS = measured ? tally.Throughput : null,
            SentBytesPerS = PerSecond(tally.BytesSent),
            ReceivedBytesPerS = PerSecond(tally.BytesReceived),
            LatencyUs = LatencyReport.Of(tally.Latencies),
            Percentiles = [.. PercentileReport.Of(tally.Latencies)],
            ServiceUs = open ? LatencyReport.Of(tally.Services) : null,
            ConnectUs = tally.Connects.Count > 0 ? LatencyReport.Of(tally.Connects) : null,
            Client = new(measured ? tally.BusiestThread : null, open ? LatencyReport.Of(tally.Lags) : null),
            Errors = tally.Errors,
            Slow = slow ? new(tally.SlowReplies, tally.SlowErrors) : null,
            Objectives = options.Objectives.Count > 0
                ? [.. options.Objectives.Select(one => ObjectiveReport.Of(one, tally.Latencies))]
                : null,
            Warnings = [.. LoadWarnings.Of(tally, options, asked.Protocol)],
            Series = tally.Seconds,
        };

        double? PerSecond(long count) => measured ? count / tally.Elapsed.TotalSeconds : null;
    }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.LoadReport);
}

/// <summary>A run that was ended early.</summary>
/// <param name="AfterS">The measured time, in seconds.</param>
/// <param name="OfS">The intended measured time, in seconds.</param>
public sealed record InterruptionReport(double AfterS, double OfS);

/// <summary>The distribution of right replies over the connections.</summary>
/// <param name="WithoutReply">Connections that sent requests and received no reply.</param>
/// <param name="LeastReplies">The fewest of one connection.</param>
/// <param name="MedianReplies">The median.</param>
/// <param name="MostReplies">The most.</param>
public sealed record ConnectionsReport(int WithoutReply, long LeastReplies, long MedianReplies, long MostReplies)
{
    /// <summary>The distribution of a run.</summary>
    public static ConnectionsReport Of(LoadTally tally) => tally.RepliesByConnection is { Count: > 0 } all
        ? new(tally.Starved, all[0], all[(all.Count - 1) / 2], all[^1])
        : new(tally.Starved, 0, 0, 0);
}

/// <summary>A point of a distribution.</summary>
/// <param name="Percent">The percentile, from 0 to 100.</param>
/// <param name="LatencyUs">The latency that this percentage of the latencies does not exceed, in microseconds.</param>
public sealed record PercentileReport(double Percent, double LatencyUs)
{
    private const int StepsInADecade = 10;

    /// <summary>Percentiles in equal steps of the logarithm of the share of values above, until that share is less than one value; then 100 percent.</summary>
    public static IEnumerable<PercentileReport> Of(LatencyHistogram latencies)
    {
        for (int step = 0; Math.Pow(10, (double)step / StepsInADecade) <= latencies.Count; step++)
        {
            double percent = 100 - (100 / Math.Pow(10, (double)step / StepsInADecade));
            yield return new(Math.Round(percent, 6), latencies.Percentile(percent) / 1e3);
        }

        if (latencies.Count > 0)
            yield return new(100, latencies.Max / 1e3);
    }
}

/// <summary>The client's own influence on the figures.</summary>
/// <param name="BusiestThread">The share of its time in which the busiest client thread was busy, from 0 to 1; null when nothing was measured.</param>
/// <param name="LagUs">In an open loop: the client's own delay of sending, in microseconds.</param>
public sealed record ClientReport(double? BusiestThread, LatencyReport? LagUs);

/// <summary>The results of slow readers and writers. They do not fail a run.</summary>
/// <param name="Replies">Right replies.</param>
/// <param name="Errors">Connections that the server ended, and the like.</param>
public sealed record SlowReport(long Replies, LoadErrors Errors);

/// <summary>The result of an objective.</summary>
/// <param name="Objective">The objective.</param>
/// <param name="MeasuredUs">The figure in microseconds; null without any latency.</param>
/// <param name="Held">Whether it was held.</param>
public sealed record ObjectiveReport(string Objective, double? MeasuredUs, bool Held)
{
    /// <summary>The result of an objective for these latencies.</summary>
    public static ObjectiveReport Of(Objective objective, LatencyHistogram latencies) => new(
        objective.ToString(), latencies.Count > 0 ? objective.Of(latencies) / 1e3 : null, objective.IsHeldBy(latencies));
}

/// <summary>Latencies in microseconds; null when there is none.</summary>
/// <param name="Min">The least.</param>
/// <param name="Mean">The mean.</param>
/// <param name="P50">The median.</param>
/// <param name="P90">90 in 100 are no longer.</param>
/// <param name="P99">99 in 100.</param>
/// <param name="P999">999 in 1,000.</param>
/// <param name="P9999">9,999 in 10,000.</param>
/// <param name="Max">The greatest.</param>
public sealed record LatencyReport(
    double? Min, double? Mean, double? P50, double? P90, double? P99, double? P999, double? P9999, double? Max)
{
    /// <summary>The percentiles of a histogram.</summary>
    public static LatencyReport Of(LatencyHistogram h) => h.Count == 0
        ? new(null, null, null, null, null, null, null, null)
        : new(h.Min / 1e3, h.Mean / 1e3, Us(h, 50), Us(h, 90), Us(h, 99), Us(h, 99.9), Us(h, 99.99), h.Max / 1e3);

    private static double Us(LatencyHistogram histogram, double percent) => histogram.Percentile(percent) / 1e3;
}

/// <summary>How reports are written: generated at build time, so without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LoadReport))]
[JsonSerializable(typeof(CapacityReport))]
[JsonSerializable(typeof(MergedReport))]
internal sealed partial class LoadJson : JsonSerializerContext;
