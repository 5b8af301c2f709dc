using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>The comparison, of real servers.</summary>
public sealed class CompareTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemoveReports() => _folder.Delete(recursive: true);

    [Test]
    public void It_measures_every_model_that_serves_many([ValueSource(typeof(Cells), nameof(Cells.ModelsThatServeMany))] string model)
    {
        (ProgramRun run, JsonElement report) = Run($"all {model}", "--models", model, "--scenarios", "churn", "--rounds", "1", "--rounds-only", "--requests", "50");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        JsonElement result = Results(report).Single();
        Assert.That(Server(result), Is.EqualTo(model));
        foreach (string figure in new[] { "throughput_per_s", "cpu_us_per_request", "memory_bytes" })
            Assert.That(Median(result, figure), Is.Positive, figure);
        Assert.That(result.GetProperty("errors").GetProperty("total").GetInt64(), Is.Zero);
        Assert.That(run.Lines[^1], Does.Contain("report.html").And.Contain("report.json"));
    }

    [Test]
    public void Peers_join_and_a_later_comparison_is_held_against_an_earlier_one()
    {
        string peer = $"exec {ServerProcess.Command} serve --model fork --listen tcp://127.0.0.1:{{port}}";
        (ProgramRun first, JsonElement before) = Run("before", "--models", "poll", "--peer", $"<mine>={peer}", "--scenarios", "echo", "--connections", "4", "--rounds", "2", "--rounds-only", "--requests", "50");
        Assert.That(first.Status, Is.Zero, () => string.Join('\n', first.Errors));
        JsonElement[] results = [.. Results(before)];
        Assert.That(results.Select(Server), Is.EqualTo(new[] { "poll", "<mine>" }));
        Assert.That(Median(results[1], "processes"), Is.GreaterThan(1), "the peer's children belong to it");
        Assert.That(Median(results[1], "cpu_us_per_request"), Is.Positive);
        Assert.That(File.ReadAllText(Path.Combine(_folder.FullName, "before", "report.html")), Does.Contain("&lt;mine&gt;").And.Not.Contain("<mine>"));

        string wrong = $"{ServerProcess.Command} serve --model epoll --protocol echo --listen tcp://127.0.0.1:{{port}}";
        (ProgramRun second, JsonElement after) = Run(
            "after", "--models", "poll", "--peer", $"wrong={wrong}", "--scenarios", "echo", "--connections", "4", "--rounds", "2",
            "--rounds-only", "--duration", "1s", "--baseline", Path.Combine(_folder.FullName, "before", "report.json"));
        Assert.That(second.Status, Is.EqualTo(1), "the peer speaks another protocol");
        Assert.That(Results(after).Last().GetProperty("why").GetString(), Does.StartWith("not one right reply"));
        JsonElement baseline = after.GetProperty("baseline");
        Assert.That(baseline.GetProperty("compared").GetInt32(), Is.Positive);
        Assert.That(baseline.GetProperty("began").GetDateTimeOffset(), Is.EqualTo(before.GetProperty("began").GetDateTimeOffset()));
        Assert.That(string.Join('\n', second.Lines), Does.Contain("Since the baseline"));
    }

    [Test]
    public void A_peer_that_does_not_start_is_reported_at_once_with_what_it_wrote()
    {
        ProgramRun run = ProgramRun.Multiplex("compare", "--models", "none", "--peer", "mine=echo no port {port} >&2; exit 3", "--out", _folder.FullName);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors[^1], Does.StartWith("multiplex: mine: ").And.Match("ended with status 3: no port [0-9]+$"));
    }

    [Test]
    public void A_peer_that_ends_while_it_is_loaded_is_reported_with_its_status_and_its_last_output()
    {
        string folder = Path.Combine(_folder.FullName, "ending"), file = Path.Combine(_folder.FullName, "ending counters");
        string peer = $"{ServerProcess.Command} serve --model poll --listen tcp://127.0.0.1:{{port}} --counters '{file}' > /dev/null 2>&1 & wait $!; echo farewell >&2; exit 7";
        using ServerProcess compare = ServerProcess.Launch(
            "compare", "--models", "none", "--peer", $"mine={peer}", "--scenarios", "echo", "--connections", "2", "--rounds", "3", "--rounds-only", "--duration", "5s", "--warmup", "10ms", "--out", folder);
        Eventually.Holds(() => File.Exists(file) && EndsLoaded(file), "the peer is not loaded");
        Assert.That(compare.WaitForExit(2 * Eventually.Deadline), Is.EqualTo(1));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "report.json")));
        Assert.That(Results(report.RootElement).Single().GetProperty("why").GetString(), Does.StartWith("failed: the server ended with status 7: ").And.EndWith("farewell"));
        Assert.That(string.Join('\n', compare.Output), Does.Contain("No figures: mine (failed)"));
    }

    [TestCase(Signum.SIGINT)]
    [TestCase(Signum.SIGTERM)]
    public void What_was_finished_before_a_signal_is_written_and_marked_partial(Signum signal)
    {
        string folder = Path.Combine(_folder.FullName, $"partial {signal}");
        using ServerProcess compare = ServerProcess.Launch(
            "compare", "--models", "poll", "--scenarios", "echo,blocking", "--connections", "2", "--rounds", "2", "--rounds-only", "--requests", "2000", "--warmup", "10ms", "--out", folder);
        Eventually.Holds(() => compare.Errors.Any(line => line.StartsWith("scenario 2", StringComparison.Ordinal)), "the second scenario does not begin");
        compare.Signal(signal);
        Assert.That(compare.WaitForExit(2 * Eventually.Deadline), Is.EqualTo(4));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "report.json")));
        JsonElement partial = report.RootElement.GetProperty("partial");
        Assert.That(partial.GetProperty("done").GetInt32(), Is.InRange(2, 3));
        Assert.That(partial.GetProperty("total").GetInt32(), Is.EqualTo(4));
        Assert.That(report.RootElement.GetProperty("scenarios")[0].GetProperty("points")[0].GetProperty("results").GetArrayLength(), Is.EqualTo(1));
        Assert.That(File.ReadAllText(Path.Combine(folder, "report.html")), Does.Contain("interrupted after"));
        Assert.That(string.Join('\n', compare.Output), Does.Contain("interrupted after"));
        Eventually.Holds(() => ServersOf(compare).Count == 0, "servers are left");
    }

    [TestCase("poll")]
    [TestCase("prefork")]
    [TestCase("none")]
    public void Servers_end_with_the_comparison_even_if_that_is_killed(string models)
    {
        using ServerProcess compare = ServerProcess.Launch(
            "compare", "--models", models, "--peer", $"mine=sleep 600 & {ServerProcess.Command} serve --model fork --listen tcp://127.0.0.1:{{port}}", "--scenarios", "echo", "--connections", "2",
            "--duration", "600s", "--out", _folder.FullName);
        Eventually.Holds(() => compare.Errors.Any(line => line.StartsWith("scenario 1", StringComparison.Ordinal)), "it does not begin");
        Eventually.Holds(() => ServersOf(compare).Count > 0, "no server starts");
        compare.Signal(Signum.SIGKILL);
        compare.WaitForExit(2 * Eventually.Deadline);
        Eventually.Holds(() => ServersOf(compare).Count == 0, () => $"these are left: {string.Join(' ', ServersOf(compare))}");
    }

    [Test]
    public void Calls_of_the_kernel_are_counted_where_it_lets_them_be_and_else_the_report_says_why()
    {
        // In a mount namespace of its own, as tracefs may not be mounted. Without the right to mount, the other branch is tested.
        string folder = Path.Combine(_folder.FullName, "counted");
        string[] compare = [ServerProcess.Command, "compare", "--models", "poll,fork", "--scenarios", "echo", "--connections", "2", "--rounds", "1", "--requests", "2000", "--out", folder];
        const string Mounted = "mount -t tracefs nodev /sys/kernel/tracing 2> /dev/null; exec \"$@\"";
        ProgramRun run = ProgramRun.Of("unshare", ["--mount", "--", "sh", "-c", Mounted, "sh", .. compare]);
        if (run.Status != 0 && run.Errors.Any(line => line.StartsWith("unshare", StringComparison.Ordinal)))
            run = ProgramRun.Of(compare[0], compare[1..]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "report.json")));
        JsonElement why = report.RootElement.GetProperty("not_counted");
        foreach (string figure in new[] { "syscalls_per_request", "page_faults_per_request", "instructions_per_request" })
        {
            JsonElement[] values = [.. Results(report.RootElement).Select(result => result.GetProperty("figures").GetProperty(figure))];
            if (why.TryGetProperty(figure, out JsonElement reason))
            {
                Assert.That(reason.GetString(), Is.Not.Empty);
                Assert.That(values.Select(value => value.ValueKind), Is.All.EqualTo(JsonValueKind.Null), figure);
                Assert.That(File.ReadAllText(Path.Combine(folder, "report.html")), Does.Contain("could not be counted"));
            }
            else
            {
                Assert.That(values.Select(value => value.GetProperty("median").GetDouble()), figure == "syscalls_per_request" ? Is.All.GreaterThan(1) : Is.All.GreaterThanOrEqualTo(0), figure);
            }
        }
    }

    [Test]
    public void A_flame_graph_of_each_server_shows_the_functions_that_its_time_goes_to()
    {
        string peer = $"exec {ServerProcess.Command} serve --model threads --listen tcp://127.0.0.1:{{port}}";
        (ProgramRun run, JsonElement report) = Run(
            "flames", "--models", "poll,fork,hybrid", "--peer", $"mine={peer}", "--scenarios", "cpu,echo", "--connections", "2", "--rounds", "1", "--rounds-only", "--requests", "2000", "--flamegraph");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        if (report.GetProperty("why_no_flame_graphs").GetString() is { } why)
            Assert.Ignore(why);
        string[] graphs = [.. Graphs("flames")];
        Assert.That(graphs, Has.Length.EqualTo(8), "four servers in two scenarios");
        foreach ((string graph, int i) in graphs.Select((graph, i) => (graph, i)))
        {
            Assert.That(graph, Does.Contain(((string[])["poll", "fork", "hybrid", "mine"])[i % 4]));
            Assert.That(graph, Does.Match(i < 4 ? "<button title=\"CpuBurner.Spend: [0-9.]+%\">" : "<button title=\"[A-Za-z_]*send[A-Za-z_]*: [0-9.]+%\">"), () => graph);
        }
    }

    [Test]
    public void Where_the_kernel_refuses_flame_graphs_one_line_says_why()
    {
        string folder = Path.Combine(_folder.FullName, "refused");
        ProgramRun run = RefusedCalls.WithoutPerfEvents(
            "compare", "--models", "poll", "--scenarios", "echo", "--connections", "2", "--rounds", "1", "--requests", "20", "--flamegraph", "--out", folder);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Lines.Count(line => line.StartsWith("No flame graphs: perf_event_open", StringComparison.Ordinal) && line.Contains("EPERM")), Is.EqualTo(1));
        Assert.That(File.ReadAllText(Path.Combine(folder, "report.html")), Does.Contain("There are no flame graphs: perf_event_open").And.Not.Contain("figure class=\"flames"));
    }

    [Test]
    public void A_baseline_that_was_better_ends_with_a_status_of_its_own()
    {
        string[] what = ["--models", "poll", "--scenarios", "blocking", "--connections", "2", "--rounds", "3", "--rounds-only", "--requests", "20"];
        (ProgramRun first, _) = Run("better", what);
        Assert.That(first.Status, Is.Zero, () => string.Join('\n', first.Errors));

        // An earlier report in which the server was faster by far more than noise.
        string file = Path.Combine(_folder.FullName, "better", "report.json");
        string doctored = System.Text.RegularExpressions.Regex.Replace(
            File.ReadAllText(file), "\"throughput_per_s\": ([0-9.]+)", match => $"\"throughput_per_s\": {1e30 * double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture):0}");
        File.WriteAllText(file, doctored);
        (ProgramRun second, JsonElement after) = Run("worse", [.. what, "--baseline", file]);
        Assert.That(second.Status, Is.EqualTo(5), () => string.Join('\n', second.Errors));
        Assert.That(after.GetProperty("baseline").GetProperty("changes").EnumerateArray().Select(change => change.GetProperty("better").GetBoolean()), Has.Member(false));
    }

    [Test]
    public void The_environment_of_the_figures_is_recorded()
    {
        (_, JsonElement report) = Run("environment", "--models", "poll", "--scenarios", "echo", "--connections", "1", "--rounds", "1", "--rounds-only", "--requests", "5");
        JsonElement environment = report.GetProperty("environment");
        Assert.That(environment.GetProperty("open_files").GetInt64(), Is.Positive);
        Assert.That(environment.GetProperty("somaxconn").GetString(), Is.Not.Empty);
        Assert.That(environment.GetProperty("local_ports").GetString(), Does.Match("^[0-9]+ +[0-9]+$"));
        Assert.That(environment.TryGetProperty("governor", out _) && environment.TryGetProperty("commit", out _), Is.True);
        Assert.That(report.GetProperty("load_average").GetDouble(), Is.GreaterThanOrEqualTo(0));
    }

    private (ProgramRun Run, JsonElement Report) Run(string name, params string[] options)
    {
        string folder = Path.Combine(_folder.FullName, name);
        ProgramRun run = ProgramRun.Multiplex(["compare", "--warmup", "50ms", "--out", folder, .. options]);
        string file = Path.Combine(folder, "report.json");
        Assert.That(file, Does.Exist, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(file));
        return (run, report.RootElement.Clone());
    }

    private IEnumerable<string> Graphs(string name) => System.Text.RegularExpressions.Regex
        .Matches(File.ReadAllText(Path.Combine(_folder.FullName, name, "report.html")), "<figure class=\"flames.*?</figure>", System.Text.RegularExpressions.RegexOptions.Singleline)
        .Select(match => match.Value);

    // Kills the server whose counters are in that file, once it has answered a request.
    private static bool EndsLoaded(string file)
    {
        using Multiplex.CountersFile counters = Multiplex.CountersFile.Open(file);
        if (counters.Read().GetValueOrDefault("Calls") == 0)   // the protocol registers it
            return false;
        ServerProcess.Signal(counters.Process, Signum.SIGKILL);
        return true;
    }

    private static IEnumerable<JsonElement> Results(JsonElement report) =>
        from scenario in report.GetProperty("scenarios").EnumerateArray()
        from point in scenario.GetProperty("points").EnumerateArray()
        from result in point.GetProperty("results").EnumerateArray()
        select result;

    private static string Server(JsonElement result) => result.GetProperty("server").GetString()!;

    // Servers that it has started and that are still running, also those whose parent has ended.
    private static List<ProcessEntry> ServersOf(ServerProcess compare) => [.. compare.Processes().Where(process => process.Id != compare.Id)];

    private static double Median(JsonElement result, string figure) => result.GetProperty("figures").GetProperty(figure).GetProperty("median").GetDouble();
}
