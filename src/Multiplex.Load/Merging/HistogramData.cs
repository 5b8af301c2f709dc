using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Load.Merging;

/// <summary>A histogram as it is sent: nothing is lost, so histograms of many machines add up as if one had seen everything.</summary>
/// <param name="Count">The number of values, which the receiver checks.</param>
/// <param name="Min">The least, in nanoseconds.</param>
/// <param name="Max">The greatest.</param>
/// <param name="Sum">The sum.</param>
/// <param name="Counts">The counts of the buckets, as in a log of histograms.</param>
internal sealed record HistogramData(long Count, long Min, long Max, long Sum, string Counts)
{
    /// <summary>A copy of a histogram.</summary>
    public static HistogramData Of(LatencyHistogram h) => new(h.Count, h.Min, h.Max, h.Sum, HistogramLog.Encode(h));

    /// <summary>The histogram.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public LatencyHistogram ToHistogram()
    {
        LatencyHistogram read = new();
        HistogramLogReader.Add(Counts, read);
        if (read.Count != Count)
            throw new FormatException($"a histogram of {Count} latencies has {read.Count}");
        read.Refine(Min, Max, Sum);
        return read;
    }
}
