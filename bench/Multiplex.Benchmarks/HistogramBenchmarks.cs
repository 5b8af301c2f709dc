using BenchmarkDotNet.Attributes;
using Multiplex.Load.Measuring;

namespace Multiplex.Benchmarks;

/// <summary>The cost for the load generator to record the latency of a reply, and to compute a percentile.</summary>
public class HistogramBenchmarks
{
    private const int Values = 4096;
    private const double MedianNanoseconds = 500_000, Spread = 1.5;

    private readonly LatencyHistogram _histogram = new();
    private readonly long[] _latencies = new long[Values];

    /// <summary>Realistic latencies: most near the median, few far above it (log-normal).</summary>
    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        for (int i = 0; i < Values; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            _latencies[i] = (long)(MedianNanoseconds * Math.Exp(Spread * normal));
        }

        Record();
    }

    [Benchmark(OperationsPerInvoke = Values)]
    public void Record()
    {
        foreach (long latency in _latencies)
            _histogram.Record(latency);
    }

    [Benchmark]
    public long Percentile() => _histogram.Percentile(99.9);
}
