using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;

namespace Multiplex.Tests.Load.Measuring;

/// <summary>The search for the capacity, on servers that are functions: how far one noisy run may change the result.</summary>
public class CapacitySearchTests
{
    private const double Peak = 10_000;

    /// <summary>Searches; <c>holds</c> gets the rate and how often it has been tried before.</summary>
    private static CapacitySearch Search(Func<double, int, bool> holds)
    {
        Dictionary<double, int> tries = [];
        CapacitySearch search = new(Peak, leastPerS: 1, rate =>
        {
            int before = tries.GetValueOrDefault(rate);
            tries[rate] = before + 1;
            bool held = holds(rate, before);
            return new(rate, rate, LatencyReport.Of(new()), new(), held, held ? "holds" : "misses");
        });
        int shown = 0, tried = 0;
        search.Run(_ => shown++, step => Assert.That(step, Is.SameAs(search.Steps[tried++])));
        Assert.That((shown, tried), Is.EqualTo((search.Steps.Count, search.Steps.Count)), "each run is said before and after");
        return search;
    }

    [TestCase(9_999)]
    [TestCase(7_000)]
    [TestCase(500)]
    [TestCase(100)]
    public void The_capacity_is_found_within_three_percent(double capacity)
    {
        CapacitySearch search = Search((rate, _) => rate <= capacity);
        Assert.That(search.CapacityPerS, Is.InRange(0.96 * capacity, capacity));
        Assert.That((search.IsMonotone, search.Warnings()), Is.EqualTo((true, Array.Empty<string>())));
    }

    [Test]
    public void A_server_that_holds_nothing_has_no_capacity()
    {
        CapacitySearch search = Search((_, _) => false);
        Assert.That((search.CapacityPerS, search.IsMonotone), Is.EqualTo((0, true)));
    }

    [Test]
    public void One_noisy_run_decides_nothing_at_any_rate()
    {
        CapacitySearch search = Search((rate, before) => rate <= 7_000 && before > 0);
        Assert.That(search.CapacityPerS, Is.InRange(6_700, 7_000));
        Assert.That(search.IsMonotone, Is.True);
        Assert.That(search.Steps.Where(step => step.RatePerS <= 7_000).GroupBy(step => step.RatePerS).Select(rate => rate.Count()), Is.All.EqualTo(3), "two of three");
    }

    [Test]
    public void A_rate_that_holds_above_one_that_does_not_is_no_capacity()
    {
        CapacitySearch search = Search((rate, _) => rate is > 6_000 and <= 9_000 or <= 500);
        Assert.That(search.CapacityPerS, Is.InRange(480, 500));
        Assert.That(search.IsMonotone, Is.False);
        Assert.That(search.Warnings().Single(), Does.StartWith("the curve is not monotone: "));
    }

    [Test]
    public void What_is_found_until_a_search_is_ended_early_is_kept()
    {
        int runs = 0;
        CapacitySearch search = new(Peak, leastPerS: 1, rate => ++runs > 1
            ? throw new OperationCanceledException()
            : new(rate, rate, LatencyReport.Of(new()), new(), true, "holds"));
        Assert.That(() => search.Run(_ => { }, _ => { }), Throws.TypeOf<OperationCanceledException>());
        Assert.That((search.CapacityPerS, search.Steps.Count), Is.EqualTo((8_000, 1)));
    }
}
