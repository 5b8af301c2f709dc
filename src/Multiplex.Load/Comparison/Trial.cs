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
        long memoryBefore = server.Memory;
        LoadOptions load = LoadOf(server);
        ProcessUsage before = default, after = default;
        long memory = 0;
        LoadTally tally = LoadGenerator.Run(
            load with
            {
                Measuring = begins =>
                {
                    if (begins)
                        before = server.Usage;
                    else
                        (after, memory) = (server.Usage, server.Memory);
                },
            },
            report: null,
            cancelled);
        cancelled.ThrowIfCancellationRequested();
        server.Stop();
        return (FiguresOf(tally, after.Since(before), memory, memory - memoryBefore, offered: 0), tally);
    }

    private RoundFigures FiguresOf(LoadTally tally, ProcessUsage used, long memory, long grown, double offered)
    {
        double requests = Math.Max(tally.Throughput * tally.Elapsed.TotalSeconds, 1);
        double Us(double percent) => tally.Latencies.Percentile(percent) / 1e3;
        return new(
            tally.Throughput,
            Us(50),
            Us(90),
            Us(99),
            Us(99.9),
            tally.Latencies.Max / 1e3,
            tally.Errors.Total,
            used.CpuNanoseconds / 1e3 / requests,
            used.ContextSwitches / requests,
            Math.Max((double)grown / point.All, 0),
            memory,
            used.Processes,
            used.Threads,
            offered);
    }

    private LoadOptions LoadOf(ServerUnderTest server) => new()
    {
        Server = server.Endpoint,
        Exchange = () => options.Exchange(scenario),
        Connections = point.Connections,
        Depth = scenario.Depth,
        CallsPerConnection = scenario.CallsPerConnection,
        WarmUp = options.WarmUp,
        Duration = options.Duration,
        Threads = options.ClientThreads,
        Timeout = s_timeout,
    };
}
