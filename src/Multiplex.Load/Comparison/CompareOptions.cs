using Multiplex.Load.Workload;

namespace Multiplex.Load.Comparison;

/// <summary>The options of a comparison.</summary>
public sealed record CompareOptions
{
    /// <summary>The servers to compare; their names differ.</summary>
    public required IReadOnlyList<Target> Targets { get; init; }

    /// <summary>The scenarios.</summary>
    public required IReadOnlyList<Scenario> Scenarios { get; init; }

    /// <summary>The protocol, by name.</summary>
    public required string Protocol { get; init; }

    /// <summary>Whether the protocol has the procedures of <c>multiplex.x</c>.</summary>
    public required bool HasProcedures { get; init; }

    /// <summary>Makes the client's side of the protocol; not used for NFS, whose client's side belongs to a scenario's files.</summary>
    public required Func<RequestMix, Exchange> Exchange { get; init; }

    /// <summary>The number of rounds; with <see cref="Precision"/>, the maximum.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>
    /// A point ends as soon as the ratio of each server's figure to the best one's is known to within this many percent; with null,
    /// every round runs.
    /// </summary>
    public double? Precision { get; init; }

    /// <summary>
    /// Whether each server has a further run at each point with twice the connections, which shows whether the load was the limit.
    /// </summary>
    public bool TriesTwice { get; init; } = true;

    /// <summary>Whether each server has a further run at each point in which the kernel counts its system calls and the like.</summary>
    public bool Counts { get; init; } = true;

    /// <summary>Whether each server has a further run in each scenario, with the most connections, in which its stacks are sampled.</summary>
    public bool FlameGraphs { get; init; }

    /// <summary>Requests of a run, without a time limit and a warm-up; null ends the run by <see cref="Duration"/>.</summary>
    public long? Requests { get; init; }

    /// <summary>Measured time of each run.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time before it that is under load but not measured.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Threads of the client.</summary>
    public int ClientThreads { get; init; } = 1;
}

/// <summary>The progress of a comparison.</summary>
/// <param name="Scenario">The scenario that is measured; null while the peers are tried.</param>
/// <param name="Run">The current run.</param>
/// <param name="Done">Runs of the scenario that are done.</param>
/// <param name="Total">All its runs.</param>
public readonly record struct CompareProgress(Scenario? Scenario, string Run, int Done, int Total);
