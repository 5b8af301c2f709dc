namespace Multiplex.Load.Comparison;

/// <summary>How to compare.</summary>
public sealed record CompareOptions
{
    /// <summary>The program to run <c>serve</c> with, and the arguments that come before the verb.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The models.</summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>The scenarios.</summary>
    public required IReadOnlyList<Scenario> Scenarios { get; init; }

    /// <summary>The protocol that the servers are to serve, by name.</summary>
    public required string Protocol { get; init; }

    /// <summary>The client's side of it, for payloads of so many bytes.</summary>
    public required Func<int, IExchange> Exchange { get; init; }

    /// <summary>How often each model has its turn.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Measured time of each run.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Time before it that is loaded but not measured.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// Compares server models: each is started as a real process, warmed up, loaded and stopped, round after round in turn,
/// so that what disturbs the machine for a while disturbs all of them.
/// </summary>
public static class Comparer
{
    /// <summary>Runs the whole comparison.</summary>
    /// <param name="options">What to compare.</param>
    /// <param name="show">Told what is about to run.</param>
    /// <param name="cancelled">Ends it early, with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="IOException">A server did not start or did not stop as it should.</exception>
    public static CompareReport Run(CompareOptions options, Action<string> show, CancellationToken cancelled)
    {
        List<ScenarioReport> scenarios = [];
        foreach (Scenario scenario in options.Scenarios)
        {
            Dictionary<string, List<RoundFigures>> rounds = options.Models.ToDictionary(model => model, _ => new List<RoundFigures>());
            for (int round = 1; round <= options.Rounds; round++)
            {
                foreach (string model in options.Models)
                {
                    show($"{scenario.Name}: round {round} of {options.Rounds}, {model}");
                    rounds[model].Add(RunOne(options, scenario, model, cancelled));
                }
            }

            scenarios.Add(new(scenario, [.. options.Models.Select(model => ModelReport.Of(model, rounds[model]))]));
        }

        return new()
        {
            Protocol = options.Protocol,
            Rounds = options.Rounds,
            DurationS = options.Duration.TotalSeconds,
            Scenarios = scenarios,
        };
    }

    private static RoundFigures RunOne(CompareOptions options, Scenario scenario, string model, CancellationToken cancelled)
    {
        cancelled.ThrowIfCancellationRequested();
        using ServeProcess server = ServeProcess.Start(options.Command, model, options.Protocol);
        ProcessUsage before = default, after = default;
        LoadTally tally = LoadGenerator.Run(
            new()
            {
                Server = server.Endpoint,
                Exchange = () => options.Exchange(scenario.SizeBytes),
                Connections = scenario.Connections,
                Depth = scenario.Depth,
                CallsPerConnection = scenario.CallsPerConnection,
                WarmUp = options.WarmUp,
                Duration = options.Duration,
                Measuring = begins =>
                {
                    if (begins)
                        before = server.Usage;
                    else
                        after = server.Usage;
                },
            },
            report: null,
            cancelled);
        cancelled.ThrowIfCancellationRequested();
        server.Stop();

        double requests = Math.Max(tally.Latencies.Count, 1);
        return new(
            tally.Throughput,
            tally.Latencies.Percentile(50) / 1e3,
            tally.Latencies.Percentile(99) / 1e3,
            tally.Latencies.Percentile(99.9) / 1e3,
            tally.Errors.Total,
            (after.CpuNanoseconds - before.CpuNanoseconds) / 1e3 / requests,
            (after.ContextSwitches - before.ContextSwitches) / requests,
            after.PssBytes / 1e6,
            after.Processes,
            after.Threads);
    }
}
