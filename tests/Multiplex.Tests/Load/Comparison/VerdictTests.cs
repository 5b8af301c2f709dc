using Multiplex.Load.Comparison;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>Medians, their spread, and what may be said of two of them.</summary>
public class VerdictTests
{
    [TestCase(new double[] { 7 }, 7, 7, 7)]
    [TestCase(new double[] { 3, 1, 2 }, 2, 1, 3)]
    [TestCase(new double[] { 4, 1, 3, 2 }, 2.5, 1, 4)]
    public void A_spread_has_the_middle_the_least_and_the_greatest(double[] values, double median, double low, double high) =>
        Assert.That(Spread.Of(values), Is.EqualTo(new Spread(median, low, high)));

    [TestCase(100, 90, 110, 121, 111, 131, true)]
    [TestCase(100, 90, 110, 120, 110, 130, false)]
    [TestCase(100, 100, 100, 100, 100, 100, false)]
    [TestCase(100, 100, 100, 101, 101, 101, true)]
    public void One_is_beyond_another_when_their_medians_lie_further_apart_than_both_spreads(
        double one, double low, double high, double other, double otherLow, double otherHigh, bool beyond)
    {
        (Spread a, Spread b) = (new(one, low, high), new(other, otherLow, otherHigh));
        Assert.That((a.IsBeyond(b), b.IsBeyond(a)), Is.EqualTo((beyond, beyond)));
    }

    [FsCheckProperty]
    public void Nothing_is_beyond_itself_and_the_order_of_two_is_of_no_account(double[] some, double[] more)
    {
        double[] ones = [1, .. some.Where(double.IsFinite)], others = [2, .. more.Where(double.IsFinite)];
        (Spread a, Spread b) = (Spread.Of(ones), Spread.Of(others));
        Assert.That((a.IsBeyond(a), a.IsBeyond(b)), Is.EqualTo((false, b.IsBeyond(a))));
        Assert.That(a.Median, Is.InRange(a.Low, a.High));
    }

    [Test]
    public void Who_leads_beyond_both_spreads_is_named_with_its_lead_and_the_last()
    {
        CompareReport report = Reports.Of(("fork", [9_900, 10_000, 10_100]), ("poll", [39_000, 40_000, 41_000]), ("pool", [32_000, 32_000, 32_000]));
        Assert.That(report.Summary.Single(), Is.EqualTo(new Finding(
            "echo",
            "50 connections",
            "poll leads with 40k requests/s, 25% more than pool; fork has 10k. Least CPU/request: poll, 25 µs; fork has 100 µs.")));
    }

    [Test]
    public void Who_is_within_the_spread_of_the_best_is_level_with_it()
    {
        CompareReport report = Reports.Of(("poll", [30_000, 40_000, 50_000]), ("epoll", [35_000, 36_000, 37_000]), ("fork", [1000, 1000, 1000]));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("poll and epoll are level within their spread at about 40k requests/s, 40 times as much as fork."));
    }

    [Test]
    public void Servers_that_are_all_level_have_no_last()
    {
        CompareReport report = Reports.Of(("poll", [30_000, 40_000, 50_000]), ("epoll", [35_000, 36_000, 37_000]));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("All are level within their spread, at about 40k requests/s. Least CPU/request: all are level"));
    }

    [Test]
    public void A_single_round_leads_nobody()
    {
        CompareReport report = Reports.Of(("poll", [40_000]), ("fork", [1000]));
        Assert.That(report.Summary.Single().Sentence, Does.Contain("poll had 40k requests/s").And.Contain("no lead is called"));
    }

    [Test]
    public void Who_was_not_measured_is_no_part_of_the_verdict()
    {
        CompareReport report = Reports.Of(("poll", [40_000, 40_000, 40_000]), ("pool", []));
        Assert.That(report.Summary.Single().Sentence, Does.StartWith("poll alone was measured").And.Not.Contain("pool"));
    }

    [TestCase("cpu_us_per_request", "fast")]
    [TestCase("p99_us", "fast")]
    [TestCase("throughput_per_s", "fast")]
    public void Where_less_is_better_the_least_is_the_best(string key, string best)
    {
        PointReport point = Reports.Of(("slow", [10, 11, 12]), ("fast", [100, 101, 102])).Scenarios[0].Points[0];
        Verdict verdict = Verdict.Of(point, Measure.Find(key))!;
        Assert.That(verdict.Ranked[0].Server, Is.EqualTo(best));
        Assert.That(verdict.ShareOf(verdict.Ranked[0]), Is.EqualTo(1));
        Assert.That(verdict.ShareOf(verdict.Ranked[1]), Is.EqualTo(11.0 / 101).Within(0.1).Percent);
    }
}
