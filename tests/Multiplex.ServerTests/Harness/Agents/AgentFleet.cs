using System.Text.Json;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Agents;

/// <summary>nats-server, a server to load, and agents: on the loopback interface, or each agent in a network of its own.</summary>
internal sealed class AgentFleet : IDisposable
{
    // An agent that is not heard for so long has died, however slow the machine is.
    private const string Patient = "25s";

    private readonly AgentNetworks? _networks;
    private readonly List<ServerProcess> _agents = [];
    private readonly Dictionary<string, ServerProcess> _named = [];

    public AgentFleet(AgentNetworks? networks = null)
    {
        FleetCommand.Require();
        _networks = networks;
        string host = networks is null ? "127.0.0.1" : AgentNetworks.Middle;
        Nats = new(host, networks?.InMiddle);
        string[] serve = [.. networks?.InMiddle ?? [], ServerProcess.Command, .. ServerProcess.ServeArguments("epoll", "rpc", $"tcp://{host}:0"), .. Counters.Option];
        Server = ServerProcess.StartProgram(serve[0], serve[1..]);
    }

    public NatsProcess Nats { get; }

    public SharedCounters Counters { get; } = new();

    public ServerProcess Server { get; }

    /// <summary>Where agents write what each of them measured.</summary>
    public DirectoryInfo Results { get; } = Directory.CreateTempSubdirectory("agents");

    /// <summary>Starts an agent, and waits until it waits for plans.</summary>
    public ServerProcess StartAgent(string name, params string[] options)
    {
        string[] command = [.. _networks?.InAgent(_agents.Count) ?? [], ServerProcess.Command, "agent", "--nats", Nats.Url, "--name", name, "--results", Results.FullName, .. options];
        ServerProcess agent = ServerProcess.LaunchProgram(command[0], command[1..]);
        _agents.Add(agent);
        _named[name] = agent;
        Eventually.Holds(() => agent.Errors.Contains($"multiplex: agent {name} waits for plans at {Nats.Url}"), () => string.Join('\n', agent.Errors));
        return agent;
    }

    /// <summary>The words of a load of that server.</summary>
    public string[] Load(params string[] options) =>
        ["load", "--connect", $"{Server.Endpoint}", "--nats", Nats.Url, .. options.Contains("--agents-timeout") ? [] : (string[])["--agents-timeout", Patient], .. options];

    /// <summary>Makes a load to its end.</summary>
    public ProgramRun Run(params string[] options)
    {
        string[] command = [.. _networks?.InMiddle ?? [], ServerProcess.Command, .. Load(options)];
        return ProgramRun.Of(command[0], command[1..]);
    }

    /// <summary>Makes a load that must succeed.</summary>
    /// <returns>Its report.</returns>
    public JsonElement Report(params string[] options)
    {
        ProgramRun run = Run([.. options, "--json", "-"]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Errors, .. run.Lines, .. _agents.SelectMany(agent => agent.Errors)]));
        return JsonDocument.Parse(run.Output).RootElement;
    }

    /// <summary>What an agent wrote of its only run, once it has.</summary>
    public JsonElement ReportOf(string agent)
    {
        Eventually.Holds(() => _named[agent].Errors.Any(line => line.Contains("has ended: ", StringComparison.Ordinal)), () => string.Join('\n', _named[agent].Errors));
        return JsonDocument.Parse(File.ReadAllText(Results.GetFiles($"*-{agent}.json").Single().FullName)).RootElement;
    }

    /// <summary>The logs of histograms that the agents wrote.</summary>
    public string[] Logs() => [.. Results.GetFiles("*.hlog").Select(file => file.FullName)];

    /// <summary>Waits until the server has no connection: nothing loads it any more.</summary>
    public void AwaitNoLoad() => Eventually.Holds(
        () => Counters[Counter.Accepted] > 0 && Counters[Counter.Accepted] == Counters[Counter.Closed], () => $"{Counters[Counter.Accepted]} accepted, {Counters[Counter.Closed]} closed");

    public void Dispose()
    {
        _agents.ForEach(agent => agent.Dispose());
        Server.Dispose();
        Counters.Dispose();
        Nats.Dispose();
        Results.Delete(recursive: true);
    }
}
