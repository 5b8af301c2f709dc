using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Judging;
using Perfolizer.Mathematics.Distributions.ContinuousDistributions;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>The conclusions about two servers, from rounds as on a disturbed machine: random with a seed, so the same in each run.</summary>
public class JudgeTests
{
    private const int Comparisons = 20;

    // Of 20 seeds each, so that the figures are not those of one lucky seed.
    private static readonly int[] s_seeds = [1, 2];

    [TestCase(5)]
    [TestCase(10)]
    public void One_server_under_two_names_is_found_to_differ_from_itself_once_in_twenty_comparisons_at_most(int rounds)
    {
        Assert.Multiple(() =>
        {
            foreach (int seed in s_seeds)
                Assert.That(Enumerable.Range(0, Comparisons).Count(i => ClaimsADifference(Compare(new((100 * seed) + i), 1, rounds))), Is.LessThanOrEqualTo(1), $"seed {seed}");
        });
    }

    [Test]
    public void One_server_under_two_names_is_so_with_rounds_until_they_are_precise()
    {
        Assert.Multiple(() =>
        {
            foreach (int seed in s_seeds)
                Assert.That(Enumerable.Range(0, Comparisons).Count(i => ClaimsADifference(CompareUntilPrecise(new((100 * seed) + i), 1))), Is.LessThanOrEqualTo(1), $"seed {seed}");
        });
    }

    [Test]
    public void Five_percent_more_work_are_found_in_18_of_20_comparisons_with_rounds_until_they_are_precise()
    {
        Assert.Multiple(() =>
        {
            foreach (int seed in s_seeds)
            {
                CompareReport[] reports = [.. Enumerable.Range(0, Comparisons).Select(i => CompareUntilPrecise(new((100 * seed) + i), 1.05))];
                Assert.That(reports.Count(ClaimsADifference), Is.GreaterThanOrEqualTo(18), $"seed {seed}");
                Assert.That(reports.Where(ClaimsADifference).Select(report => report.Scenarios[0].Points[0].ComparisonResults.First(one => one.Behind.Any()).Standings[0].Server), Is.All.EqualTo("a"), "and a does less work");
            }
        });
    }

    [Test]
    public void Nine_servers_that_are_the_same_are_seldom_found_to_differ_though_there_are_many_pairs_of_them()
    {
        int claims = Enumerable.Range(0, Comparisons).Count(i => ClaimsADifference(Compare(new(i), Enumerable.Repeat(1.0, 9), 5)));
        Assert.That(claims, Is.LessThanOrEqualTo(1));
    }

    [Test]
    public void Rounds_that_lie_far_apart_are_too_noisy_to_rank_and_no_claim_of_being_level()
    {
        CompareReport report = Reports.Of(("poll", [100, 900, 300, 700, 500]), ("pool", [800, 200, 700, 100, 600]));
        Assert.That(report.Summary.Single().Sentence, Does.Contain("too noisy to rank").And.Not.Contain("level"));
    }

    [Test]
    public void Intervals_hold_the_true_ratio_in_about_95_cases_of_100()
    {
        const int Cases = 400;
        Noise noise = new(7);
        int held = Enumerable.Range(0, Cases).Count(_ =>
        {
            double[][] rounds = [.. noise.Rounds([1, 1.1], 8)];
            PairedRatio ratio = PairedRatio.Of(rounds.Select(round => (double?)round[0]), rounds.Select(round => (double?)round[1]))!;
            return ratio.Low <= 1.1 && 1.1 <= ratio.High;
        });
        Assert.That((double)held / Cases, Is.InRange(0.90, 0.99));
    }

    [Test]
    public void Rounds_that_one_of_two_has_no_figure_for_do_not_count()
    {
        PairedRatio ratio = PairedRatio.Of([2, null, 4, 0, 6], [1, 5, 2, 7, 3])!;
        Assert.That((ratio.Ratio, ratio.Rounds), Is.EqualTo((2.0, 3)).Using<(double Ratio, int Rounds)>((a, b) => Math.Abs(a.Ratio - b.Ratio) < 1e-9 && a.Rounds == b.Rounds));
        Assert.That(PairedRatio.Of([2, null], [1, 5]), Is.Null, "one round says nothing");
    }

    // Values of R: 2 * pt(-t, df)
    [TestCase(2.776445, 4, 0.05)]
    [TestCase(8.610302, 4, 0.001)]
    [TestCase(3.883406, 19, 0.001)]
    [TestCase(0, 3, 1)]
    public void Probabilities_are_those_of_a_table(double t, double freedom, double expected) =>
        Assert.That(Student.TwoSided(t, freedom), Is.EqualTo(expected).Within(1e-6 + (1e-4 * expected)));

    // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R
    [Test]
    public void Corrected_probabilities_are_those_of_Holm() =>
        Assert.That(Student.Holm([0.01, 0.04, 0.03, 0.005]), Is.EqualTo(new[] { 0.03, 0.06, 0.06, 0.02 }).Within(1e-12));

    private static bool ClaimsADifference(CompareReport report) =>
        report.Scenarios.SelectMany(scenario => scenario.Points).SelectMany(point => point.ComparisonResults).Any(outcome => outcome.Behind.Any());

    private static CompareReport Compare(Noise noise, double more, int rounds) => Compare(noise, [1, more], rounds);

    private static CompareReport Compare(Noise noise, IEnumerable<double> works, int rounds) => ReportOf([.. noise.Rounds([.. works], rounds)]);

    // The command's own rule, on rounds that are generated as needed.
    private static CompareReport CompareUntilPrecise(Noise noise, double more)
    {
        const int Most = 20;
        List<double[]> rounds = [];
        while (rounds.Count < Most && !RoundPrecision.IsReached(ReportOf(rounds).Scenarios[0].Points[0].Results, Metric.Throughput, 3))
            rounds.AddRange(noise.Rounds([1, more], 1));
        return ReportOf(rounds);
    }

    private static CompareReport ReportOf(List<double[]> rounds) => rounds.Count == 0
        ? Reports.Of(("a", []), ("b", []))
        : Reports.Of([.. rounds[0].Select((_, i) => ($"{(char)('a' + i)}", rounds.Select(round => round[i]).ToArray()))]);

    /// <summary>A machine that others use too: a whole round is disturbed, each run in it a little more, and some runs a lot.</summary>
    private sealed class Noise(int seed)
    {
        private const double OfARound = 0.15, OfARun = 0.015, Often = 0.03, Much = 0.15;

        private readonly Random _random = new(seed);

        /// <summary>The throughput of each server in each round, given the work that it does for a request.</summary>
        public IEnumerable<double[]> Rounds(double[] works, int rounds)
        {
            for (int round = 0; round < rounds; round++)
            {
                double machine = 40_000 * Math.Exp(OfARound * Normal());
                yield return [.. works.Select(work => machine / work * Math.Exp(OfARun * Normal()) * (_random.NextDouble() < Often ? 1 - Much : 1))];
            }
        }

        private double Normal() => NormalDistribution.Standard.Quantile(Math.Clamp(_random.NextDouble(), 1e-9, 1 - 1e-9));
    }
}
