using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Agents;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Agents;

/// <summary>What is wrong with a load by agents before it begins: one line.</summary>
public sealed class AgentUsageTests
{
    private const string Nobody = "nats://127.0.0.1:9";

    [TestCase("--nats is missing: write nats://", "agent")]
    [TestCase("--nats http://127.0.0.1: write nats://", "agent", "--nats", "http://127.0.0.1")]
    [TestCase("--name a/b: write letters", "agent", "--nats", Nobody, "--name", "a/b")]
    [TestCase("--role boss", "agent", "--nats", Nobody, "--role", "boss")]
    [TestCase("--results /nowhere: there is no such folder", "agent", "--nats", Nobody, "--results", "/nowhere")]
    [TestCase("--files /nowhere: there is no such folder", "agent", "--nats", Nobody, "--files", "/nowhere")]
    [TestCase("--nats is missing", "load", "tcp://127.0.0.1:9", "--agents", "2")]
    [TestCase("--agents none: write how many", "load", "tcp://127.0.0.1:9", "--agents", "none", "--nats", Nobody)]
    [TestCase("--nats nats://127.0.0.1:9: it is for --agents", "load", "tcp://127.0.0.1:9", "--nats", Nobody)]
    [TestCase("--measure-rate 5: it is for --agents", "load", "tcp://127.0.0.1:9", "--measure-rate", "5")]
    [TestCase("--measure-connections 5: it is for --measure-rate", "load", "tcp://127.0.0.1:9", "--agents", "1", "--nats", Nobody, "--measure-connections", "5")]
    [TestCase("--agents-timeout 1s: write a time from 2s to 1h", "load", "tcp://127.0.0.1:9", "--agents", "1", "--nats", Nobody, "--agents-timeout", "1s")]
    [TestCase("--requests 5: agents that measure do so for a time", "load", "tcp://127.0.0.1:9", "--agents", "1", "--nats", Nobody, "--measure-rate", "5", "--requests", "5")]
    [TestCase("--agents 1: --find-capacity makes its load in one process", "load", "tcp://127.0.0.1:9", "--agents", "1", "--nats", Nobody, "--find-capacity", "--slo", "p99<1s")]
    public void Wrong_usage_is_one_line(string line, params string[] arguments) => Fails(2, line, ProgramRun.Multiplex(arguments));

    [Test]
    public void Where_no_nats_is_a_load_fails() =>
        Fails(1, $"NATS at {Nobody} is not reached", ProgramRun.Multiplex("load", "tcp://127.0.0.1:9", "--agents", "1", "--nats", Nobody));

    [Test]
    public void A_nats_that_asks_for_a_password_accepts_no_other_client()
    {
        FleetCommand.Require();
        using NatsProcess nats = new(options: ["--user", "loader", "--pass", "secret"]);
        string refused = $"NATS at {nats.Url} does not accept this client: ", right = nats.Url.Replace("//", "//loader:secret@");
        Fails(1, refused, ProgramRun.Multiplex("load", "tcp://127.0.0.1:9", "--agents", "1", "--agents-within", "1s", "--nats", nats.Url));
        Fails(1, refused, ProgramRun.Multiplex("agent", "--nats", nats.Url));
        Fails(1, $"0 of 1 agents are there at {nats.Url.Replace("//", "//…@")} that", ProgramRun.Multiplex("load", "tcp://127.0.0.1:9", "--agents", "1", "--agents-within", "1s", "--nats", right));
    }

    [Test]
    public void An_agent_waits_for_a_nats_that_is_not_there_yet()
    {
        using AgentFleet fleet = new();
        fleet.Nats.Kill();
        using ServerProcess agent = ServerProcess.Launch("agent", "--nats", fleet.Nats.Url, "--name", "early");
        Eventually.Holds(() => agent.Errors.Contains($"multiplex: NATS at {fleet.Nats.Url} is not reached: it is waited for"), () => string.Join('\n', agent.Errors));
        fleet.Nats.StartAgain();
        Assert.That(fleet.Report("--agents", "1", "--requests", "10", "--connections", "1").GetProperty("replies").GetInt64(), Is.EqualTo(10));
    }

    [Test]
    public void What_is_missing_is_said_before_anything_is_loaded()
    {
        using AgentFleet fleet = new();
        Fails(1, $"0 of 1 agents are there at {fleet.Nats.Url} that load and are free: start one", fleet.Run("--agents", "all"));
        fleet.StartAgent("first");
        EventuallyFails($"1 of 2 agents are there at {fleet.Nats.Url} that load and are free: start one", () => fleet.Run("--agents", "2", "--agents-within", "3s"));
        EventuallyFails("no agent is there at ", () => fleet.Run("--agents", "1", "--measure-rate", "10", "--agents-within", "3s"));
        Fails(1, "agent first: ", ProgramRun.Multiplex("load", "unix:/nowhere", "--nats", fleet.Nats.Url, "--agents", "1"));
        fleet.StartAgent("second");
        Fails(1, "2 agents cannot share 1 connections: write at least 2", fleet.Run("--agents", "2", "--connections", "1"));
        fleet.StartAgent("second");
        Fails(1, "2 agents are named second: give each another --name", fleet.Run("--agents", "3"));
        Assert.That(fleet.Counters[Counter.Accepted], Is.Zero);
    }

    [Test]
    public void An_agent_that_is_in_a_run_is_not_free()
    {
        using AgentFleet fleet = new();
        fleet.StartAgent("first");
        using ServerProcess load = ServerProcess.Launch(fleet.Load("--agents", "1", "--rate", "100", "--duration", "10m"));
        fleet.Counters.Await(Counter.Calls, 1);
        EventuallyFails("free; in other runs: first: start one", () => fleet.Run("--agents", "1", "--agents-within", "4s"));
    }

    [Test]
    public void A_plan_reads_no_file_of_an_agent_but_those_that_are_there_for_it()
    {
        using AgentFleet fleet = new();
        string folder = Path.Combine(Repository.Root, "src/Multiplex.Demo"), file = Path.Combine(folder, "multiplex.x");
        string[] load = ["--agents", "1", "--x", file, "--call", "MULTIPLEX_ADD(0)", "--requests", "10", "--connections", "1"];
        using ServerProcess first = fleet.StartAgent("first", "--runs", "1");
        Fails(1, $"agent first: --x {file}: this agent reads no files for others: start it with --files FOLDER", fleet.Run(load));
        Assert.That(first.WaitForExit(), Is.EqualTo(1), "its run has failed");
        using ServerProcess second = fleet.StartAgent("second", "--files", Path.Combine(folder, "obj"), "--runs", "1");
        Fails(1, $"agent second: --x {file}: it is not in this agent's --files", fleet.Run(load));
        Assert.That(second.WaitForExit(), Is.EqualTo(1));
        fleet.StartAgent("third", "--files", folder);
        Assert.That(fleet.Report(load).GetProperty("replies").GetInt64(), Is.EqualTo(10));
    }

    // An agent of a slow machine may answer later than the time in which it is searched for.
    private static void EventuallyFails(string line, Func<ProgramRun> run)
    {
        ProgramRun? last = null;
        Eventually.Holds(() => (last = run()).Errors.Any(error => error.Contains(line, StringComparison.Ordinal)), () => string.Join('\n', last!.Errors));
        Fails(1, line, last!);
    }

    private static void Fails(int status, string line, ProgramRun run)
    {
        Assert.That(run.Status, Is.EqualTo(status), () => string.Join('\n', run.Errors));
        Assert.That(run.Errors.Single(), Does.Contain(line));
        Assert.That(run.Lines, Is.Empty);
    }
}
