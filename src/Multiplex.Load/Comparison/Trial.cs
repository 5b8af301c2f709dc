using System.Diagnostics;

namespace Multiplex.Load.Comparison;

/// <summary>A point of a scenario, ready to be run against one server after the other.</summary>
internal sealed class Trial(CompareOptions options, Scenario scenario, ScenarioPoint point)
{
    // A reply that takes longer will not come: nothing that is asked here takes so long.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>Loads a server that has just been started, and stops it.</summary>
    /// <exception cref="IOException">It did not take connections, or did not stop as it should.</exception>
    public (RoundFigures Figures, LoadTally Tally) Run(ServerUnderTest server, CancellationToken cancelled)
    {
        long? memoryBefore = server.Memory;
        LoadOptions load = LoadOf(server);
        double? offered = null;
        if (scenario.Overload > 0)
        {
            double capacity = LoadGenerator.Run(load with { Depth = 1 }, report: null, cancelled).Throughput;
            cancelled.ThrowIfCancellationRequested();
            if (capacity == 0)
                throw new IOException("it answered nothing in a closed loop, so it cannot be overloaded");
            offered = scenario.Overload * capacity;
            load = load with { Arrivals = OpenLoop.At(offered.Value) };
        }

        ProcessUsage? used = null;
        long? memory = null;
        LoadTally tally = LoadGenerator.Run(
            load with
            {
                Measuring = begins =>
                {
                    if (begins)
                        used = Watch(server, cancelled);
                    else
                        memory = server.Memory;
                },
            },
            report: null,
            cancelled);
        cancelled.ThrowIfCancellationRequested();
        server.Stop();
        return (FiguresOf(tally, used, memory, memory - memoryBefore, offered), tally);
    }

    // What the server uses for most of the measured time: both looks at it are under load, and how late they come does not matter,
    // as the figures are taken by the second.
    private ProcessUsage? Watch(ServerUnderTest server, CancellationToken cancelled)
    {
        const double Most = 0.9;
        long start = Stopwatch.GetTimestamp();
        ProcessUsage? before = server.Usage;
        TimeSpan left = (Most * options.Duration) - Stopwatch.GetElapsedTime(start);
        if (left > TimeSpan.Zero)
            cancelled.WaitHandle.WaitOne(left);
        return before is { } first ? server.Usage?.Since(first) : null;
    }

    private RoundFigures FiguresOf(LoadTally tally, ProcessUsage? used, long? memory, long? grown, double? offered)
    {
        double? requests = used is { At: > 0 and var time } && tally.Throughput > 0 ? tally.Throughput * time / Stopwatch.Frequency : null;
        double? Us(double percent) => tally.Latencies.Count > 0 ? tally.Latencies.Percentile(percent) / 1e3 : null;
        return new(
            tally.Throughput,
            Us(50),
            Us(90),
            Us(99),
            Us(99.9),
            Us(100),
            tally.Errors.Total,
            used?.CpuNanoseconds > 0 ? used?.CpuNanoseconds / 1e3 / requests : null,
            used?.ContextSwitches / requests,
            grown > 0 ? (double)grown / point.All : null,   // less than what can be measured
            memory,
            used?.Processes,
            used?.Threads,
            offered,
            offered is null ? null : tally.Throughput / offered,
            tally.BusiestThread);
    }

    private LoadOptions LoadOf(ServerUnderTest server) => new()
    {
        Server = server.Endpoint,
        Exchange = () => options.Exchange(scenario.Mix),
        Connections = point.Connections,
        IdleConnections = point.Idle,
        SlowReaders = point.SlowReaders,
        Depth = scenario.Depth,
        CallsPerConnection = scenario.CallsPerConnection,
        WarmUp = options.WarmUp,
        Duration = options.Duration,
        Threads = options.ClientThreads,
        Timeout = s_timeout,
    };
}
