using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>The comparison, of real servers.</summary>
public sealed class Compare
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    [OneTimeTearDown]
    public void RemoveReports() => _folder.Delete(recursive: true);

    [Test]
    public void It_measures_every_model_that_serves_many()
    {
        (ProgramRun run, JsonElement report) = Run("all", "--scenarios", "churn", "--rounds", "1");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        JsonElement[] results = [.. Results(report)];
        Assert.That(results.Select(Server), Is.EqualTo(Cells.ModelsThatServeMany));
        Assert.That(results.Select(result => Median(result, "throughput_per_s")), Is.All.Positive);
        Assert.That(results.Select(result => Median(result, "cpu_us_per_request")), Is.All.Positive);
        Assert.That(results.Select(result => Median(result, "memory_bytes")), Is.All.Positive);
        Assert.That(results.Select(result => result.GetProperty("errors").GetProperty("total").GetInt64()), Is.All.Zero);
        Assert.That(run.Lines[^1], Does.Contain("report.html").And.Contain("report.json"));
    }

    [Test]
    public void Peers_join_and_a_later_comparison_is_held_against_an_earlier_one()
    {
        string peer = $"exec {ServerProcess.Command} serve --model fork --listen tcp://127.0.0.1:{{port}}";
        (ProgramRun first, JsonElement before) = Run("before", "--models", "poll", "--peer", $"<mine>={peer}", "--scenarios", "echo", "--connections", "4", "--rounds", "2");
        Assert.That(first.Status, Is.Zero, () => string.Join('\n', first.Errors));
        JsonElement[] results = [.. Results(before)];
        Assert.That(results.Select(Server), Is.EqualTo(new[] { "poll", "<mine>" }));
        Assert.That(Median(results[1], "processes"), Is.GreaterThan(1), "the peer's children belong to it");
        Assert.That(Median(results[1], "cpu_us_per_request"), Is.Positive);
        Assert.That(File.ReadAllText(Path.Combine(_folder.FullName, "before", "report.html")), Does.Contain("&lt;mine&gt;").And.Not.Contain("<mine>"));

        string wrong = $"{ServerProcess.Command} serve --model epoll --protocol echo --listen tcp://127.0.0.1:{{port}}";
        (ProgramRun second, JsonElement after) = Run(
            "after", "--models", "poll", "--peer", $"wrong={wrong}", "--scenarios", "echo", "--connections", "4", "--rounds", "2",
            "--baseline", Path.Combine(_folder.FullName, "before", "report.json"));
        Assert.That(second.Status, Is.EqualTo(1), "the peer speaks another protocol");
        Assert.That(Results(after).Last().GetProperty("why").GetString(), Does.StartWith("not one right reply"));
        JsonElement baseline = after.GetProperty("baseline");
        Assert.That(baseline.GetProperty("compared").GetInt32(), Is.Positive);
        Assert.That(baseline.GetProperty("began").GetDateTimeOffset(), Is.EqualTo(before.GetProperty("began").GetDateTimeOffset()));
        Assert.That(string.Join('\n', second.Lines), Does.Contain("Since the baseline"));
    }

    [Test]
    public void A_peer_that_does_not_start_is_told_at_once_with_what_it_said()
    {
        ProgramRun run = ProgramRun.Multiplex("compare", "--models", "none", "--peer", "mine=echo no port {port} >&2; exit 3", "--out", _folder.FullName);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors[^1], Does.StartWith("multiplex: mine: ").And.Match("ended with status 3: no port [0-9]+$"));
    }

    [Test]
    public void A_peer_that_ends_while_it_is_loaded_is_told_with_its_status_and_its_last_words()
    {
        string peer = $"echo farewell; {ServerProcess.Command} serve --model poll --listen tcp://127.0.0.1:{{port}} > /dev/null 2>&1 & sleep 2; kill -9 $!; exit 7";
        (ProgramRun run, JsonElement report) = Run("ending", "--models", "poll", "--peer", $"mine={peer}", "--scenarios", "echo", "--connections", "2", "--rounds", "2", "--duration", "6s");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(Results(report).Last().GetProperty("why").GetString(), Is.EqualTo("failed: the server ended with status 7: farewell"));
        Assert.That(string.Join('\n', run.Lines), Does.Contain("No figures: mine (failed)"));
    }

    [TestCase(Signum.SIGINT)]
    [TestCase(Signum.SIGTERM)]
    public void What_was_finished_before_a_signal_is_written_and_marked_partial(Signum signal)
    {
        string folder = Path.Combine(_folder.FullName, $"partial {signal}");
        using CompareProcess compare = CompareProcess.Start(
            "--models", "poll,epoll", "--scenarios", "echo,blocking", "--connections", "2", "--rounds", "2", "--duration", "200ms", "--warmup", "10ms", "--out", folder);
        Eventually.Holds(() => compare.Errors.Any(line => line.StartsWith("scenario 2", StringComparison.Ordinal)), "the second scenario does not begin");
        compare.Signal(signal);
        Assert.That(compare.WaitForExit(), Is.EqualTo(4));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "report.json")));
        JsonElement partial = report.RootElement.GetProperty("partial");
        Assert.That(partial.GetProperty("done").GetInt32(), Is.InRange(4, 7));
        Assert.That(partial.GetProperty("total").GetInt32(), Is.EqualTo(8));
        Assert.That(report.RootElement.GetProperty("scenarios")[0].GetProperty("points")[0].GetProperty("results").GetArrayLength(), Is.EqualTo(2));
        Assert.That(File.ReadAllText(Path.Combine(folder, "report.html")), Does.Contain("interrupted after"));
        Assert.That(string.Join('\n', compare.Output), Does.Contain("interrupted after"));
        Eventually.Holds(() => compare.Servers().Count == 0, "servers are left");
    }

    [TestCase("poll")]
    [TestCase("prefork")]
    [TestCase("none")]
    public void Servers_end_with_the_comparison_even_if_that_is_killed(string models)
    {
        using CompareProcess compare = CompareProcess.Start(
            "--models", models, "--peer", $"mine=sleep 600 & {ServerProcess.Command} serve --model fork --listen tcp://127.0.0.1:{{port}}", "--scenarios", "echo", "--connections", "2",
            "--duration", "600s", "--out", _folder.FullName);
        Eventually.Holds(() => compare.Errors.Any(line => line.StartsWith("scenario 1", StringComparison.Ordinal)), "it does not begin");
        Eventually.Holds(() => compare.Servers().Count > 0, "no server starts");
        compare.Signal(Signum.SIGKILL);
        compare.WaitForExit();
        Eventually.Holds(() => compare.Servers().Count == 0, () => $"these are left: {string.Join(' ', compare.Servers())}");
    }

    private (ProgramRun Run, JsonElement Report) Run(string name, params string[] options)
    {
        string folder = Path.Combine(_folder.FullName, name);
        ProgramRun run = ProgramRun.Multiplex(["compare", "--duration", "400ms", "--warmup", "100ms", "--out", folder, .. options]);
        string file = Path.Combine(folder, "report.json");
        Assert.That(file, Does.Exist, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(file));
        return (run, report.RootElement.Clone());
    }

    private static IEnumerable<JsonElement> Results(JsonElement report) =>
        from scenario in report.GetProperty("scenarios").EnumerateArray()
        from point in scenario.GetProperty("points").EnumerateArray()
        from result in point.GetProperty("results").EnumerateArray()
        select result;

    private static string Server(JsonElement result) => result.GetProperty("server").GetString()!;

    private static double Median(JsonElement result, string figure) => result.GetProperty("figures").GetProperty(figure).GetProperty("median").GetDouble();
}
