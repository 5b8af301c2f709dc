using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>The result files of a load: files that cannot be written, and runs that a signal ends early.</summary>
public sealed class LoadResultsTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    private string InFolder(string name) => Path.Combine(_folder.FullName, name);

    [OneTimeTearDown]
    public void RemoveResults() => _folder.Delete(recursive: true);

    [Test]
    public void A_file_that_cannot_be_written_is_said_before_the_load([Values("--json", "--csv", "--hlog", "--html")] string option, [Values("nowhere/file", ".")] string file)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        string other = option == "--json" ? "--csv" : "--json", untouched = InFolder("untouched");
        ProgramRun run = ProgramRun.Multiplex(
            "load", "--connect", server.Address.Text, "--duration", "60s", other, untouched, option, InFolder(file));
        Assert.That(run.Status, Is.EqualTo(2));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors.Single(), Does.StartWith($"multiplex: {option} {InFolder(file)}: "));
        Assert.That(File.Exists(untouched), Is.False, "and no empty file is left");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.Zero, "nothing was asked");
    }

    [Test]
    public void What_can_be_written_is_written_when_something_cannot([Values("--json", "--csv", "--hlog", "--html")] string option)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        string[] others = [.. ((string[])["--json", "--csv", "--hlog", "--html"]).Where(other => other != option)];
        ProgramRun run = ProgramRun.Multiplex(
        [
            "load", "--connect", server.Address.Text, "--requests", "100", option, "/dev/full",
            .. others.SelectMany(other => new[] { other, InFolder($"with-full{other}") }),
        ]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.StartWith($"multiplex: {option} /dev/full: "));
        Assert.That(string.Join('\n', run.Lines), Does.Contain("replies/s").And.Contain("latency, from sending"));
        foreach (string other in others)
            Assert.That(new FileInfo(InFolder($"with-full{other}")).Length, Is.Positive, other);
    }

    [Test]
    public void A_result_replaces_a_longer_one_and_a_load_that_fails_keeps_it()
    {
        string file = InFolder("replaced.json"), before = new('x', 100_000);
        File.WriteAllText(file, before);
        Assert.That(ProgramRun.Multiplex("load", "--connect", "unix:@multiplex-nobody-listens-here", "--json", file).Status, Is.EqualTo(1));
        Assert.That(File.ReadAllText(file), Is.EqualTo(before));
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        Assert.That(ProgramRun.Multiplex("load", "--connect", server.Address.Text, "--requests", "100", "--json", file).Status, Is.Zero);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.That(report.RootElement.GetProperty("interrupted").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void Logs_of_several_runs_are_added_up()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        string[] logs = [.. ((int[])[100, 50, 1]).Select(requests =>
        {
            string log = InFolder($"merge-{requests}.hlog");
            Assert.That(ProgramRun.Multiplex("load", server.Address.Text, "--connections", "1", "--requests", $"{requests}", "--hlog", log, "--html", InFolder("merge.html")).Status, Is.Zero);
            return log;
        })];
        Assert.That(File.ReadAllText(InFolder("merge.html")), Does.Contain("Latencies over time"));
        ProgramRun table = ProgramRun.Multiplex(["load", "--merge", .. logs]);
        Assert.That(table.Status, Is.Zero, () => string.Join('\n', table.Errors));
        Assert.That(table.Lines[0], Does.StartWith("151 requests of "));
        ProgramRun missed = ProgramRun.Multiplex(["load", "--slo", "p50<0.001us", "--json", "-", "--merge", .. logs]);
        Assert.That(missed.Status, Is.EqualTo(3));
        using JsonDocument report = JsonDocument.Parse(missed.Output);
        Assert.That(report.RootElement.GetProperty("requests").GetInt64(), Is.EqualTo(151));
        Assert.That(report.RootElement.GetProperty("latency_us").GetProperty("p99").GetDouble(), Is.Positive);
    }

    [Test]
    public void A_signal_ends_a_run_early_and_keeps_what_was_measured([Values(Signum.SIGINT, Signum.SIGTERM)] Signum signal)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract, counters.Option);
        string json = InFolder($"{signal}.json");
        using ServerProcess load = ServerProcess.StartProgram(
            ServerProcess.Command, ["load", "--connect", server.Address.Text, "--rate", "1000", "--warmup", "0s", "--duration", "300s", "--json", json], endpoints: 0);
        counters.Await(Counter.Calls, 500);
        load.Signal(signal);
        Assert.That(load.WaitForExit(), Is.EqualTo(4));
        Assert.That(string.Join('\n', load.Output), Does.Match("interrupted after [0-9.]+ of 300 s").And.Contain("replies/s"));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        JsonElement interrupted = report.RootElement.GetProperty("interrupted");
        Assert.That(interrupted.GetProperty("of_s").GetDouble(), Is.EqualTo(300));
        Assert.That(interrupted.GetProperty("after_s").GetDouble(), Is.EqualTo(report.RootElement.GetProperty("elapsed_s").GetDouble()).And.Positive);
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.InRange(1, counters[Counter.Calls]));
    }

    [Test]
    public void A_signal_in_the_warm_up_leaves_no_rate_and_no_beginning([Values] bool isOpen)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract, counters.Option);
        string json = InFolder("warm-up.json"), html = InFolder("warm-up.html");
        using ServerProcess load = ServerProcess.StartProgram(
            ServerProcess.Command,
            ["load", "--connect", server.Address.Text, "--warmup", "300s", "--duration", "300s", "--json", json, "--html", html, .. isOpen ? (string[])["--rate", "1000"] : []], endpoints: 0);
        counters.Await(Counter.Calls, 100);
        load.Signal(Signum.SIGTERM);
        Assert.That(load.WaitForExit(), Is.EqualTo(4));
        Assert.That(string.Join('\n', load.Output), Does.Contain("interrupted after 0 of 300 s").And.Contain("– replies/s"));
        Assert.That(File.ReadAllText(html), Does.Contain("interrupted after 0 of 300 s"));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        foreach (string name in (string[])["started_at", "throughput_per_s", "sent_bytes_per_s", "received_bytes_per_s"])
            Assert.That(report.RootElement.GetProperty(name).ValueKind, Is.EqualTo(JsonValueKind.Null), name);
        Assert.That(report.RootElement.GetProperty("client").GetProperty("busiest_thread").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.Zero);
    }

    [Test]
    public void A_signal_ends_a_search_early_and_keeps_its_steps([Values(Signum.SIGINT, Signum.SIGTERM)] Signum signal)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.UnixAbstract);
        string json = InFolder($"search-{signal}.json");
        using ServerProcess load = ServerProcess.StartProgram(
            ServerProcess.Command,
            ["load", "--connect", server.Address.Text, "--find-capacity", "--slo", "p50<0.01us", "--warmup", "0s", "--duration", "2s", "--json", json], endpoints: 0);
        Eventually.Holds(() => load.Output.Count > 0, "no step is ever done");
        load.Signal(signal);
        Assert.That(load.WaitForExit(), Is.EqualTo(4));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        Assert.That(report.RootElement.GetProperty("interrupted").GetBoolean(), Is.True);
        Assert.That(report.RootElement.GetProperty("steps").GetArrayLength(), Is.Positive);
        Assert.That(string.Join('\n', load.Output), Does.Contain("interrupted after ").And.Contain("capacity: "));
    }
}
