using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>The figures of loads on servers that starve, stop, die or are overloaded: a figure that is not known is not printed.</summary>
public sealed class LoadFiguresTests
{
    private static readonly string[] s_loops = ["closed", "open"];

    private static ProgramRun Load(ServerProcess server, params string[] options) =>
        ProgramRun.Multiplex(["load", "--connect", server.Address.ToString(), .. options]);

    private static JsonElement Report(ProgramRun run)
    {
        using JsonDocument report = JsonDocument.Parse(run.Output);
        return report.RootElement.Clone();
    }

    private static string[] RateOf(string loop, string perSecond) => loop == "open" ? ["--rate", perSecond] : [];

    private static IEnumerable<double> Series(JsonElement report, string figure) =>
        report.GetProperty("series").EnumerateArray().Select(second => second.GetProperty(figure).GetDouble());

    private static string Warnings(JsonElement report) => string.Join('\n', report.GetProperty("warnings").EnumerateArray());

    [Test]
    public void Connections_without_a_reply_are_reported_and_fail_the_run(
        [ValueSource(nameof(s_loops))] string loop, [Values] bool warmUp, [Values(ListenForm.Tcp, ListenForm.UnixAbstract)] ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start("iterative", "rpc", form);
        ProgramRun run = Load(
            server, ["--connections", "5", "--duration", "2s", "--warmup", warmUp ? "100ms" : "0s", "--slo", "max<500ms", "--json", "-", .. RateOf(loop, "400")]);
        Assert.That(run.Status, Is.EqualTo(1));
        JsonElement report = Report(run);
        Assert.That(Warnings(report), Does.Contain("4 of 5 connections got no reply"));
        JsonElement connections = report.GetProperty("connections");
        Assert.That(connections.GetProperty("without_reply").GetInt32(), Is.EqualTo(4));
        Assert.That(connections.GetProperty("median_replies").GetInt64(), Is.Zero);
        Assert.That(connections.GetProperty("most_replies").GetInt64(), Is.Positive);
        if (loop == "closed" || !warmUp)
            Assert.That(report.GetProperty("objectives")[0].GetProperty("held").GetBoolean(), Is.False, "they waited all the while");
    }

    [Test]
    public void A_stall_that_lasts_to_the_end_counts_with_the_time_that_requests_have_waited(
        [ValueSource(nameof(s_loops))] string loop, [Values(ListenForm.Tcp, ListenForm.UnixAbstract, ListenForm.UnixPacket, ListenForm.Udp)] ListenForm form)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", form, counters.Option);
        Task<ProgramRun> loading = Task.Run(() => Load(
            server, ["--connections", "2", "--duration", "10s", "--timeout", "60s", "--warmup", "0s", "--slo", "max<900ms", "--json", "-", .. RateOf(loop, "200")]));
        counters.Await(Counter.Calls, 100);
        server.Signal(Signum.SIGSTOP);
        ProgramRun run = loading.GetAwaiter().GetResult();
        server.Signal(Signum.SIGCONT);
        JsonElement report = Report(run);
        Assert.That(run.Status, Is.EqualTo(3), () => Warnings(report));
        Assert.That(report.GetProperty("unanswered").GetInt64(), loop == "open" ? Is.GreaterThan(2) : Is.EqualTo(2));
        Assert.That(report.GetProperty("latency_us").GetProperty("max").GetDouble(), Is.GreaterThan(900_000));
        Assert.That(Warnings(report), Does.Contain("requests without a reply: "));
    }

    [Test]
    public void The_rate_counts_replies_by_when_they_come_and_latencies_requests_by_when_they_were_due()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(
            server, "--connections", "1", "--rate", "500", "--mix", "sleep:20", "--warmup", "1s", "--duration", "3s", "--slo", "p99<1s", "--json", "-");
        JsonElement report = Report(run);
        Assert.That(run.Status, Is.EqualTo(3), () => Warnings(report));

        // At most 200 of the warm-up's 500 requests can have a reply at the end, and there are no other replies.
        long replies = report.GetProperty("replies").GetInt64();
        Assert.That(replies, Is.InRange(1, 160));
        Assert.That(report.GetProperty("throughput_per_s").GetDouble(), Is.EqualTo(replies / 3.0).Within(0.001));
        Assert.That(Series(report, "replies").Sum(), Is.EqualTo(replies));
        Assert.That(Series(report, "unanswered"), Is.EqualTo(new[] { 500, 500, 500 }));
        Assert.That(report.GetProperty("requests").GetInt64(), Is.EqualTo(1500).And.EqualTo(report.GetProperty("unanswered").GetInt64()));
        Assert.That(report.GetProperty("service_us").GetProperty("p50").ValueKind, Is.EqualTo(JsonValueKind.Null), "none of them was answered");
    }

    [Test]
    public void A_server_that_does_not_answer_has_no_replies_in_any_result([ValueSource(nameof(s_loops))] string loop)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        server.Signal(Signum.SIGSTOP);
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string csv = Path.Combine(folder.FullName, "run.csv"), json = Path.Combine(folder.FullName, "run.json");
            ProgramRun run = Load(
                server, ["--connections", "3", "--duration", "2s", "--warmup", "0s", "--slo", "p99<1ms", "--csv", csv, "--json", json, .. RateOf(loop, "1000")]);
            Assert.That(run.Status, Is.EqualTo(1));
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(json));
            JsonElement report = document.RootElement;
            Assert.That(report.GetProperty("throughput_per_s").GetDouble(), Is.Zero);
            Assert.That(report.GetProperty("replies").GetInt64(), Is.Zero);
            Assert.That(Series(report, "replies"), Is.EqualTo(new[] { 0, 0 }));
            Assert.That(Series(report, "unanswered").Sum(), Is.EqualTo(loop == "open" ? 2000 : 3));
            string[][] rows = [.. File.ReadAllLines(csv).Select(line => line.Split(','))];
            int Column(string name) => Array.IndexOf(rows[0], name);
            foreach (string[] row in rows[1..])
                Assert.That((row[Column("replies")], row[Column("p99_us")]), Is.EqualTo(("0", "")), "no latency without a reply");
            string said = string.Join('\n', run.Lines);
            Assert.That(said, Does.Contain("3 of 3 connections got no reply"));
            Assert.That(said, Does.Contain("MISSED: p99<1ms"));
        }
        finally
        {
            server.Signal(Signum.SIGCONT);
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void Without_any_sample_a_figure_is_a_dash_and_an_objective_says_that_there_was_no_reply()
    {
        // Datagrams to a stopped server are lost: their latency is not known.
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Udp);
        server.Signal(Signum.SIGSTOP);
        ProgramRun run = Load(server, "--connections", "2", "--timeout", "50ms", "--duration", "1s", "--slo", "p99<5ms", "--calls-per-connection", "1");
        server.Signal(Signum.SIGCONT);
        string said = string.Join('\n', run.Lines);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(said, Does.Match("MISSED: p99<5ms, (no reply in 1 s|measured [0-9.]+ (ms|s))"));
        Assert.That(said, Does.Match(@"connecting .*[0-9] µs"));
        Assert.That(said, Does.Not.Match(@"\b0(\.0)? (us|µs|ms)"));
    }

    [TestCase("echo", "rpc")]
    [TestCase("rpc", "echo")]
    public void A_server_of_another_protocol_is_distinguished_from_a_slow_one(string serves, string asked)
    {
        using ServerProcess server = ServerProcess.Start("epoll", serves, ListenForm.Tcp);
        ProgramRun run = Load(server, "--protocol", asked, "--connections", "2", "--requests", "4");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(string.Join('\n', run.Lines), Does.Contain($"does the server speak {asked}? try --protocol {serves}"));
    }

    // A call takes 10 ms, and 200/s are due on one connection: requests wait for the server, not for the client.
    [Test]
    public void A_slow_server_is_not_taken_for_a_slow_client([Values(1, 4)] int connections, [Values(ListenForm.Tcp, ListenForm.UnixPacket)] ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", form);
        ProgramRun run = Load(
            server, "--connections", $"{connections}", "--rate", "400", "--warmup", "0s", "--duration", "2s", "--mix", "sleep:20", "--json", "-");
        JsonElement report = Report(run);
        double lag = report.GetProperty("client").GetProperty("lag_us").GetProperty("p50").GetDouble();
        double service = report.GetProperty("service_us").GetProperty("p50").GetDouble(), latency = report.GetProperty("latency_us").GetProperty("p50").GetDouble();
        Assert.That(lag, Is.LessThan(service), "of the many times that a connection became free, the client was not later than a whole call");
        Assert.That(lag, Is.LessThan(0.2 * latency));
        Assert.That(Warnings(report), Does.Contain("requests waited for a free slot: at p50 ").And.Not.Contain("the client ran behind its schedule: p50"));
    }

    [Test]
    public void A_server_that_is_killed_has_no_replies_afterwards()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp, counters.Option);
        Task<ProgramRun> loading = Task.Run(() => Load(server, "--connections", "4", "--rate", "500", "--warmup", "0s", "--duration", "10s", "--json", "-"));
        counters.Await(Counter.Calls, 200);
        server.Signal(Signum.SIGKILL);
        long answered = counters[Counter.Calls];
        ProgramRun run = loading.GetAwaiter().GetResult();
        JsonElement report = Report(run);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(report.GetProperty("replies").GetInt64(), Is.InRange(100, answered + 100));
        Assert.That(report.GetProperty("unanswered").GetInt64() + report.GetProperty("replies").GetInt64(), Is.EqualTo(5000));
        Assert.That(Series(report, "replies").Last(), Is.Zero);
        Assert.That(Series(report, "unanswered").Last(), Is.EqualTo(500));
    }

    [Test]
    public void When_local_ports_run_out_the_result_says_so_and_names_the_setting([Values] bool asTable)
    {
        NetworkOf.RequireOne();
        const string Endpoint = "tcp://127.0.0.1:7000", Ports = "/proc/sys/net/ipv4/ip_local_port_range";
        using SharedCounters counters = new();
        string serve = $"ip link set lo up && exec {ServerProcess.Command} serve --model epoll --listen {Endpoint} \"$@\"";
        using ServerProcess server = ServerProcess.StartProgram(Tools.Require("unshare"), ["--net", "sh", "-c", serve, "sh", .. counters.Option]);
        string[] inside = ["--target", $"{server.Id}", "--net"], load = ["load", Endpoint, "--connections", "4", "--calls-per-connection", "10", "--duration", "300s"];
        using ServerProcess loading = ServerProcess.StartProgram(
            Tools.Require("nsenter"), [.. inside, ServerProcess.Command, .. load, .. asTable ? (string[])[] : ["--json", "-"]], endpoints: 0);
        counters.Await(Counter.Calls, 100);

        // From now on there is one port for four connections.
        ProgramRun.Successfully("nsenter", [.. inside, "sh", "-c", $"echo 40010 40010 > {Ports}"]);
        counters.Await(Counter.Calls, counters[Counter.Calls] + 500);
        loading.Signal(Signum.SIGINT);
        Assert.That(loading.WaitForExit(), Is.EqualTo(4), () => string.Join('\n', loading.Errors));
        if (asTable)
        {
            Assert.That(string.Join(' ', loading.Output), Does.Match("[1-9][0-9,]* as no local port was left: net.ipv4.ip_local_port_range"));
            return;
        }

        using JsonDocument report = JsonDocument.Parse(string.Join('\n', loading.Output));
        JsonElement errors = report.RootElement.GetProperty("errors");
        Assert.That(errors.GetProperty("no_local_port").GetInt64(), Is.Positive.And.EqualTo(errors.GetProperty("connect_failures").GetInt64()));
        Assert.That(errors.GetProperty("connects_refused").GetInt64(), Is.Zero);
    }

    [Test]
    public void When_there_are_too_few_local_ports_from_the_first_one_line_says_so()
    {
        NetworkOf.RequireOne();
        const string Script = "ip link set lo up && echo 40000 40004 > /proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"";
        using ServerProcess server = ServerProcess.StartProgram(
            Tools.Require("unshare"), ["--net", "sh", "-c", Script, "sh", ServerProcess.Command, "serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:7000"]);
        ProgramRun run = ProgramRun.Of(Tools.Require("nsenter"), ["--target", $"{server.Id}", "--net", ServerProcess.Command, "load", "tcp://127.0.0.1:7000", "--connections", "8"]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: connect tcp://127.0.0.1:7000: ").And.Contains("EADDRNOTAVAIL").And.Contains("net.ipv4.ip_local_port_range"));
    }
}
