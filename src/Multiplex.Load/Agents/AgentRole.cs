namespace Multiplex.Load.Agents;

/// <summary>What an agent is for.</summary>
public enum AgentRole
{
    /// <summary>It makes a part of the load.</summary>
    Load,

    /// <summary>It makes few calls, in an open loop, and measures their latencies: beside agents that are busy loading, its figures are the server's own.</summary>
    Measure,
}
