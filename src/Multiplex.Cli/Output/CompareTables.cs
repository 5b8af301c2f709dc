using System.Globalization;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Reporting;

namespace Multiplex.Cli.Output;

/// <summary>A comparison on the terminal: the best and the worst of each scenario, what that means, and what has changed.</summary>
internal static class CompareTables
{
    public static void Print(CompareReport report)
    {
        MachineReport machine = report.Environment;
        Line(
            $"{machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}; {report.Protocol}; medians of {(report.RoundsAuto ? "up to " : "")}{report.Rounds} {(report.Rounds == 1 ? "round" : "rounds")} of {report.RunInWords}");
        if (report.Partial is { } partial)
            Line($"{partial.ToString()}");
        Terminal.WriteLine();
        Terminal.WriteTable(["scenario", "figure", "best", "worst"], BestAndWorst(report));
        foreach (ScenarioReport scenario in report.Scenarios)
            Print(scenario, report.Summary.Where(finding => finding.Scenario == scenario.Name));
        if (report.WhyNoFlameGraphs is { } why)
            Line($"No flame graphs: {why}");
        if (report.Baseline is { } baseline)
            Print(baseline);
    }

    private static IEnumerable<IReadOnlyList<string>> BestAndWorst(CompareReport report) =>
        from scenario in report.Scenarios
        from point in scenario.Points
        where point.ComparisonResults is [{ Standings.Count: > 0 }, ..]
        let outcome = point.ComparisonResults[0]
        select (string[])[$"{scenario.Name}, {point.Label}", outcome.Metric.Title, Cell(point, outcome, 0), Cell(point, outcome, outcome.Standings.Count - 1)];

    private static string Cell(PointReport point, ComparisonResult outcome, int rank)
    {
        ServerResult result = point.Results.First(result => result.Server == outcome.Standings[rank].Server);
        Spread spread = result[outcome.Metric]!.Value;
        return Text($"{result.Server} {outcome.Metric.Label(spread.Median)} ±{spread.Percent:F0}%");
    }

    private static void Print(ScenarioReport scenario, IEnumerable<Finding> findings)
    {
        Terminal.WriteLine();
        Line($"{scenario.Name}: {scenario.Load}");
        foreach (Finding finding in findings)
            Item($"{finding.Point}: {finding.Sentence}");
        foreach (string caveat in Caveat.Sentences(scenario))
            Item($"† {caveat}");
        foreach (var absent in scenario.Points.SelectMany(point => point.Results).Where(result => result.Why is not null).GroupBy(result => result.Why))
            Item($"Not measured: {string.Join(", ", absent.Select(result => result.Server).Distinct())} ({absent.Key})");
    }

    private static void Print(BaselineReport baseline)
    {
        Terminal.WriteLine();
        Line(
            $"Since the baseline of {baseline.Began:yyyy-MM-dd HH:mm}, by {baseline.TolerancePercent}% or more: {baseline.Changes.Count} of {baseline.Compared} figures");
        foreach (string note in baseline.Notes)
            Item($"{note}");
        foreach (Change change in baseline.Changes)
        {
            Metric metric = Metric.Find(change.Metric);
            Item(
                $"{(change.Better ? "better" : "worse")}: {change.Scenario}, {change.Point}, {change.Server}: {metric.Title} {metric.Label(change.Before.Median)} -> {metric.Label(change.After.Median)}");
        }
    }

    private static void Line(FormattableString text) => Terminal.WriteLine(Text(text));

    private static void Item(FormattableString text) => Terminal.WriteLine("  " + Text(text), indent: 4);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
