using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Agents;
using NUnit.Framework;

namespace Multiplex.ServerTests.Agents;

/// <summary>A load on many machines has the sum of all, or it fails with one line that names the agent; and agents never go on by themselves.</summary>
public sealed class AgentFailureTests
{
    // A run that would go on for long, and fails soon when an agent is not heard.
    private static readonly string[] s_long = ["--agents", "2", "--rate", "200", "--duration", "10m", "--connections", "4", "--agents-timeout", "12s"];

    [Test]
    public void An_agent_that_is_killed_is_named_and_the_others_stop()
    {
        using AgentFleet fleet = new();
        ServerProcess first = fleet.StartAgent("first"), second = fleet.StartAgent("second");
        using ServerProcess load = Loading(fleet);
        second.SignalAll(Signum.SIGKILL);
        Fails(load, "multiplex: agent second was not heard for 12 s");
        Says(first, "has failed: agent second was not heard for 12 s");
        fleet.AwaitNoLoad();
        WorksAgain(fleet, 1);
    }

    [Test]
    public void An_agent_that_stands_still_is_named_and_gives_up_when_it_goes_on()
    {
        using AgentFleet fleet = new();
        fleet.StartAgent("first");
        ServerProcess second = fleet.StartAgent("second");
        using ServerProcess load = Loading(fleet);
        second.SignalAll(Signum.SIGSTOP);
        Fails(load, "multiplex: agent second was not heard for 12 s");
        second.SignalAll(Signum.SIGCONT);
        Says(second, "has failed: ");
        fleet.AwaitNoLoad();
        WorksAgain(fleet, 2);
    }

    [Test]
    public void When_the_coordinator_is_killed_the_agents_stop()
    {
        using AgentFleet fleet = new();
        ServerProcess[] agents = [fleet.StartAgent("first"), fleet.StartAgent("second")];
        using ServerProcess load = Loading(fleet);
        load.SignalAll(Signum.SIGKILL);
        foreach (ServerProcess agent in agents)
            Says(agent, "has failed: the coordinator was not heard for 12 s");
        fleet.AwaitNoLoad();
        WorksAgain(fleet, 2);
    }

    [Test]
    public void When_nats_is_down_the_run_fails_the_agents_stop_and_when_it_is_back_they_take_the_next()
    {
        using AgentFleet fleet = new();
        ServerProcess[] agents = [fleet.StartAgent("first"), fleet.StartAgent("second")];
        using ServerProcess load = Loading(fleet);
        fleet.Nats.Kill();
        Fails(load, $"multiplex: the connection to NATS at {fleet.Nats.Url} is lost: agent");
        foreach (ServerProcess agent in agents)
            Says(agent, "has failed: the coordinator was not heard for 12 s");
        fleet.AwaitNoLoad();
        fleet.Nats.StartAgain();
        WorksAgain(fleet, 2);
    }

    [Test]
    public void An_agent_that_is_stopped_in_a_run_fails_it_at_once()
    {
        using AgentFleet fleet = new();
        fleet.StartAgent("first");
        ServerProcess second = fleet.StartAgent("second", "--runs", "1");
        using ServerProcess load = Loading(fleet);
        Assert.That(second.Stop(), Is.EqualTo(1), "its run has failed");
        Fails(load, "multiplex: agent second: its agent was ended");
        fleet.AwaitNoLoad();
    }

    private static ServerProcess Loading(AgentFleet fleet)
    {
        ServerProcess load = ServerProcess.Launch([.. fleet.Load(s_long), "--json", "-"]);
        Eventually.Holds(() => load.HasExited || (fleet.Counters[Counter.Accepted] > 0 && fleet.Counters[Counter.Calls] > 20), () => string.Join('\n', load.Errors));
        Assert.That(load.HasExited, Is.False, () => string.Join('\n', load.Errors));
        return load;
    }

    private static void Fails(ServerProcess load, string line)
    {
        Assert.That(load.WaitForExit(), Is.EqualTo(1), () => string.Join('\n', load.Errors));
        Assert.That(load.Errors[^1], Does.StartWith(line));
        Assert.That(load.Output, Is.Empty, "no figure");
    }

    private static void Says(ServerProcess agent, string words) =>
        Eventually.Holds(() => agent.Errors.Any(line => line.Contains(words, StringComparison.Ordinal)), () => string.Join('\n', agent.Errors));

    private static void WorksAgain(AgentFleet fleet, int agents)
    {
        long before = fleet.Counters[Counter.Calls];
        Assert.That(fleet.Report("--agents", $"{agents}", "--requests", "50", "--connections", "4").GetProperty("replies").GetInt64(), Is.EqualTo(50));
        Assert.That(fleet.Counters[Counter.Calls] - before, Is.EqualTo(50));
    }
}
