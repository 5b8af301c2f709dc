using System.Diagnostics;
using System.Globalization;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Formats;

namespace Multiplex.Tests.Load.Reporting.Formats;

/// <summary>HdrHistogram's own JavaScript library reads the log, and finds the same figures.</summary>
public class HistogramLogTests
{
    private const string Library = "hdr-histogram-js@3.0.0";

    private const string Script = """
        const hdr = require("hdr-histogram-js");
        const reader = new hdr.HistogramLogReader(require("fs").readFileSync(process.argv[2], "utf8"));
        const all = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 3600000000000, numberOfSignificantValueDigits: 3, bitBucketSize: 64 });
        let intervals = 0;
        for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram(), intervals++) all.add(one);
        console.log([intervals, all.totalCount, ...[50, 90, 99, 99.9, 99.99].map(p => all.getValueAtPercentile(p))].join(" "));
        """;

    private static string Run(string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, () => $"{program}: {errors.Result}");
        return output;
    }

    [Test]
    public void HdrHistograms_own_JavaScript_library_reads_the_log_with_the_same_percentiles()
    {
        string node = Tools.Require("node", "nodejs"), npm = Tools.Require("npm");
        Random random = new(1);
        HistogramLog log = new();
        LatencyHistogram all = new();
        for (int second = 0; second < 3; second++)
        {
            LatencyHistogram one = new();
            for (int i = 0; i < 20_000; i++)
                one.Record((long)Math.Exp(random.NextDouble() * Math.Log(3.6e12)));   // from a nanosecond to an hour
            log.Add(new(second, 1, one.Count, 0, 0, 0, LatencyReport.Of(one)), one);
            all.Add(one);
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "run.hlog"), log.ToText(DateTimeOffset.UtcNow));
            File.WriteAllText(Path.Combine(folder.FullName, "read.js"), Script);
            Run(npm, folder.FullName, "install", "--no-audit", "--no-fund", "--no-save", "--silent", Library);
            double[] read = [.. Run(node, folder.FullName, "read.js", "run.hlog").Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
            double[] ours = [3, all.Count, .. new[] { 50, 90, 99, 99.9, 99.99 }.Select(percent => (double)all.Percentile(percent))];
            Assert.That(read, Is.EqualTo(ours));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void A_second_without_a_reply_is_a_histogram_too()
    {
        HistogramLog log = new();
        log.Add(new(0, 0.5, 0, 0, 0, 0, LatencyReport.Of(new())), new());
        string[] lines = log.ToText(DateTimeOffset.UnixEpoch).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines[2], Does.StartWith("#[StartTime: 0.000 (seconds since epoch)"));
        Assert.That(lines[^1], Does.StartWith("0.000,0.500,0.000,HISTFAAA"));
    }
}
