using System.Text.Json;
using Multiplex.Load.Comparison;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>report.json: read as it was written, documented, and compared with an earlier one.</summary>
public class CompareReportTests
{
    private static readonly CompareReport s_before = Reports.Of(("poll", [39_000, 40_000, 41_000]), ("pool", [20_000, 20_000, 20_000]), ("fork", []));

    [Test]
    public void What_is_written_is_read_back()
    {
        string json = s_before.ToJson();
        Assert.That(CompareReport.Parse(json).ToJson(), Is.EqualTo(json));
    }

    [TestCase("{}", "not named")]
    [TestCase("""{"schema":"multiplex.compare/2"}""", "multiplex.compare/2")]
    [TestCase("""{"schema":"multiplex.compare/3"}""", "no report")]
    [TestCase("""{"schema":2}""", "no report")]
    [TestCase("[]", "no report")]
    [TestCase("report", "no report")]
    public void What_is_no_report_of_this_version_is_refused_with_the_reason(string json, string reason) =>
        Assert.That(() => CompareReport.Parse(json), Throws.TypeOf<FormatException>().With.Message.Contains(reason));

    [Test]
    public void Every_name_in_it_is_documented()
    {
        string documentation = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "compare.md"));
        using JsonDocument report = JsonDocument.Parse(Models(("poll", [39, 40, 41]), ("pool", [20, 20, 21])).Since(Models(("poll", [1, 1, 1]), ("pool", [1, 1, 1]))).ToJson());
        string[] names = [.. NamesIn(report.RootElement).Distinct()];
        Assert.That(names, Has.Member("throughput_per_s").And.Member("latency_curve").And.Member("changes"));
        Assert.That(names.Where(name => !documentation.Contains($"`{name}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Only_what_moved_beyond_the_spread_of_the_rounds_and_the_tolerance_is_a_change()
    {
        CompareReport before = Models(("poll", [39_000, 40_000, 41_000, 40_000]), ("pool", [19_900, 20_000, 20_100, 20_000]), ("fork", []), ("epoll", [39_990, 40_000, 40_010, 40_000]));
        CompareReport after = Models(
            ("poll", [39_500, 41_500, 42_000, 41_000]), ("pool", [24_900, 25_000, 25_100, 25_000]), ("fork", [1, 1, 1, 1]), ("epoll", [40_790, 40_800, 40_810, 40_800])).Since(before);
        Change[] changes = [.. after.Baseline!.Changes];
        Assert.That(changes.Select(change => change.Server), Is.All.EqualTo("pool"), "poll is within its spread, fork was not measured before, and epoll's 2% are below the tolerance");
        Change throughput = changes.Single(change => change.Metric == Metric.Throughput.Key);
        Change cpu = changes.Single(change => change.Metric == Metric.Cpu.Key);
        Assert.That((throughput.Better, cpu.Better), Is.EqualTo((true, true)));
        Assert.That(throughput.Percent, Is.EqualTo(25).Within(0.01));
        Assert.That(cpu.Percent, Is.EqualTo(-20).Within(0.01));
        Assert.That(Models(("epoll", [40_790, 40_800, 40_810, 40_800])).Since(before, tolerancePercent: 1).Baseline!.Changes, Is.Not.Empty);
    }

    [Test]
    public void What_moves_the_peers_moves_the_machine_and_is_no_change()
    {
        CompareReport before = Models(("poll", [40_000, 40_400, 39_600, 40_000]), ("pool", [20_000, 20_200, 19_800, 20_000]));
        CompareReport slower = Models(("poll", [30_000, 30_300, 29_700, 30_000]), ("pool", [15_000, 15_150, 14_850, 15_000]));
        Assert.That(slower.Since(before).Baseline!.Changes.Select(change => change.Better), Is.Not.Empty.And.All.False);
        Assert.That(Peer(slower, "pool").Since(Peer(before, "pool")).Baseline!.Changes, Is.Empty);
        Assert.That(slower.Since(before).Baseline!.Notes.Single(), Does.Contain("No peer is in both"));
    }

    [Test]
    public void Errors_where_there_were_none_are_worse()
    {
        CompareReport before = Models(("poll", [40, 40, 40]));
        CompareReport after = Models(("poll", [40, 40, 40]));
        PointReport point = after.Scenarios[0].Points[0];
        ServerResult broken = ServerResult.Of("poll", [.. point.Results[0].Rounds.Select(round => round with { Errors = 7 })], new(), new());
        after = after with { Scenarios = [after.Scenarios[0] with { Points = [point with { Results = [broken] }] }] };
        Assert.That(after.Since(before).Baseline!.Changes.Single(), Has.Property("Metric").EqualTo("errors").And.Property("Better").False);
    }

    [Test]
    public void What_makes_two_comparisons_less_comparable_is_noted()
    {
        CompareReport after = Reports.Of(("poll", [1.0])) with { Protocol = "echo", DurationS = 5, Environment = s_before.Environment with { Processors = 64 } };
        BaselineReport baseline = after.Since(s_before).Baseline!;
        Assert.That(string.Join('\n', baseline.Notes), Does.Contain("another machine").And.Contain("with rpc").And.Contain("1 s").And.Contain("single round"));
        Assert.That(baseline.Changes, Is.Empty, "a single round has no spread");
    }

    private static CompareReport Models(params (string Server, double[] Throughputs)[] throughputs)
    {
        CompareReport report = Reports.Of(throughputs);
        return report with { Servers = [.. report.Servers.Select(server => server with { IsPeer = false })] };
    }

    private static CompareReport Peer(CompareReport report, string name) =>
        report with { Servers = [.. report.Servers.Select(server => server with { IsPeer = server.Name == name })] };

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => NamesIn(property.Value).Prepend(property.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
