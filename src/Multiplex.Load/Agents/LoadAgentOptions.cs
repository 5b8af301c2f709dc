namespace Multiplex.Load.Agents;

/// <summary>How an agent is.</summary>
public sealed record LoadAgentOptions
{
    /// <summary>By which name it is known; by default that of the machine and the process.</summary>
    public string Name { get; init; } = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>What it is for.</summary>
    public AgentRole Role { get; init; }

    /// <summary>After so many runs it ends; 0: never.</summary>
    public int Runs { get; init; }

    /// <summary>Understands a plan. It runs on a thread of its own, may take its time, and throws FormatException or IOException with one line on what is wrong.</summary>
    public required Func<LoadPlan, CancellationToken, PlannedLoad> Understand { get; init; }

    /// <summary>Takes what was measured in a run that ended well. When it throws an IOException or UnauthorizedAccessException, the run has failed.</summary>
    public Action<AgentResult>? Ended { get; init; }

    /// <summary>Takes a line on what happens.</summary>
    public Action<string> Say { get; init; } = _ => { };
}
