using Multiplex.ServerTests.Harness.Kernel;

namespace Multiplex.ServerTests.Harness.Agents;

/// <summary>
/// A network for each of some agents and one in the middle, each a namespace of its own: veth(4). The one in the middle has the address <see cref="Middle"/>, which the
/// others reach.
/// </summary>
internal sealed class AgentNetworks : IDisposable
{
    public const string Middle = "10.67.0.1";

    private const string Ready = "ready";

    private readonly ServerProcess _middle = Make($"ip address add {Middle}/32 dev lo");
    private readonly List<ServerProcess> _agents = [];

    public AgentNetworks(int agents)
    {
        for (int i = 1; i <= agents; i++)
        {
            _agents.Add(Make("true"));
            ProgramRun.Successfully(InMiddle[0], [.. InMiddle[1..], "sh", "-ec", $"""
                ip link add agent{i} type veth peer name middle netns {_agents[^1].Id}
                ip address add 10.67.{i}.1/24 dev agent{i}
                ip link set agent{i} up
                nsenter --target {_agents[^1].Id} --net sh -ec 'ip address add 10.67.{i}.2/24 dev middle; ip link set middle up; ip route add default via 10.67.{i}.1'
                """]);
        }
    }

    /// <summary>Skips the test where there are none.</summary>
    public static void Require()
    {
        NetworkOf.RequireOne();
        Tools.Require("nsenter");
    }

    /// <summary>Runs a command in the middle.</summary>
    public string[] InMiddle => Inside(_middle);

    /// <summary>Runs a command in the network of an agent: 0 is the first.</summary>
    public string[] InAgent(int agent) => Inside(_agents[agent]);

    public void Dispose()
    {
        _agents.ForEach(one => one.Dispose());
        _middle.Dispose();
    }

    private static string[] Inside(ServerProcess network) => [Tools.Require("nsenter"), "--target", $"{network.Id}", "--net"];

    private static ServerProcess Make(string command)
    {
        ServerProcess network = ServerProcess.LaunchProgram(Tools.Require("unshare"), "--net", "sh", "-ec", $"ip link set lo up; {command}; echo {Ready}; exec sleep infinity");
        Eventually.Holds(() => network.Output.Contains(Ready), () => string.Join('\n', network.Errors));
        return network;
    }
}
