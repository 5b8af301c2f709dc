using System.Text.Json;
using System.Text.RegularExpressions;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Metrics;

/// <summary>What the table in docs/operations.md, the dashboard and the alert rules name is what servers show.</summary>
public sealed partial class DocumentedMetricsTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "src/packaging/metrics");

    private string[] _shown = [];

    [OneTimeSetUp]
    public void Scrape()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        using (Scraped rpc = new("epoll", "rpc", options: ["--access-log", "/dev/null"]), echo = new("epoll", "echo"), nfs = new("epoll", "nfs", options: ["--export", $"{folder.FullName},insecure", "--state", folder.FullName]))
            _shown = [.. Scraped.Names(rpc.Text()).Union(Scraped.Names(echo.Text())).Union(Scraped.Names(nfs.Text()))];
        folder.Delete(recursive: true);
    }

    [Test]
    public void The_table_names_every_metric_of_every_protocol_and_no_other()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs/operations.md"));
        int start = page.IndexOf("## Metrics", StringComparison.Ordinal);
        string section = page[start..page.IndexOf("\n## ", start + 1, StringComparison.Ordinal)];
        Assert.That(Name().Matches(section).Select(match => match.Groups["name"].Value), Is.EquivalentTo(_shown));
    }

    [Test]
    public void The_dashboard_names_metrics_that_there_are_in_expressions_that_Prometheus_accepts()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_folder, "multiplex-dashboard.json")));
        string[] expressions =
        [
            .. from panel in dashboard.RootElement.GetProperty("panels").EnumerateArray()
               where panel.GetProperty("type").GetString() != "row"
               from target in panel.GetProperty("targets").EnumerateArray()
               select target.GetProperty("expr").GetString()!,
        ];
        Assert.That(expressions, Has.Length.GreaterThan(30));
        AssertNamesAreShown(expressions);
        string rules = Path.GetTempFileName();
        File.WriteAllLines(rules, ["groups:", "- name: dashboard", "  rules:", .. expressions.Select((expression, i) => $"  - {{record: 'panel:{i}', expr: '{expression.Replace("$__rate_interval", "5m")}'}}")]);
        ProgramRun.Successfully(Tools.Require("promtool"), ["check", "rules", rules]);
        File.Delete(rules);
    }

    [Test]
    public void The_alert_rules_name_metrics_that_there_are_and_fire_when_they_are_to()
    {
        string[] lines = File.ReadAllLines(Path.Combine(s_folder, "multiplex-alerts.yml"));
        AssertNamesAreShown(lines.Where(line => line.Contains("expr:")));
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs/operations.md"));
        string[] alerts = [.. lines.Where(line => line.Contains("- alert: ")).Select(line => line.Split(": ")[1])];
        Assert.That(alerts, Is.Not.Empty);
        Assert.That(Alert().Matches(page).Select(match => match.Groups["name"].Value), Is.EquivalentTo(alerts), "the table of alerts");
        string test = Path.Combine(s_folder, "multiplex-alerts-test.yml"), cases = File.ReadAllText(test);
        Assert.That(alerts.Where(alert => !cases.Contains($"alertname: {alert}, exp_alerts: []") || !cases.Contains($"{{alertname=\"{alert}\"}}', value: 1")), Is.Empty, "each has a case in which it is quiet and one in which it fires");
        ProgramRun.Successfully(Tools.Require("promtool"), ["test", "rules", test]);
    }

    private void AssertNamesAreShown(IEnumerable<string> expressions)
    {
        string[] named = [.. expressions.SelectMany(expression => Used().Matches(expression)).Select(match => match.Groups["name"].Value).Distinct()];
        Assert.That(named, Has.Length.GreaterThan(5));
        Assert.That(named.Except(_shown), Is.Empty);
    }

    // The name of a metric in an expression, without what the series of a histogram add.
    [GeneratedRegex(@"\b(?<name>(multiplex|process)_[a-z_]+?)(_(bucket|sum|count))?\b(?=[^a-z_])")]
    private static partial Regex Used();

    // | `MultiplexDown` |
    [GeneratedRegex(@"^\| `(?<name>Multiplex\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Alert();

    // | `name` |
    [GeneratedRegex(@"^\| `(?<name>[a-z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Name();
}
