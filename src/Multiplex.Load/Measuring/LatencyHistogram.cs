using System.Numerics;

namespace Multiplex.Load.Measuring;

/// <summary>
/// Latencies in log-linear buckets: each power of two is cut into 1024 equal parts, so that any value is kept to three
/// significant digits, from a nanosecond to hours, in a fixed amount of memory and a few instructions.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBucketBits = 10;
    private const int SubBuckets = 1 << SubBucketBits;
    private const int Octaves = 43;   // 2^(10 + 42) ns: longer than a month

    private readonly long[] _counts = new long[(Octaves + 1) * SubBuckets];

    /// <summary>The number of recorded values.</summary>
    public long Count { get; private set; }

    /// <summary>The greatest value, exactly, in nanoseconds.</summary>
    public long Max { get; private set; }

    /// <summary>The least value, exactly, in nanoseconds; 0 when there is none.</summary>
    public long Min { get; private set; }

    /// <summary>The mean of the values in nanoseconds; 0 when there is none.</summary>
    public double Mean => Count == 0 ? 0 : Sum / (double)Count;

    /// <summary>The counts of all buckets up to the last one that has any.</summary>
    internal ReadOnlySpan<long> Counts => _counts.AsSpan(0, Count == 0 ? 0 : BucketOf(Max) + 1);

    /// <summary>The sum of the values in nanoseconds.</summary>
    internal long Sum { get; private set; }

    /// <summary>Records a latency.</summary>
    /// <param name="nanoseconds">The latency; a negative one counts as 0.</param>
    /// <param name="count">The number of requests with it: at least 1.</param>
    public void Record(long nanoseconds, int count = 1)
    {
        long value = Math.Max(nanoseconds, 0);
        _counts[BucketOf(value)] += count;
        Min = Count == 0 ? value : Math.Min(Min, value);
        Max = Math.Max(Max, value);
        Sum += value * count;
        Count += count;
    }

    /// <summary>Adds the values of another histogram.</summary>
    public void Add(LatencyHistogram other)
    {
        if (other.Count == 0)
            return;
        for (int i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        Min = Count == 0 ? other.Min : Math.Min(Min, other.Min);
        Max = Math.Max(Max, other.Max);
        Sum += other.Sum;
        Count += other.Count;
    }

    /// <summary>The values that were recorded, ascending, each as the highest of its bucket, and how often.</summary>
    internal IEnumerable<(long Value, long Count)> Values()
    {
        for (int i = 0; Count > 0 && i <= BucketOf(Max); i++)
        {
            if (_counts[i] > 0)
                yield return (Math.Min(HighestIn(i), Max), _counts[i]);
        }
    }

    /// <summary>Adds values of which only the bucket is known: the mean uses the middle of the bucket; the least and the greatest value use its ends.</summary>
    internal void Add(int bucket, long count)
    {
        if (count == 0)
            return;
        bucket = Math.Min(bucket, _counts.Length - 1);
        (long least, long most) = (bucket == 0 ? 0 : HighestIn(bucket - 1) + 1, HighestIn(bucket));
        _counts[bucket] += count;
        Min = Count == 0 ? least : Math.Min(Min, least);
        Max = Math.Max(Max, most);
        Sum += count * (least + ((most - least) / 2));
        Count += count;
    }

    /// <summary>Says of values of which only the buckets were known what the least, the greatest and the sum are.</summary>
    /// <exception cref="FormatException">These values are not in the buckets.</exception>
    internal void Refine(long min, long max, long sum)
    {
        bool fits = Count == 0
            ? (min, max, sum) == (0, 0, 0)
            : BucketOf(min) == BucketOf(Min) && BucketOf(max) == BucketOf(Max) && sum / Count >= min && sum / Count <= max;
        if (!fits)
            throw new FormatException("the least, the greatest and the sum of the latencies are not those of the counts");
        (Min, Max, Sum) = (min, max, sum);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        (Count, Min, Max, Sum) = (0, 0, 0, 0);
    }

    /// <summary>
    /// The value in nanoseconds that this percentage of the values does not exceed (nearest rank), to three significant
    /// digits and never above <see cref="Max"/>; 0 when there is none.
    /// </summary>
    /// <param name="percent">From 0 to 100.</param>
    public long Percentile(double percent)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        long rank = Math.Clamp((long)Math.Ceiling(percent / 100 * Count), 1, Math.Max(Count, 1));
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
                return Math.Min(HighestIn(i), Max);
        }

        return 0;
    }

    // Values below 1024 have a bucket each; above, the bits after the leading one choose the part of the octave.
    private static int BucketOf(long value)
    {
        if (value < SubBuckets)
            return (int)value;
        int octave = BitOperations.Log2((ulong)value) - SubBucketBits;
        int bucket = ((octave + 1) << SubBucketBits) + (int)((value >> octave) & (SubBuckets - 1));
        return Math.Min(bucket, ((Octaves + 1) * SubBuckets) - 1);
    }

    private static long HighestIn(int bucket)
    {
        int octave = (bucket >> SubBucketBits) - 1;
        return octave < 0 ? bucket : ((long)((bucket & (SubBuckets - 1)) + SubBuckets + 1) << octave) - 1;
    }
}
