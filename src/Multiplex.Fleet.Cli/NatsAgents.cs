using Multiplex.Cli.Engines;
using Multiplex.Load.Agents;
using Multiplex.Load.Nats;

namespace Multiplex.Fleet.Cli;

/// <summary>NATS as where the agents of a load and their coordinator meet.</summary>
internal sealed class NatsAgents : IAgentsEngine
{
    public void Check(string url) => NatsUrl.Parse(url);

    public bool Serve(string url, LoadAgentOptions options, CancellationToken cancelled) =>
        LoadAgent.RunAsync(NatsUrl.Parse(url), options, cancelled).GetAwaiter().GetResult();

    public AgentsResult Load(string url, CoordinatorOptions options, CancellationToken cancelled) =>
        LoadCoordinator.RunAsync(NatsUrl.Parse(url), options, cancelled).GetAwaiter().GetResult();
}
