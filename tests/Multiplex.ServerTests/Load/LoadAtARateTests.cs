using System.Diagnostics;
using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>What an open loop shows and a closed loop cannot, and loads whose rate changes, against real servers.</summary>
public sealed class LoadAtARateTests
{
    private static ProgramRun Load(ServerProcess server, params string[] options) =>
        ProgramRun.Multiplex(["load", "--connect", server.Address.ToString(), "--connections", "8", .. options]);

    private static double Figure(JsonElement root, params string[] path) =>
        path.Aggregate(root, (element, name) => element.GetProperty(name)).GetDouble();

    // The server stops for one second of six: a sixth of all requests wait, the first of them longest. So p99 has to be about 0.94 s on any machine.
    [Test]
    public void A_server_that_stands_still_for_a_second_shows()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp, counters.Option);
        Task<ProgramRun> loading = Task.Run(() => Load(server, "--rate", "500", "--requests", "3000", "--json", "-"));
        counters.Await(Counter.Calls, 500);
        server.Signal(Signum.SIGSTOP);
        Stopwatch stopped = Stopwatch.StartNew();
        Eventually.Holds(() => stopped.Elapsed >= TimeSpan.FromSeconds(1), "a second never ends");
        server.Signal(Signum.SIGCONT);
        ProgramRun run = loading.GetAwaiter().GetResult();
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        JsonElement root = report.RootElement;
        Assert.That((root.GetProperty("requests").GetInt64(), root.GetProperty("unanswered").GetInt64()), Is.EqualTo((3000, 0)));
        Assert.That(Figure(root, "latency_us", "p99"), Is.GreaterThan(500_000));
        Assert.That(Figure(root, "latency_us", "p90"), Is.GreaterThan(200_000));
        Assert.That(
            root.GetProperty("series").EnumerateArray().Select(second => second.GetProperty("latency_us").GetProperty("max")).Where(max => max.ValueKind == JsonValueKind.Number).Max(max => max.GetDouble()),
            Is.EqualTo(Figure(root, "latency_us", "max")));

        // All but the eight requests in flight were sent after the server continued.
        Assert.That(Figure(root, "service_us", "p90"), Is.LessThan(Figure(root, "latency_us", "p90")));
    }

    [Test]
    public void A_closed_loop_says_what_it_cannot_see_and_what_is_missed_is_status_3()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        ProgramRun run = Load(server, "--requests", "1000", "--slo", "p50<1us,max<60s", "--connections", "2");
        Assert.That(run.Status, Is.EqualTo(3), () => string.Join('\n', run.Errors));
        string said = string.Join('\n', run.Lines);
        Assert.That(said, Does.Contain("closed loop: while the server stalls, the client sends less"));
        Assert.That(said, Does.Contain("MISSED: p50<1us").And.Contain("held: max<60s"));
    }

    [Test]
    public void All_shapes_go_together_and_every_result_is_written()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("reactors", "rpc", ListenForm.Tcp, counters.Option);
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string Path(string name) => System.IO.Path.Combine(folder.FullName, name);
            ProgramRun run = Load(
                server, "--ramp", "200:2000", "--arrivals", "poisson", "--duration", "1500ms", "--mix", "echo=8,null,sleep:1=0.5,add:2,whoami",
                "--size", "64=3,16k=1", "--calls-per-connection", "50", "--idle", "20", "--slow-readers", "3", "--slow-writers", "3",
                "--threads", "2", "--slo", "max<60s", "--json", Path("run.json"), "--csv", Path("run.csv"), "--hlog", Path("run.hlog"), "--html", Path("run.html"));
            Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
            using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(Path("run.json")));
            JsonElement root = report.RootElement;
            Assert.That(root.GetProperty("schema").GetString(), Is.EqualTo("multiplex.load/1"));
            Assert.That(Figure(root, "options", "rate_to_per_s"), Is.EqualTo(2000));
            Assert.That(Figure(root, "latency_us", "p9999"), Is.Positive);
            Assert.That(Figure(root, "connect_us", "p50"), Is.Positive);
            Assert.That(Figure(root, "slow", "replies"), Is.Positive, "slow readers do read");
            Assert.That(File.ReadAllLines(Path("run.csv")), Has.Length.EqualTo(1 + root.GetProperty("series").GetArrayLength()));
            Assert.That(File.ReadAllText(Path("run.hlog")), Does.Contain("#[Histogram log format version 1.3]"));
            Assert.That(File.ReadAllText(Path("run.html")), Does.Contain("<svg").And.Contain("poisson").And.Contain("max&lt;60s</text>"));
            Assert.That(counters[Counter.Accepted], Is.GreaterThan(8 + 20 + 6), "and connections were made anew");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test]
    public void The_capacity_is_a_rate_that_was_tried_and_held()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        ProgramRun run = Load(server, "--find-capacity", "--slo", "p50<20ms", "--arrivals", "poisson", "--duration", "1500ms", "--warmup", "50ms", "--json", "-");
        Assert.That(run.Status, Is.AnyOf(0, 3), () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        JsonElement[] steps = [.. report.RootElement.GetProperty("steps").EnumerateArray()];
        double capacity = Figure(report.RootElement, "capacity_per_s");
        Assert.That(steps, Is.Not.Empty);
        Assert.That(steps.Select(step => Figure(step, "rate_per_s")), Is.All.LessThanOrEqualTo(Figure(report.RootElement, "peak_per_s") + 1));
        Assert.That(capacity, Is.Zero.Or.AnyOf(steps.Where(step => step.GetProperty("held").GetBoolean()).Select(step => (object)Figure(step, "rate_per_s")).ToArray()));
        Assert.That(run.Status, Is.EqualTo(capacity > 0 ? 0 : 3));
        Assert.That(report.RootElement.GetProperty("options").GetProperty("arrivals").GetString(), Is.EqualTo("poisson"));
    }
}
