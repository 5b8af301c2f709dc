using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Agents;
using NUnit.Framework;

namespace Multiplex.ServerTests.Agents;

/// <summary>Loads that several agents make: one report, whose figures are exactly those of the agents added up.</summary>
public sealed class LoadAgentsTests
{
    private static readonly string[] s_percentiles = ["p50", "p90", "p99", "p999", "p9999"];

    // Each agent has a network of its own, as if it were another machine.
    [Test]
    public void Two_agents_in_two_networks_make_the_rate_together_and_the_report_is_their_sum()
    {
        AgentNetworks.Require();
        using AgentNetworks networks = new(2);
        string[] common = ["--warmup", "0s", "--duration", "2500ms", "--connections", "9", "--slo", "max<60s"];
        long alone = 0;   // replies
        foreach (string name in (string[])["a", "b"])
        {
            (AgentFleet one, JsonElement its) = Undisturbed(networks, [name], "200", common);
            using (one)
                alone += Count(its, "replies");
        }

        (AgentFleet both, JsonElement report) = Undisturbed(networks, ["a", "b"], "400", common);
        using AgentFleet fleet = both;
        JsonElement[] own = [fleet.ReportOf("a"), fleet.ReportOf("b")];

        // An open loop makes the calls that are due, however slow the machine is.
        Assert.That(Count(report, "requests"), Is.EqualTo(1000));
        Assert.That(Count(report, "unanswered"), Is.Zero);
        Assert.That(Count(report, "replies"), Is.EqualTo(alone), "both make as many as one alone and the other alone");
        Assert.That(own.Select(one => Count(one, "requests")), Is.EqualTo([500L, 500L]), "each takes every second one");
        Assert.That(fleet.Counters[Counter.Calls], Is.EqualTo(1000));
        Assert.That(own.Select(one => (int)Count(one.GetProperty("options"), "connections")), Is.EqualTo([5, 4]));

        AddsUp(report, own);
        HasPercentilesOfConcatenatedData(report, fleet);
        JsonElement[] agents = [.. report.GetProperty("agents").GetProperty("agents").EnumerateArray()];
        Assert.That(agents.Select(agent => agent.GetProperty("name").GetString()), Is.EqualTo(["a", "b"]));
        Assert.That(agents.Select(agent => Count(agent, "requests")), Is.EqualTo([500L, 500L]));
        Assert.That(report.GetProperty("agents").GetProperty("clock_error_us").GetDouble(), Is.GreaterThan(0));
        Assert.That(report.GetProperty("objectives")[0].GetProperty("held").GetBoolean());
    }

    [Test]
    public void All_agents_that_are_there_make_so_many_requests_together()
    {
        using AgentFleet fleet = new();
        foreach (string name in (string[])["a", "b", "c"])
            fleet.StartAgent(name);
        ProgramRun run = fleet.Run("--agents", "all", "--requests", "1001", "--connections", "6", "--slo", "max<1us");
        Assert.That(run.Status, Is.EqualTo(3), () => string.Join('\n', run.Errors));
        Assert.That(run.Errors.Single(), Does.Match("^multiplex: [1-3] agents begin in [0-9.]+ s, each within [0-9.]+ ms of one clock: "));
        Assert.That(string.Join('\n', run.Lines), Does.Contain("MISSED: max<1us").And.Contain($"agents at {fleet.Nats.Url}, which began within "));
        Assert.That(fleet.Counters[Counter.Calls], Is.EqualTo(1001));
        string[] loaded = run.Errors.Single().Split(": ")[^1].Split(", ");
        Assert.That(loaded.Sum(name => Count(fleet.ReportOf(name), "replies")), Is.EqualTo(1001));
    }

    [Test]
    public void Agents_that_measure_give_the_latencies_and_all_give_the_replies()
    {
        using AgentFleet fleet = new();
        ServerProcess[] agents = [fleet.StartAgent("load1", "--runs", "1"), fleet.StartAgent("load2", "--runs", "1"), fleet.StartAgent("probe", "--role", "measure", "--runs", "1")];
        JsonElement report = fleet.Report("--agents", "2", "--measure-rate", "200", "--duration", "2s", "--connections", "4");
        JsonElement probe = fleet.ReportOf("probe");
        JsonElement[] own = [fleet.ReportOf("load1"), fleet.ReportOf("load2"), probe];
        Assert.That(Count(report, "replies"), Is.EqualTo(own.Sum(one => Count(one, "replies"))));
        Assert.That(Count(report, "requests"), Is.EqualTo(Count(probe, "requests")).And.InRange(100, 1000), "200 a second, by chance");
        Assert.That(report.GetProperty("latency_us").GetRawText(), Is.EqualTo(probe.GetProperty("latency_us").GetRawText()));
        Assert.That(report.GetProperty("service_us").ValueKind, Is.EqualTo(JsonValueKind.Object), "an open loop");
        Assert.That(report.GetProperty("warnings").EnumerateArray().Select(one => one.GetString()), Has.Some.EqualTo("the latencies are those of probe alone, which measured beside the load"));
        Assert.That(report.GetProperty("agents").GetProperty("agents").EnumerateArray().Select(agent => agent.GetProperty("role").GetString()), Is.EqualTo(["load", "load", "measure"]));
        Assert.That(agents.Select(agent => agent.WaitForExit()), Is.All.Zero, "each was to have one run");
    }

    [Test]
    public void A_run_that_is_interrupted_tells_the_sum_up_to_then()
    {
        using AgentFleet fleet = new();
        fleet.StartAgent("a");
        fleet.StartAgent("b");
        using ServerProcess load = ServerProcess.Launch([.. fleet.Load("--agents", "2", "--rate", "100", "--duration", "10m"), "--json", "-"]);
        fleet.Counters.Await(Counter.Calls, 100);
        load.Signal(Signum.SIGINT);
        Assert.That(load.WaitForExit(), Is.EqualTo(4), () => string.Join('\n', load.Errors));
        JsonElement report = JsonDocument.Parse(string.Join('\n', load.Output)).RootElement;
        JsonElement[] own = [fleet.ReportOf("a"), fleet.ReportOf("b")];
        AddsUp(report, own);
        HasPercentilesOfConcatenatedData(report, fleet);
        Assert.That(report.GetProperty("interrupted").ValueKind, Is.EqualTo(JsonValueKind.Object));
    }

    // A machine that stands still at the end of a run leaves calls that are not sent, or not answered, in time: the report says so, and the run is repeated.
    private static (AgentFleet Fleet, JsonElement Report) Undisturbed(AgentNetworks networks, string[] agents, string rate, string[] options)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            AgentFleet fleet = new(networks);
            Array.ForEach(agents, name => fleet.StartAgent(name));
            JsonElement report = fleet.Report(["--agents", $"{agents.Length}", "--rate", rate, .. options]);
            bool isDisturbed = Count(report, "unanswered") > 0 || Count(report, "requests") < int.Parse(rate, CultureInfo.InvariantCulture) * 5 / 2;
            if (!isDisturbed || Stopwatch.GetElapsedTime(start) > Eventually.Deadline)
                return (fleet, report);
            fleet.Dispose();
        }
    }

    private static void AddsUp(JsonElement report, JsonElement[] own)
    {
        foreach (string name in (string[])["requests", "replies", "unanswered"])
            Assert.That(Count(report, name), Is.EqualTo(own.Sum(one => Count(one, name))), name);
        Assert.That(report.GetProperty("latency_us").GetProperty("max").GetDouble(), Is.EqualTo(own.Max(one => one.GetProperty("latency_us").GetProperty("max").GetDouble())));
        Assert.That(report.GetProperty("series").EnumerateArray().Sum(second => Count(second, "replies")), Is.EqualTo(own.Sum(one => one.GetProperty("series").EnumerateArray().Sum(second => Count(second, "replies")))));
    }

    // The agents' own raw output, added up by the command that merges logs.
    private static void HasPercentilesOfConcatenatedData(JsonElement report, AgentFleet fleet)
    {
        ProgramRun merged = ProgramRun.Multiplex(["load", "--merge", .. fleet.Logs(), "--json", "-"]);
        Assert.That(merged.Status, Is.Zero, () => string.Join('\n', merged.Errors));
        JsonElement sum = JsonDocument.Parse(merged.Output).RootElement;
        Assert.That(Count(report, "requests"), Is.EqualTo(Count(sum, "requests")));
        foreach (string percentile in s_percentiles)
        {
            double expected = sum.GetProperty("latency_us").GetProperty(percentile).GetDouble();
            Assert.That(report.GetProperty("latency_us").GetProperty(percentile).GetDouble(), Is.EqualTo(expected).Within(0.1).Percent, $"{percentile}: a log tells the bucket of the greatest value, a report the value");
        }
    }

    private static long Count(JsonElement element, string name) => element.GetProperty(name).GetInt64();
}
