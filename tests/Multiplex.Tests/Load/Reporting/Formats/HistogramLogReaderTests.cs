using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Tests.Load.Reporting.Formats;

/// <summary>Logs of histograms that are read back: nothing is lost except the precision below a bucket's width.</summary>
public class HistogramLogReaderTests
{
    private static string[] Log(params LatencyHistogram[] seconds)
    {
        HistogramLog log = new();
        for (int i = 0; i < seconds.Length; i++)
            log.Add(new(i, 1, seconds[i].Count, 0, 0, 0, LatencyReport.Of(seconds[i])), seconds[i]);
        return log.ToText(DateTimeOffset.UnixEpoch).Split('\n');
    }

    private static LatencyHistogram Random(int seed, int count)
    {
        Random random = new(seed);
        LatencyHistogram histogram = new();
        for (int i = 0; i < count; i++)
            histogram.Record((long)Math.Pow(10, random.NextDouble() * 11));
        return histogram;
    }

    [Test]
    public void What_is_read_has_the_percentiles_of_all_that_was_written([Values(1, 2, 3)] int seed)
    {
        LatencyHistogram[] seconds = [Random(seed, 5000), new(), Random(seed + 100, 1), Random(seed + 200, 20_000)];
        LatencyHistogram expected = new(), read = new();
        foreach (LatencyHistogram second in seconds)
            expected.Add(second);
        Assert.That(HistogramLogReader.AddAll(Log(seconds), read), Is.EqualTo(4));
        Assert.That(read.Count, Is.EqualTo(expected.Count));
        foreach (double percent in (double[])[0, 1, 50, 90, 99, 99.9])
            Assert.That(read.Percentile(percent), Is.EqualTo(expected.Percentile(percent)), $"p{percent}");
        Assert.That(read.Max, Is.InRange(expected.Max, expected.Max * 1.001));
        Assert.That(read.Min, Is.InRange(expected.Min * 0.999, expected.Min));
        Assert.That(read.Mean, Is.EqualTo(expected.Mean).Within(0.1).Percent);
    }

    [TestCase("")]
    [TestCase("#[Logged with multiplex load]")]
    [TestCase("hello")]
    [TestCase("0,1,2,hello")]
    [TestCase("0,1,2,AAAAAAAAAAA=")]
    [TestCase("0.000,1.000,2.000,HISTFAAAAAp4nGNgYGBgAAAABQAB")]
    public void What_is_no_log_is_refused(string text) =>
        Assert.That(() => HistogramLogReader.AddAll(text.Split('\n'), new()), Throws.TypeOf<FormatException>());

    [Test]
    public void A_log_that_was_cut_off_is_refused_at_its_line()
    {
        string[] lines = Log(Random(1, 1000), Random(2, 1000));
        int last = Array.FindLastIndex(lines, line => line.Length > 0);
        lines[last] = lines[last][..^40];
        Assert.That(() => HistogramLogReader.AddAll(lines, new()), Throws.TypeOf<FormatException>().With.Message.Contains($"line {last + 1}"));
    }

    [Test]
    public void Latencies_over_time_keep_every_value_in_a_bounded_number_of_columns([Values(1, 119, 120, 121, 1000)] int seconds)
    {
        LatencyOverTime over = new();
        for (int i = 0; i < seconds; i++)
            over.Add(new(i, i == seconds - 1 ? 0.5 : 1, 10, 0, 0, 0, LatencyReport.Of(new())), Random(i, 10));
        HeatMap chart = over.Chart();
        Assert.That(chart.Columns, Has.Count.InRange(Math.Min(seconds, 60), 120));
        Assert.That(chart.Columns.Sum(column => column.Count), Is.EqualTo(10L * seconds));
        Assert.That(chart.Columns[0].From, Is.Zero);
        Assert.That(chart.Columns[^1].To, Is.EqualTo(seconds - 0.5));
        Assert.That(chart.Columns.Zip(chart.Columns.Skip(1)), Is.All.Matches<(HeatColumn First, HeatColumn Second)>(pair => pair.First.To == pair.Second.From), "without a gap");
        Assert.That(chart.Draw().ToString(), Does.Contain("<rect").And.Not.Contain("NaN"));
    }
}
