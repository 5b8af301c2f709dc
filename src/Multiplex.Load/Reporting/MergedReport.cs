using System.Text.Json;
using Multiplex.Load.Measuring;

namespace Multiplex.Load.Reporting;

/// <summary>The latencies of several runs together, for example of one server under load from several machines. The schema is versioned.</summary>
public sealed record MergedReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.merged/1";

    /// <summary>The logs of histograms that were merged.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>The number of requests.</summary>
    public required long Requests { get; init; }

    /// <summary>The latencies, in microseconds.</summary>
    public required LatencyReport LatencyUs { get; init; }

    /// <summary>Their distribution.</summary>
    public required IReadOnlyList<PercentileReport> Percentiles { get; init; }

    /// <summary>The objectives; null when there were none.</summary>
    public IReadOnlyList<ObjectiveReport>? Objectives { get; init; }

    /// <summary>The merged report.</summary>
    public static MergedReport Of(IReadOnlyList<string> files, LatencyHistogram latencies, IReadOnlyList<Objective> objectives) => new()
    {
        Files = files,
        Requests = latencies.Count,
        LatencyUs = LatencyReport.Of(latencies),
        Percentiles = [.. PercentileReport.Of(latencies)],
        Objectives = objectives.Count > 0 ? [.. objectives.Select(one => ObjectiveReport.Of(one, latencies))] : null,
    };

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.MergedReport);
}
