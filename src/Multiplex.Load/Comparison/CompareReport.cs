using System.Text.Json;
using System.Text.Json.Serialization;

namespace Multiplex.Load.Comparison;

/// <summary>A comparison as it is written to a file; the schema is versioned.</summary>
public sealed record CompareReport
{
    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = "multiplex.compare/1";

    /// <summary>Where it was measured.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>The protocol.</summary>
    public required string Protocol { get; init; }

    /// <summary>Alternating rounds: each model once a round.</summary>
    public required int Rounds { get; init; }

    /// <summary>Measured time of each run, in seconds.</summary>
    public required double DurationS { get; init; }

    /// <summary>What was found, scenario by scenario.</summary>
    public required IReadOnlyList<ScenarioReport> Scenarios { get; init; }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LoadJson.Default.CompareReport);
}

/// <summary>What was found in one scenario.</summary>
/// <param name="Scenario">The load.</param>
/// <param name="Models">The models, each with its medians.</param>
public sealed record ScenarioReport(Scenario Scenario, IReadOnlyList<ModelReport> Models);

/// <summary>One model in one scenario: medians over the rounds, and the rounds themselves.</summary>
/// <param name="Model">The model.</param>
/// <param name="Median">The median of each figure.</param>
/// <param name="SpreadPercent">Half the range of the throughputs, in percent of their median.</param>
/// <param name="Rounds">Each round's figures.</param>
public sealed record ModelReport(string Model, RoundFigures Median, double SpreadPercent, IReadOnlyList<RoundFigures> Rounds)
{
    /// <summary>Takes the medians.</summary>
    public static ModelReport Of(string model, IReadOnlyList<RoundFigures> rounds)
    {
        double Median(Func<RoundFigures, double> figure)
        {
            double[] sorted = [.. rounds.Select(figure).Order()];
            int middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }

        RoundFigures median = new(
            Median(r => r.ThroughputPerS),
            Median(r => r.P50Us),
            Median(r => r.P99Us),
            Median(r => r.P999Us),
            rounds.Sum(r => r.Errors),
            Median(r => r.CpuUsPerRequest),
            Median(r => r.ContextSwitchesPerRequest),
            Median(r => r.MemoryMb),
            (int)Median(r => r.Processes),
            (int)Median(r => r.Threads));
        double range = rounds.Max(r => r.ThroughputPerS) - rounds.Min(r => r.ThroughputPerS);
        return new(model, median, median.ThroughputPerS > 0 ? 50 * range / median.ThroughputPerS : 0, rounds);
    }
}

/// <summary>The figures of one run.</summary>
/// <param name="ThroughputPerS">Right replies a second.</param>
/// <param name="P50Us">The median latency in microseconds.</param>
/// <param name="P99Us">The 99th percentile in microseconds.</param>
/// <param name="P999Us">The 99.9th percentile in microseconds.</param>
/// <param name="Errors">Whatever went wrong; over all rounds in a median.</param>
/// <param name="CpuUsPerRequest">CPU time of the server in microseconds a request, children included.</param>
/// <param name="ContextSwitchesPerRequest">Context switches of the server a request, children included.</param>
/// <param name="MemoryMb">Proportional set size of all the server's processes, in megabytes.</param>
/// <param name="Processes">Processes of the server while loaded.</param>
/// <param name="Threads">Threads of them all.</param>
public sealed record RoundFigures(
    double ThroughputPerS,
    [property: JsonPropertyName("p50_us")] double P50Us,
    [property: JsonPropertyName("p99_us")] double P99Us,
    [property: JsonPropertyName("p99_9_us")] double P999Us,
    long Errors,
    double CpuUsPerRequest,
    double ContextSwitchesPerRequest,
    double MemoryMb,
    int Processes,
    int Threads);
