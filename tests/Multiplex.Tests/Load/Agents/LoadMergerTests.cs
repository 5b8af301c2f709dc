using FsCheck;
using Multiplex.Load.Nats.Messages;
using Multiplex.Load.Measuring;
using Multiplex.Load.Merging;
using FsCheckProperty = FsCheck.NUnit.PropertyAttribute;

namespace Multiplex.Tests.Load.Agents;

/// <summary>What parts of a load measured adds up, exactly, to what one generator would have measured.</summary>
public class LoadMergerTests
{
    private static readonly double[] s_percents = [0, 1, 50, 90, 99, 99.9, 99.99, 100];

    // Each value belongs to a part and to a second of it; what is sent is written and read as between machines.
    [FsCheckProperty]
    public void The_latencies_are_those_of_the_concatenated_raw_data(NonEmptyArray<(ushort Exponent, uint Fraction, byte Part, byte Second)> made)
    {
        const int Parts = 3, Seconds = 4;
        (long Value, int Part, int Second)[] raw = [.. made.Get.Select(one => (ValueOf(one.Exponent, one.Fraction), one.Part % Parts, one.Second % Seconds))];
        Dictionary<int, LatencyHistogram> told = [];
        LoadMerger merger = new([true, true, true], (second, latencies) => told.Add(second.Second, Copy(latencies)));
        for (int part = 0; part < Parts; part++)
        {
            for (int second = 0; second < Seconds; second++)
                merger.Add(part, Sent(SecondOf(second, raw.Where(one => one.Part == part && one.Second == second).Select(one => one.Value))));
            merger.Add(part, Sent(TallyOf(Seconds, raw.Where(one => one.Part == part).Select(one => one.Value))));
        }

        LoadTally sum = merger.Finish(DateTimeOffset.UnixEpoch);
        MustBe(sum.Latencies, [.. raw.Select(one => one.Value)]);
        Assert.That(sum.Replies, Is.EqualTo(raw.Length));
        Assert.That(sum.Seconds.Select(second => second.Replies), Is.EqualTo(Enumerable.Range(0, Seconds).Select(second => raw.LongCount(one => one.Second == second))));
        for (int second = 0; second < Seconds; second++)
            MustBe(told[second], [.. raw.Where(one => one.Second == second).Select(one => one.Value)]);
    }

    [Test]
    public void Counts_of_all_kinds_are_sums()
    {
        LoadMerger merger = new([true, true]);
        TallyData[] parts = [Everything(1), Everything(10)];
        for (int i = 0; i < parts.Length; i++)
        {
            merger.Add(i, SecondOf(0, []));
            merger.Add(i, Sent(parts[i]));
        }

        LoadTally sum = merger.Finish(DateTimeOffset.UnixEpoch);
        Assert.That((sum.Replies, sum.Unanswered, sum.SlowReplies, sum.Starved), Is.EqualTo((11L, 22L, 33L, 44)));
        Assert.That((sum.BytesSent, sum.BytesReceived, sum.Elapsed, sum.BusiestThread), Is.EqualTo((55L, 66L, TimeSpan.FromSeconds(10), 0.7)));
        Assert.That((sum.Errors.WrongReplies, sum.Errors.Resets, sum.SlowErrors.Timeouts), Is.EqualTo((11L, 22L, 33L)));
        Assert.That(sum.Errors.Statuses, Is.EquivalentTo(new Dictionary<string, long> { ["NFS3ERR_STALE"] = 11 }));
        Assert.That(sum.RepliesByConnection, Is.EqualTo([3L, 4L, 30L, 40L]));
        Assert.That(sum.Seconds.Select(second => second.Unanswered), Is.EqualTo([22L]));
        Assert.That((sum.Services.Count, sum.Lags.Max, sum.Connects.Min), Is.EqualTo((2L, 50L, 6L)));
        Assert.That(sum.IsInterrupted);
    }

    [Test]
    public void A_second_is_over_when_all_parts_that_go_on_have_told_it()
    {
        List<(int Second, long Replies)> told = [];
        LoadMerger merger = new([true, true], (second, _) => told.Add((second.Second, second.Replies)));
        merger.Add(0, SecondOf(0, [1]));
        merger.Add(0, SecondOf(1, [1, 2]));
        Assert.That(told, Is.Empty);
        merger.Add(1, SecondOf(0, [1]));
        Assert.That(told, Is.EqualTo([(0, 2L)]));
        merger.Add(1, TallyOf(1, [1]));
        Assert.That(told, Is.EqualTo([(0, 2L), (1, 2L)]), "the second part ended before it");
        Assert.That(merger.IsComplete, Is.False);
    }

    [Test]
    public void What_came_after_the_end_is_told_once_and_is_no_second()
    {
        List<(bool IsAfterEnd, long Count)> told = [];
        LoadMerger merger = new([true, true], (second, latencies) => told.Add((second.IsAfterEnd, latencies.Count)));
        foreach (int part in (int[])[0, 1])
        {
            merger.Add(part, SecondOf(0, [1]));
            merger.Add(part, SecondOf(1, [5]) with { IsAfterEnd = true, Replies = 0 });
            merger.Add(part, TallyOf(1, [1, 5]) with { Replies = 1 });
        }

        Assert.That(told, Is.EqualTo([(false, 2L), (true, 2L)]));
        LoadTally sum = merger.Finish(DateTimeOffset.UnixEpoch);
        Assert.That((sum.Seconds.Count, sum.Latencies.Count, sum.Replies), Is.EqualTo((1, 4L, 2L)));
    }

    [Test]
    public void Where_some_measure_their_latencies_alone_are_told_and_the_replies_of_all()
    {
        LatencyHistogram told = new();
        LoadMerger merger = new([false, true], (_, latencies) => told.Add(latencies));
        merger.Add(0, SecondOf(0, [1_000, 1_000]));
        merger.Add(1, SecondOf(0, [7]));
        merger.Add(0, TallyOf(1, [1_000, 1_000]));
        merger.Add(1, TallyOf(1, [7]));
        LoadTally sum = merger.Finish(DateTimeOffset.UnixEpoch);
        Assert.That((sum.Latencies.Count, sum.Latencies.Max, sum.Replies, told.Max), Is.EqualTo((1L, 7L, 3L, 7L)));
        Assert.That(sum.Seconds[0].Replies, Is.EqualTo(3));
    }

    [Test]
    public void A_second_that_got_lost_is_noticed()
    {
        LoadMerger merger = new([true]);
        Assert.That(() => merger.Add(0, SecondOf(1, [1])), Throws.TypeOf<FormatException>().With.Message.EqualTo("second 1 was told after 0 seconds: what was between got lost"));
        merger.Add(0, SecondOf(0, [1]));
        Assert.That(() => merger.Add(0, SecondOf(0, [1])), Throws.TypeOf<FormatException>(), "told twice");
        Assert.That(() => merger.Add(0, TallyOf(2, [1])), Throws.TypeOf<FormatException>(), "the last second is missing");
        Assert.That(() => merger.Add(0, TallyOf(1, [1, 2])), Throws.TypeOf<FormatException>(), "what came after the end is missing");
        merger.Add(0, TallyOf(1, [1]));
        Assert.That(merger.IsComplete);
    }

    [Test]
    public void A_histogram_that_is_damaged_is_noticed()
    {
        HistogramData whole = HistogramData.Of(Of([5, 70_000]));
        foreach (HistogramData damaged in (HistogramData[])[whole with { Count = 3 }, whole with { Min = 4 }, whole with { Max = 90_000 }, whole with { Sum = 1 }, whole with { Counts = "AAAA" }, whole with { Counts = "?" }])
            Assert.That(damaged.ToHistogram, Throws.TypeOf<FormatException>(), $"{damaged}");
        LatencyHistogram read = whole.ToHistogram();
        Assert.That((read.Count, read.Min, read.Max, read.Mean), Is.EqualTo((2L, 5L, 70_000L, 35_002.5)));
    }

    private static void MustBe(LatencyHistogram merged, long[] raw)
    {
        LatencyHistogram whole = Of(raw);
        Assert.That((merged.Count, merged.Min, merged.Max, merged.Mean), Is.EqualTo((whole.Count, whole.Min, whole.Max, whole.Mean)));
        Assert.That(merged.Counts.ToArray(), Is.EqualTo(whole.Counts.ToArray()));
        Array.Sort(raw);
        foreach (double percent in s_percents.Where(_ => raw.Length > 0))
        {
            long exact = raw[Math.Clamp((int)Math.Ceiling(percent / 100 * raw.Length), 1, raw.Length) - 1];
            Assert.That(merged.Percentile(percent), Is.InRange(exact, exact + (exact / 1024)), $"p{percent}: within the precision of the histogram");
        }
    }

    private static SecondData SecondOf(int second, IEnumerable<long> values)
    {
        LatencyHistogram latencies = Of(values);
        return new(second, IsAfterEnd: false, 1, latencies.Count, 0, 0, 0, HistogramData.Of(latencies));
    }

    private static TallyData TallyOf(int seconds, IEnumerable<long> values)
    {
        long count = values.LongCount();
        return Everything(0) with { Seconds = seconds, Requests = count, Replies = count, IsInterrupted = false };
    }

    private static TallyData Everything(int scale) => new()
    {
        Seconds = 1,
        Requests = 0,
        Replies = scale,
        Unanswered = 2 * scale,
        UnansweredBySecond = [2 * scale],
        Services = HistogramData.Of(Of([4 * scale])),
        Lags = HistogramData.Of(Of([5 * scale])),
        Connects = HistogramData.Of(Of([6 * scale])),
        Errors = new() { WrongReplies = scale, Resets = 2 * scale, Statuses = { ["NFS3ERR_STALE"] = scale } },
        SlowErrors = new() { Timeouts = 3 * scale },
        SlowReplies = 3 * scale,
        RepliesByConnection = [3 * scale, scale],
        Starved = 4 * scale,
        IsInterrupted = scale == 10,
        BytesSent = 5 * scale,
        BytesReceived = 6 * scale,
        ElapsedTicks = scale * TimeSpan.TicksPerSecond,
        BusiestThread = scale == 1 ? 0.7 : 0.2,
    };

    private static long ValueOf(ushort exponent, uint fraction) => (1L << (exponent % 42)) + (long)((1L << (exponent % 42)) * (fraction / 4294967296.0));

    private static LatencyHistogram Of(IEnumerable<long> values)
    {
        LatencyHistogram histogram = new();
        foreach (long value in values)
            histogram.Record(value);
        return histogram;
    }

    private static LatencyHistogram Copy(LatencyHistogram histogram)
    {
        LatencyHistogram copy = new();
        copy.Add(histogram);
        return copy;
    }

    private static SecondData Sent(SecondData second) => Message.Read<Told>(Message.Write(new Told("a") { Second = second })).Second!;

    private static TallyData Sent(TallyData tally) => Message.Read<Told>(Message.Write(new Told("a") { Tally = tally })).Tally!;
}
