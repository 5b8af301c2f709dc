using System.Text.Json;
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
        Assert.That(run.Errors[^1], Does.StartWith("multiplex: mine: ").And.Match("did not start: no port [0-9]+$"));
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
