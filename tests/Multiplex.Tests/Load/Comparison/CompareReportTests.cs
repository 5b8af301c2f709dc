using System.Text.Json;
using Multiplex.Load.Comparison;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>report.json: read as it was written, documented, and held against an earlier one.</summary>
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
    [TestCase("""{"schema":"multiplex.compare/1"}""", "multiplex.compare/1")]
    [TestCase("""{"schema":"multiplex.compare/2"}""", "no report")]
    [TestCase("""{"schema":2}""", "no report")]
    [TestCase("[]", "no report")]
    [TestCase("report", "no report")]
    public void What_is_no_report_of_this_version_is_refused_with_the_reason(string json, string reason) =>
        Assert.That(() => CompareReport.Parse(json), Throws.TypeOf<FormatException>().With.Message.Contains(reason));

    [Test]
    public void Every_name_in_it_is_documented()
    {
        string documentation = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "compare.md"));
        using JsonDocument report = JsonDocument.Parse(s_before.Since(Reports.Of(("poll", [1, 2, 3]), ("pool", [1, 2, 3]), ("fork", []))).ToJson());
        string[] names = [.. NamesIn(report.RootElement).Distinct()];
        Assert.That(names, Has.Member("throughput_per_s").And.Member("latency_curve").And.Member("changes"));
        Assert.That(names.Where(name => !documentation.Contains($"`{name}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void Only_what_moved_beyond_both_spreads_is_a_change()
    {
        CompareReport after = Reports.Of(("poll", [39_500, 41_500, 42_000]), ("pool", [25_000, 25_000, 25_000]), ("fork", [1, 1, 1])).Since(s_before);
        Change[] changes = [.. after.Baseline!.Changes];
        Assert.That(changes.Select(change => change.Server), Is.All.EqualTo("pool"), "poll is within its spread, and fork was not measured before");
        Change throughput = changes.Single(change => change.Measure == Measure.Throughput.Key);
        Change cpu = changes.Single(change => change.Measure == Measure.Cpu.Key);
        Assert.That((throughput.Better, cpu.Better), Is.EqualTo((true, true)));
        Assert.That(throughput.Percent, Is.EqualTo(25).Within(1e-6));
        Assert.That(cpu.Percent, Is.EqualTo(-20).Within(1e-6));
        Assert.That(after.Baseline.Notes, Is.Empty);
    }

    [Test]
    public void What_makes_two_comparisons_less_comparable_is_noted()
    {
        CompareReport after = Reports.Of(("poll", [1.0])) with { Protocol = "echo", DurationS = 5, Environment = s_before.Environment with { Processors = 64 } };
        BaselineReport baseline = after.Since(s_before).Baseline!;
        Assert.That(string.Join('\n', baseline.Notes), Does.Contain("another machine").And.Contain("with rpc").And.Contain("1 s").And.Contain("single round"));
        Assert.That(baseline.Changes, Is.Empty, "a single round has no spread");
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => NamesIn(property.Value).Prepend(property.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
