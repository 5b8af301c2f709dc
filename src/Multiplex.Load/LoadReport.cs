using System.Text.Json;
using System.Text.Json.Serialization;

namespace Multiplex.Load;

/// <summary>The result of a run as it is written to a file: the schema is versioned, and its names do not change within a version.</summary>
public sealed record LoadReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.load/1";

    /// <summary>What load was made.</summary>
    public required LoadReportOptions Options { get; init; }

    /// <summary>Where.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>How long was measured, in seconds.</summary>
    public required double ElapsedS { get; init; }

    /// <summary>Right replies.</summary>
    public required long Replies { get; init; }

    /// <summary>Right replies a second.</summary>
    public required double ThroughputPerS { get; init; }

    /// <summary>Bytes sent a second.</summary>
    public required double SentBytesPerS { get; init; }

    /// <summary>Bytes received a second.</summary>
    public required double ReceivedBytesPerS { get; init; }

    /// <summary>Latencies in microseconds.</summary>
    public required LatencyReport LatencyUs { get; init; }

    /// <summary>What went wrong.</summary>
    public required LoadErrors Errors { get; init; }

    /// <summary>The report of a run.</summary>
    public static LoadReport Of(LoadTally tally, LoadReportOptions options) => new()
    {
        Options = options,
        ElapsedS = tally.Elapsed.TotalSeconds,
        Replies = tally.Latencies.Count,
        ThroughputPerS = tally.Throughput,
        SentBytesPerS = tally.BytesSent / tally.Elapsed.TotalSeconds,
        ReceivedBytesPerS = tally.BytesReceived / tally.Elapsed.TotalSeconds,
        LatencyUs = LatencyReport.Of(tally.Latencies),
        Errors = tally.Errors,
    };

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.LoadReport);
}

/// <summary>The options of a run, for its report.</summary>
/// <param name="Connect">The endpoint.</param>
/// <param name="Protocol">echo or rpc.</param>
/// <param name="Connections">Connections.</param>
/// <param name="Depth">Requests under way on each.</param>
/// <param name="SizeBytes">Payload.</param>
/// <param name="DurationS">Measured time asked for, in seconds.</param>
/// <param name="WarmupS">Time before it, in seconds.</param>
/// <param name="CallsPerConnection">Replies after which a connection was made anew; 0: never.</param>
/// <param name="Threads">Client threads.</param>
public sealed record LoadReportOptions(
    string Connect,
    string Protocol,
    int Connections,
    int Depth,
    int SizeBytes,
    double DurationS,
    double WarmupS,
    int CallsPerConnection,
    int Threads);

/// <summary>Latencies in microseconds.</summary>
/// <param name="Min">The least.</param>
/// <param name="Mean">The mean.</param>
/// <param name="P50">The median.</param>
/// <param name="P90">90 in 100 are no longer.</param>
/// <param name="P99">99 in 100.</param>
/// <param name="P999">999 in 1,000.</param>
/// <param name="P9999">9,999 in 10,000.</param>
/// <param name="Max">The greatest.</param>
public sealed record LatencyReport(
    double Min, double Mean, double P50, double P90, double P99, double P999, double P9999, double Max)
{
    /// <summary>The percentiles of a histogram.</summary>
    public static LatencyReport Of(LatencyHistogram h) => new(
        h.Min / 1e3, h.Mean / 1e3, Us(h, 50), Us(h, 90), Us(h, 99), Us(h, 99.9), Us(h, 99.99), h.Max / 1e3);

    private static double Us(LatencyHistogram histogram, double percent) => histogram.Percentile(percent) / 1e3;
}

/// <summary>How reports are written: generated at build time, so without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LoadReport))]
internal sealed partial class LoadJson : JsonSerializerContext;
