namespace Multiplex.Load.Agents;

/// <summary>A load on many machines failed; the message is one line that names the agent and the reason.</summary>
public sealed class LoadAgentsException(string message) : IOException(message);
