using Multiplex.Load.Measuring;

namespace Multiplex.Tests.Load.Measuring;

/// <summary>The histogram against exact sorted values.</summary>
public class LatencyHistogramTests
{
    private static readonly double[] s_percentiles = [0, 1, 50, 90, 99, 99.9, 99.99, 100];

    [Test]
    public void Every_percentile_agrees_with_the_sorted_values_to_three_significant_digits([Range(1, 20)] int seed)
    {
        Random random = new(seed);
        LatencyHistogram histogram = new();
        long[] values = new long[5000];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (long)Math.Exp(random.NextDouble() * Math.Log(3.6e12));   // from a nanosecond to an hour
            histogram.Record(values[i]);
        }

        Array.Sort(values);
        foreach (double percent in s_percentiles)
        {
            long exact = values[Math.Max((int)Math.Ceiling(percent / 100 * values.Length), 1) - 1];
            Assert.That(histogram.Percentile(percent), Is.InRange(exact, exact + (exact / 1000)), $"p{percent}");
        }

        Assert.That((histogram.Min, histogram.Max, histogram.Count), Is.EqualTo((values[0], values[^1], values.LongLength)));
        Assert.That(histogram.Mean, Is.EqualTo(values.Average()).Within(0.001).Percent);
    }

    [Test]
    public void Two_histograms_added_are_as_one_that_saw_everything()
    {
        LatencyHistogram one = new(), other = new(), both = new();
        for (int i = 0; i < 1000; i++)
        {
            (i % 3 == 0 ? one : other).Record(i * 977);
            both.Record(i * 977);
        }

        one.Add(other);
        Assert.That(s_percentiles.Select(one.Percentile), Is.EqualTo(s_percentiles.Select(both.Percentile)));
        Assert.That((one.Count, one.Min, one.Max), Is.EqualTo((both.Count, both.Min, both.Max)));
    }

    [Test]
    public void A_latency_recorded_for_several_requests_at_once_counts_as_if_recorded_for_each()
    {
        LatencyHistogram together = new(), each = new();
        for (int count = 1; count <= 50; count++)
        {
            long latency = (count * 7919L) - 10_000;   // some are negative
            together.Record(latency, count);
            for (int i = 0; i < count; i++)
                each.Record(latency);
        }

        Assert.That(s_percentiles.Select(together.Percentile), Is.EqualTo(s_percentiles.Select(each.Percentile)));
        Assert.That((together.Count, together.Min, together.Max, together.Mean), Is.EqualTo((each.Count, each.Min, each.Max, each.Mean)));
    }

    [Test]
    public void An_empty_histogram_has_nothing_to_tell()
    {
        LatencyHistogram histogram = new();
        histogram.Record(5);
        histogram.Clear();
        Assert.That((histogram.Count, histogram.Max, histogram.Percentile(99)), Is.EqualTo((0L, 0L, 0L)));
    }

    [Test]
    public void What_is_longer_than_the_last_bucket_is_still_counted()
    {
        LatencyHistogram histogram = new();
        histogram.Record(long.MaxValue);
        Assert.That((histogram.Count, histogram.Max), Is.EqualTo((1L, long.MaxValue)));
    }
}
