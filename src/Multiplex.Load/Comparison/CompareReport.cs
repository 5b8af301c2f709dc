using System.Text.Json;
using System.Text.Json.Serialization;
using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Comparison.Stacks;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Comparison;

/// <summary>A comparison as it is written to report.json. <c>docs/compare.md</c> says what each name means.</summary>
public sealed record CompareReport
{
    /// <summary>The schema, and the version that this program writes. Names do not change their meaning within a version.</summary>
    public const string SchemaVersion = "multiplex.compare/3";

    /// <summary>Names the schema and its version.</summary>
    public string Schema { get; init; } = SchemaVersion;

    /// <summary>When the comparison began.</summary>
    public required DateTimeOffset Began { get; init; }

    /// <summary>The machine it was measured on.</summary>
    public MachineReport Environment { get; init; } = MachineReport.OfThisMachine();

    /// <summary>The runs that were finished when it was interrupted; null when it is complete.</summary>
    public PartialReport? Partial { get; init; }

    /// <summary>The protocol.</summary>
    public required string Protocol { get; init; }

    /// <summary>The number of rounds; each server runs once in a round. If points had different numbers of rounds, the greatest.</summary>
    public required int Rounds { get; init; }

    /// <summary>Whether each point had as many rounds as it needed to become precise, up to a limit.</summary>
    public bool RoundsAuto { get; init; }

    /// <summary>How busy the machine was when the comparison began: the load average of the last minute, proc_loadavg(5).</summary>
    public double LoadAverage { get; init; }

    /// <summary>Figures that could not be counted here, by their keys, and why.</summary>
    public IReadOnlyDictionary<string, string> NotCounted { get; init; } = new Dictionary<string, string>();

    /// <summary>Why there are no flame graphs though they were asked for; null when there are, or when they were not.</summary>
    public string? WhyNoFlameGraphs { get; init; }

    /// <summary>Measured time of each run, in seconds; without a meaning where <see cref="RequestsPerRun"/> ends it.</summary>
    public required double DurationS { get; init; }

    /// <summary>Requests of a run; null when its time ended it.</summary>
    public long? RequestsPerRun { get; init; }

    /// <summary>Describes a run in words.</summary>
    [JsonIgnore]
    public string RunInWords => RequestsPerRun is { } replies ? $"{replies:N0} requests" : $"{DurationS:0.###} s";

    /// <summary>Time before it that was under load but not measured, in seconds.</summary>
    public required double WarmupS { get; init; }

    /// <summary>The servers that were compared.</summary>
    public required IReadOnlyList<ServerReport> Servers { get; init; }

    /// <summary>The results, scenario by scenario.</summary>
    public required IReadOnlyList<ScenarioReport> Scenarios { get; init; }

    /// <summary>The findings: one for each point of each scenario.</summary>
    public IReadOnlyList<Finding> Summary =>
        [.. Scenarios.SelectMany(scenario => scenario.Points.Select(point => new Finding(scenario.Name, point.Label, Sentence.Of(this, point))))];

    /// <summary>The changes since an earlier comparison; null when no baseline was given.</summary>
    public BaselineReport? Baseline { get; init; }

    /// <summary>Reads the text that <see cref="ToJson"/> has written.</summary>
    /// <exception cref="FormatException">It is not a report, or a report of another version; the message says which.</exception>
    public static CompareReport Parse(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string? schema = document.RootElement.TryGetProperty("schema", out JsonElement name) ? name.GetString() : null;
            if (schema != SchemaVersion)
                throw new FormatException($"its schema is {schema ?? "not named"}; {SchemaVersion} is needed: compare anew");
            return document.Deserialize(CompareJson.Default.CompareReport)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"it is no report of a comparison: {e.Message}", e);
        }
    }

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CompareJson.Default.CompareReport);
}

/// <summary>The progress of a comparison when it was interrupted.</summary>
/// <param name="Done">Runs that were finished: only these count.</param>
/// <param name="Total">Runs that were asked for.</param>
public sealed record PartialReport(int Done, int Total)
{
    /// <summary>The same in words.</summary>
    public override string ToString() => $"interrupted after {Done} of {Total} runs: what follows is partial";
}

/// <summary>Describes the figures of a point in words.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Point">The point.</param>
/// <param name="Sentence">Which server is ahead, and by how much; or that they are level.</param>
public sealed record Finding(string Scenario, string Point, string Sentence);

/// <summary>The servers that were compared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is: the model's summary, or the command of a peer.</param>
/// <param name="IsPeer">Whether it is another project's server.</param>
public sealed record ServerReport(string Name, string Description, bool IsPeer);

/// <summary>The results of one scenario.</summary>
/// <param name="Name">The scenario.</param>
/// <param name="Load">A description of the load.</param>
/// <param name="LookFor">What the figures show, in two sentences.</param>
/// <param name="JudgedBy">The figure that the servers are ranked by: its key.</param>
/// <param name="AlsoJudgedBy">The second figure to rank by: its key.</param>
/// <param name="Points">The points at which it was measured.</param>
public sealed record ScenarioReport(
    string Name, string Load, string LookFor, string JudgedBy, string AlsoJudgedBy, IReadOnlyList<PointReport> Points)
{
    /// <summary>Whether the number of connections that send no requests varies from point to point, rather than the number of those that send some.</summary>
    [JsonIgnore]
    public bool VariesOthers => Points.Select(point => point.Others).Distinct().Count() > 1;

    /// <summary>The horizontal axis of a chart: the number that varies from point to point.</summary>
    internal int Across(PointReport point) => VariesOthers ? point.Others : point.Connections;
}

/// <summary>The results at one point of a scenario: with one number of connections.</summary>
/// <param name="Connections">Connections that send requests.</param>
/// <param name="Others">Connections beside them: silent ones, or slow readers.</param>
/// <param name="Label">The point in words.</param>
/// <param name="Results">A result for each server.</param>
public sealed record PointReport(int Connections, int Others, string Label, IReadOnlyList<ServerResult> Results)
{
    /// <summary>Which server is ahead, by each of the two figures that the scenario is judged by.</summary>
    [JsonPropertyName("verdicts")]
    public IReadOnlyList<ComparisonResult> ComparisonResults { get; init; } = [];

    /// <summary>The results that have figures.</summary>
    internal IEnumerable<ServerResult> Measured => Results.Where(result => result.Why is null);
}

/// <summary>One server at one point.</summary>
/// <param name="Server">Its name.</param>
/// <param name="Why">Why there are no figures; null when there are.</param>
/// <param name="Failed">Whether that is because it failed.</param>
/// <param name="Figures">Each figure over the rounds, by its key; null when no round has the figure. Empty when there are no figures.</param>
/// <param name="LatencyCurve">Latencies of all rounds by percentile.</param>
/// <param name="Errors">The errors of all rounds.</param>
/// <param name="Rounds">Each round's figures.</param>
public sealed record ServerResult(
    string Server,
    string? Why,
    bool Failed,
    IReadOnlyDictionary<string, Spread?> Figures,
    IReadOnlyList<CurvePoint> LatencyCurve,
    LoadErrors Errors,
    IReadOnlyList<RoundFigures> Rounds)
{
    /// <summary>A figure over the rounds; null when it is not known.</summary>
    public Spread? this[Metric metric] => Figures.GetValueOrDefault(metric.Key);

    /// <summary>Rounds without one right reply.</summary>
    internal int SilentRounds => Rounds.Count(round => round.ThroughputPerS is null or 0);

    /// <summary>The figures of a separate run in which the kernel counted events, which slows the server; null when there was none.</summary>
    public RoundFigures? Counted { get; init; }

    /// <summary>The sampled stacks of a further run; null without one. Only the page has them.</summary>
    [JsonIgnore]
    public FlameGraph? Flames { get; init; }

    /// <summary>The reasons to trust the figures less.</summary>
    public IReadOnlyList<Caveat> Caveats { get; init; } = [];

    /// <summary>A server that was not measured.</summary>
    public static ServerResult None(string server, string why, bool failed) =>
        new(server, why, failed, new Dictionary<string, Spread?>(), [], new LoadErrors(), []);

    /// <summary>Takes the medians.</summary>
    /// <param name="server">Its name.</param>
    /// <param name="rounds">Each round's figures.</param>
    /// <param name="latencies">The latencies of all rounds.</param>
    /// <param name="errors">The errors of all rounds.</param>
    /// <param name="counted">The figures of the run in which the kernel counted, if there was one.</param>
    /// <param name="doubled">The throughput of a run with twice the connections, if there was one.</param>
    public static ServerResult Of(
        string server, IReadOnlyList<RoundFigures> rounds, LatencyHistogram latencies, LoadErrors errors, RoundFigures? counted = null, double? doubled = null)
    {
        Spread? Over(Metric metric) => Spread.Of(metric.IsCounted ? [counted is null ? null : metric.Of(counted)] : rounds.Select(metric.Of));
        Dictionary<string, Spread?> figures = Metric.All.ToDictionary(metric => metric.Key, Over);
        return new(server, null, false, figures, CurvePoint.CurveOf(latencies), errors, rounds) { Counted = counted, Caveats = [.. Caveat.Of(rounds, doubled)] };
    }
}

/// <summary>A point of a latency curve.</summary>
/// <param name="Percentile">From 0 to 100.</param>
/// <param name="Us">The latency that this percentage of the replies did not exceed, in microseconds.</param>
public readonly record struct CurvePoint(double Percentile, double Us)
{
    private static readonly double[] s_percentiles = [10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.999];

    /// <summary>The curve of a histogram, up to the percentile that its number of values supports.</summary>
    public static IReadOnlyList<CurvePoint> CurveOf(LatencyHistogram latencies) =>
        [.. s_percentiles.Where(percent => latencies.Count * (100 - percent) >= 100).Select(percent => new CurvePoint(percent, latencies.Percentile(percent) / 1e3))];
}

/// <summary>The figures of one run; null stands for a figure that is not known.</summary>
/// <param name="ThroughputPerS">Right replies a second.</param>
/// <param name="P50Us">The median latency in microseconds.</param>
/// <param name="P90Us">The 90th percentile.</param>
/// <param name="P99Us">The 99th percentile.</param>
/// <param name="P999Us">The 99.9th percentile.</param>
/// <param name="MaxUs">The greatest.</param>
/// <param name="Errors">The number of errors.</param>
/// <param name="CpuUsPerRequest">CPU time of the server in microseconds a request, children included.</param>
/// <param name="ContextSwitchesPerRequest">Context switches of the server a request, children included.</param>
/// <param name="MemoryPerConnectionBytes">The growth of the server's memory, divided by the connections.</param>
/// <param name="MemoryBytes">Proportional set size of all the server's processes.</param>
/// <param name="Processes">Processes of the server while loaded.</param>
/// <param name="Threads">Threads of them all.</param>
/// <param name="OfferedPerS">Requests a second that were due, in an open loop.</param>
/// <param name="AnsweredShare">The part of these that was answered, 0 to 1.</param>
/// <param name="ClientBusy">The share of its time in which the busiest thread of the client was busy.</param>
public sealed record RoundFigures(
    double? ThroughputPerS,
    [property: JsonPropertyName("p50_us")] double? P50Us,
    [property: JsonPropertyName("p90_us")] double? P90Us,
    [property: JsonPropertyName("p99_us")] double? P99Us,
    [property: JsonPropertyName("p99_9_us")] double? P999Us,
    double? MaxUs,
    long Errors,
    double? CpuUsPerRequest,
    double? ContextSwitchesPerRequest,
    double? MemoryPerConnectionBytes,
    double? MemoryBytes,
    int? Processes,
    int? Threads,
    double? OfferedPerS,
    double? AnsweredShare,
    double? ClientBusy)
{
    /// <summary>The part of the machine that neither the server nor the client used, but other processes.</summary>
    public double? OthersShare { get; init; }

    /// <summary>The part of the machine that its hypervisor gave to other machines.</summary>
    public double? StolenShare { get; init; }

    /// <summary>Sockets of other processes that listened on the server's port.</summary>
    public int? OtherListeners { get; init; }

    /// <summary>System calls of the server a request; in the run that counts alone.</summary>
    public double? SyscallsPerRequest { get; init; }

    /// <summary>Page faults of the server a request; in the run that counts alone.</summary>
    public double? PageFaultsPerRequest { get; init; }

    /// <summary>Instructions of the server a request, the kernel's included; in the run that counts alone.</summary>
    public double? InstructionsPerRequest { get; init; }
}

/// <summary>How the report is written and read: generated at build time, so without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CompareReport))]
internal sealed partial class CompareJson : JsonSerializerContext;
