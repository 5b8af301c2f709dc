using System.Globalization;
using System.Runtime.InteropServices;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Observing;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving.Metrics;

/// <summary>
/// The metrics of a running server for <c>serve --metrics</c>: its counters, the durations of calls, and the resources that its processes use. All data are in
/// memory that its processes share, or in proc(5), so that a process beside the server can read them.
/// </summary>
/// <param name="counters">What is counted.</param>
/// <param name="served">The protocol that the server runs.</param>
/// <param name="model">The model's name.</param>
/// <param name="protocol">The protocol's name.</param>
internal sealed class ServerMetrics(ServerCounters counters, IProtocol served, string model, string protocol)
{
    /// <summary>The histogram of calls.</summary>
    public const string Durations = "multiplex_rpc_duration_seconds";

    private const double NanosecondsPerSecond = 1e9;

    private readonly int _process = getpid();
    private readonly double _started = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
    private long _cpuNanoseconds;

    /// <summary>The metrics now.</summary>
    public string Write(bool isOpenMetrics)
    {
        MetricsText text = new(isOpenMetrics);
        WriteFacts(text);
        WriteProcesses(text);
        WriteCounters(text);
        if (served is RpcProtocol { Durations: { } durations })
            WriteDurations(text, durations);
        return text.End();
    }

    private void WriteFacts(MetricsText text)
    {
        text.Fact("multiplex_build_info", "The version of multiplex, and for which processor it is.",
            ("version", typeof(ServerMetrics).Assembly.GetName().Version?.ToString(3) ?? ""), ("architecture", RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()));
        text.Fact(CounterMetric.Prefix + "info", "The server's model and protocol.", ("model", model), ("protocol", protocol));
    }

    private void WriteProcesses(MetricsText text)
    {
        text.Gauge("process_start_time_seconds", "When the server was started, in seconds since 1970.");
        text.Sample("process_start_time_seconds", _started);
        if (ProcessUsage.Of(_process, counters) is { } usage)
        {
            // A child that ends during the read is missing from the sum until its usage is added; a counter must not decrease meanwhile.
            _cpuNanoseconds = Math.Max(_cpuNanoseconds, usage.CpuNanoseconds);
            text.Gauge(CounterMetric.Prefix + "processes", "Processes of the server, those beside it included.");
            text.Sample(CounterMetric.Prefix + "processes", usage.Processes);
            text.Gauge(CounterMetric.Prefix + "threads", "Threads of all processes of the server.");
            text.Sample(CounterMetric.Prefix + "threads", usage.Threads);
        }

        text.Counter("process_cpu_seconds_total", "CPU time of all processes of the server, those that have ended included.");
        text.Sample("process_cpu_seconds_total", _cpuNanoseconds / NanosecondsPerSecond);
        if (ProcessUsage.MemoryOf(_process) is { } memory)
        {
            text.Gauge("process_resident_memory_bytes", "Resident memory of all processes of the server; a page that several of them share counts once.");
            text.Sample("process_resident_memory_bytes", memory);
        }

        if (OpenDescriptors() is { } open)
        {
            text.Gauge("process_open_fds", "Descriptors that are open in the server's first process.");
            text.Sample("process_open_fds", open);
        }

        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        text.Gauge("process_max_fds", "Descriptors that a process of the server may open.");
        text.Sample("process_max_fds", limit.rlim_cur);
    }

    private void WriteCounters(MetricsText text)
    {
        const string Connections = CounterMetric.Prefix + "connections";
        text.Gauge(Connections, "Connections that are open.");
        text.Sample(Connections, Math.Max(0, counters[Counter.Accepted] - counters[Counter.Closed]));
        foreach (IGrouping<string, (Counter Counter, CounterMetric Metric)> family in ServerCounters.Metrics.GroupBy(one => CounterMetric.Prefix + one.Metric.Name))
        {
            CounterMetric first = family.First().Metric;
            if (first.IsTotal)
                text.Counter(family.Key, first.Help);
            else
                text.Gauge(family.Key, first.Help);
            foreach ((Counter counter, CounterMetric metric) in family)
            {
                double value = counter == Counter.ReapedCpuNanoseconds ? counters[counter] / NanosecondsPerSecond : counters[counter];
                text.Sample(family.Key, value, metric.Reason is null ? [] : [("reason", metric.Reason)]);
            }
        }
    }

    private static void WriteDurations(MetricsText text, CallDurations durations)
    {
        const string Bucket = Durations + "_bucket";
        text.Histogram(Durations, "How long calls took, from when the server turned to them until their reply was made.");
        string[] bounds = [.. CallDurations.Bounds.Select(text.Bound), "+Inf"];
        foreach (ProcedureDurations one in durations.Read())
        {
            (string, string)[] labels = [("program", one.Program), ("version", one.Version.ToString(CultureInfo.InvariantCulture)), ("procedure", one.Procedure)];
            long count = 0;
            for (int i = 0; i < bounds.Length; i++)
            {
                count += one.Counts[i];
                text.Sample(Bucket, count, [.. labels, ("le", bounds[i])]);
            }

            text.Sample(Durations + "_sum", one.Seconds, labels);
            text.Sample(Durations + "_count", count, labels);
        }
    }

    private int? OpenDescriptors()
    {
        try
        {
            return Directory.EnumerateFiles($"/proc/{_process}/fd").Count();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;   // the server ends, or proc(5) is hidden
        }
    }
}
