using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Workload;

namespace Multiplex.Load.Agents;

/// <summary>What an agent is to do.</summary>
/// <param name="Run">The name of the run.</param>
/// <param name="Role">As what.</param>
/// <param name="Part">Its part of what all agents of that role do.</param>
/// <param name="Words">The load, in the words that the coordinator was given; agents and coordinators of one program understand them.</param>
/// <param name="SilenceS">The agent stops when it has not heard the coordinator for so many seconds.</param>
public sealed record LoadPlan(string Run, AgentRole Role, LoadPart Part, IReadOnlyList<string> Words, double SilenceS);

/// <summary>A plan that was understood: what the generator is to do.</summary>
/// <param name="Options">The load; its part and its beginning are the agent's to set.</param>
/// <param name="Asked">The same as a report tells it.</param>
public sealed record PlannedLoad(LoadOptions Options, LoadReportOptions Asked) : IDisposable
{
    /// <summary>What is removed when the load is over, such as files on the server.</summary>
    public IDisposable? Resource { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Resource?.Dispose();
}

/// <summary>A run of an agent that ended well.</summary>
/// <param name="Agent">The agent's name.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Load">What was done.</param>
/// <param name="Tally">What this agent measured.</param>
public sealed record AgentResult(string Agent, LoadPlan Plan, PlannedLoad Load, LoadTally Tally);
