using Multiplex.Load.Agents;

namespace Multiplex.Cli.Engines;

/// <summary>Where the agents of a load and their coordinator meet.</summary>
internal interface IAgentsEngine
{
    /// <summary>Refuses what is no URL of one.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be right.</exception>
    void Check(string url);

    /// <summary>Is an agent, until it is cancelled or has had its runs.</summary>
    /// <returns>Whether all its runs ended well.</returns>
    /// <exception cref="IOException">The engine does not accept it.</exception>
    bool Serve(string url, LoadAgentOptions options, CancellationToken cancelled);

    /// <summary>Makes a load with agents.</summary>
    /// <exception cref="LoadAgentsException">It failed.</exception>
    /// <exception cref="IOException">The engine is not reached.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before it began.</exception>
    AgentsResult Load(string url, CoordinatorOptions options, CancellationToken cancelled);
}
