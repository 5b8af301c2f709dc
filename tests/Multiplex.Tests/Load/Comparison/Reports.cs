using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Measuring;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>Reports as a comparison makes them, with figures that a test chooses.</summary>
internal static class Reports
{
    /// <summary>A report of one scenario at one point, judged by throughput and CPU.</summary>
    /// <param name="throughputs">For each server the throughput of each round; none: it was not measured.</param>
    public static CompareReport Of(params (string Server, double[] Throughputs)[] throughputs) => Of([new PointReport(50, 0, "50 connections", [.. throughputs.Select(Result)])]);

    /// <summary>A report of one scenario.</summary>
    public static CompareReport Of(params PointReport[] points) => new CompareReport
    {
        Began = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero),
        Protocol = "rpc",
        Rounds = points.SelectMany(point => point.Results).Max(result => result.Rounds.Count),
        DurationS = 1,
        WarmupS = 0.3,
        Servers = [.. points[0].Results.Select(result => new ServerReport(result.Server, "a server", IsPeer: true))],
        Scenarios = [new("echo", "Small calls.", "Look here. And there.", Metric.Throughput.Key, Metric.Cpu.Key, points)],
    }.Judged();

    public static ServerResult Result((string Server, double[] Throughputs) one) => one.Throughputs.Length == 0
        ? ServerResult.None(one.Server, "serves 64 connections at a time", failed: false)
        : ServerResult.Of(one.Server, [.. one.Throughputs.Select(Figures)], Latencies(), new());

    // The CPU time for a request falls as throughput grows; latencies likewise.
    public static RoundFigures Figures(double throughput) => new(
        throughput, 5e7 / throughput, 6e7 / throughput, 9e7 / throughput, 2e8 / throughput, 5e8 / throughput, 0, 1e6 / throughput, 1, 4096, 30e6, 1, 7, null, null, 0.5);

    private static LatencyHistogram Latencies()
    {
        LatencyHistogram latencies = new();
        for (int i = 1; i <= 100_000; i++)
            latencies.Record(i * 1000L);
        return latencies;
    }
}
