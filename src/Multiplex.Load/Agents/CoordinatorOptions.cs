using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Agents;

/// <summary>A load on many machines, as its coordinator is given it.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>How many agents load; null: all that are there.</summary>
    public int? Agents { get; init; }

    /// <summary>Whether the latencies are those of the agents that measure, all that are there, and not of those that load.</summary>
    public bool Measures { get; init; }

    /// <summary>The load, in words that the agents understand.</summary>
    public required IReadOnlyList<string> Words { get; init; }

    /// <summary>The connections that the agents that load share: at least one for each.</summary>
    public required int Connections { get; init; }

    /// <summary>The connections that the agents that measure share: at least one for each.</summary>
    public int MeasureConnections { get; init; }

    /// <summary>How long it loads before it measures.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>How long it measures.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>How long to wait for NATS when it is not there yet.</summary>
    public TimeSpan NatsWithin { get; init; }

    /// <summary>How long may pass until enough agents are there, and again until all have made their connections.</summary>
    public TimeSpan Within { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>An agent that is not heard, or is late with what it measured, for so long fails the run. An agent that does not hear the coordinator for so long ends it too.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Takes a line on what happens.</summary>
    public Action<string> Say { get; init; } = _ => { };

    /// <summary>Called several times a second.</summary>
    public Action<LoadProgress>? Progress { get; init; }

    /// <summary>Called for each second that all agents have told, with the latencies of all.</summary>
    public Action<LoadSecond, LatencyHistogram>? Interval { get; init; }
}

/// <summary>What all agents measured.</summary>
/// <param name="Tally">The sum.</param>
/// <param name="Report">Each.</param>
public sealed record AgentsResult(LoadTally Tally, AgentsReport Report);
