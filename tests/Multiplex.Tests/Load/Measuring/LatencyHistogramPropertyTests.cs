using FsCheck;
using Multiplex.Load.Measuring;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Measuring;

/// <summary>The histogram against exact sorted values, whatever they are.</summary>
public class LatencyHistogramPropertyTests
{
    // Exponents spread the values over all octaves from 1 ns to about an hour; a uniform choice would hardly ever make a small one.
    [FsCheckProperty]
    public void A_percentile_is_the_exact_one_or_above_it_by_less_than_a_thousandth(NonEmptyArray<(ushort Exponent, uint Part)> made, ushort part)
    {
        long[] values = [.. made.Get.Select(one => (1L << (one.Exponent % 42)) + (long)((1L << (one.Exponent % 42)) * (one.Part / 4294967296.0)))];
        LatencyHistogram histogram = new();
        foreach (long value in values)
            histogram.Record(value);
        Array.Sort(values);
        double percent = 100 * (part / (double)ushort.MaxValue);
        long exact = values[Math.Clamp((int)Math.Ceiling(percent / 100 * values.Length), 1, values.Length) - 1];
        Assert.That(histogram.Percentile(percent), Is.InRange(exact, exact + (exact / 1024)));
        Assert.That((histogram.Min, histogram.Max), Is.EqualTo((values[0], values[^1])));
    }
}
