using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Judging;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>Medians, their spread, and the conclusions about several servers.</summary>
public class ComparisonResultTests
{
    [TestCase(new double[] { 7 }, 7, 7, 7)]
    [TestCase(new double[] { 3, 1, 2 }, 2, 1, 3)]
    [TestCase(new double[] { 4, 1, 3, 2 }, 2.5, 1, 4)]
    public void A_spread_has_the_middle_the_least_and_the_greatest(double[] values, double median, double low, double high) =>
        Assert.That(Spread.Of(values.Cast<double?>()), Is.EqualTo(new Spread(median, low, high)));

    [Test]
    public void A_round_without_a_figure_has_no_part_in_the_median_and_no_figure_at_all_is_none()
    {
        Assert.That(Spread.Of([3, null, 5]), Is.EqualTo(new Spread(4, 3, 5)));
        Assert.That(Spread.Of([null, null]), Is.Null);
    }

    [Test]
    public void A_server_that_leads_is_named_with_its_lead_and_the_last()
    {
        CompareReport report = Reports.Of(("fork", [9_900, 10_000, 10_100]), ("poll", [39_600, 40_000, 40_400]), ("pool", [31_600, 32_000, 32_400]));
        Assert.That(report.Summary.Single(), Is.EqualTo(new Finding(
            "echo",
            "50 connections",
            "poll leads with 40k requests/s, 25% more than pool (its share 80%, from 80 to 80%); fork has 10k. Least CPU/request: poll, 25 µs; fork has 100 µs.")));
    }

    [Test]
    public void Servers_whose_ratios_stay_near_1_are_level_though_the_machine_changes()
    {
        CompareReport report = Reports.Of(("poll", [30_000, 40_000, 50_000]), ("epoll", [30_100, 39_900, 50_100]), ("fork", [1000, 1300, 1700]));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("poll and epoll are level within ±").And.Contain("times as much as fork"));
    }

    [Test]
    public void Servers_that_are_all_level_have_no_last()
    {
        CompareReport report = Reports.Of(("poll", [30_000, 40_000, 50_000]), ("epoll", [30_100, 39_900, 50_100]));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("all are level within ±").And.Contain("Least CPU/request: all are level"));
    }

    [Test]
    public void A_single_round_leads_nowhere()
    {
        CompareReport report = Reports.Of(("poll", [40_000]), ("fork", [1000]));
        Assert.That(report.Summary.Single().Sentence, Does.Contain("poll had 40k requests/s").And.Contain("cannot tell a lead"));
    }

    [Test]
    public void Servers_without_figures_are_named_with_the_reason()
    {
        CompareReport report = Reports.Of(
            new PointReport(50, 0, "50 connections",
            [
                Reports.Result(("poll", [40_000, 40_000, 40_000])),
                ServerResult.None("mute", "not one right reply: 0 wrong ones, 3 connections lost", failed: true),
                ServerResult.None("pool", "serves 64 connections at a time", failed: false),
            ]));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("poll alone was measured")
            .And.EndsWith("No figures: mute (not one right reply), pool (serves 64 connections at a time)."));
    }

    [Test]
    public void A_server_that_gave_no_reply_in_some_rounds_is_named()
    {
        CompareReport report = Reports.Of(("poll", [400, 404, 400, 396]), ("fork", [100, 0, 101, 99]));
        Assert.That(report.Summary.Single().Sentence, Does.EndWith("fork gave no right reply in 1 of 4 rounds."));
    }

    [Test]
    public void A_figure_that_is_not_known_wins_nothing()
    {
        RoundFigures[] unknown = [.. new double[] { 400, 400, 400 }.Select(one => Reports.Figures(one) with { CpuUsPerRequest = null, MemoryPerConnectionBytes = null })];
        CompareReport report = Reports.Of(new PointReport(50, 0, "50 connections",
        [
            Reports.Result(("poll", [400, 404, 396])),
            ServerResult.Of("peer", unknown, new(), new()),
        ]));
        Assert.That(report.Scenarios[0].Points[0].ComparisonResults[1].Standings.Select(one => one.Server), Is.EqualTo(new[] { "poll" }));
        Assert.That(report.ToJson(), Does.Contain("\"cpu_us_per_request\": null"));
    }

    [Test]
    public void A_server_that_was_offered_more_than_another_is_judged_by_the_share_that_it_answered()
    {
        ServerResult Overloaded(string server, double offered, double answered) => ServerResult.Of(
            server,
            [.. new[] { 0.99, 1, 1.01 }.Select(noise => Reports.Figures(answered * noise) with { OfferedPerS = offered, AnsweredShare = answered * noise / offered })],
            new(),
            new());
        CompareReport report = Reports.Of(new PointReport(32, 0, "32 connections", [Overloaded("strong", 30_000, 12_000), Overloaded("weak", 9_000, 6_000)]));
        report = (report with { Scenarios = [report.Scenarios[0] with { JudgedBy = Metric.Answered.Key }] }).Judged();
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("weak leads with 67% of 9k/s answered").And.Contain("more than strong"));
        Assert.That(ScenarioCatalog.All.Where(scenario => scenario.Overload > 0).Select(scenario => scenario.JudgedBy), Is.All.EqualTo(Metric.Answered));
    }

    [TestCase("cpu_us_per_request")]
    [TestCase("throughput_per_s")]
    public void Where_less_is_better_the_least_is_the_best(string key)
    {
        PointReport point = Reports.Of(("slow", [10, 11, 12]), ("fast", [100, 110, 120])).Scenarios[0].Points[0];
        ComparisonResult outcome = point.ComparisonResults.Single(one => one.By == key);
        Assert.That(outcome.Standings.Select(one => (one.Server, one.Place)), Is.EqualTo(new[] { ("fast", Place.Best), ("slow", Place.Behind) }));
        Assert.That(outcome.Metric.ShareOf(point.Results[0][outcome.Metric]!.Value.Median, point.Results[1][outcome.Metric]!.Value.Median), Is.EqualTo(0.1).Within(1e-6));
    }
}
