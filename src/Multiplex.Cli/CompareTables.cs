using Multiplex.Load;
using Multiplex.Load.Comparison;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>A comparison on the terminal: the best and the worst of each scenario, what that means, and what has moved.</summary>
internal static class CompareTables
{
    public static void Print(CompareReport report)
    {
        MachineReport machine = report.Environment;
        Terminal.Output.MarkupLineInterpolated(
            $"{machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}; {report.Protocol}; medians of {report.Rounds} {(report.Rounds == 1 ? "round" : "rounds")} of {report.DurationS:0.###} s");
        Terminal.Output.WriteLine();
        Terminal.Output.Write(BestAndWorst(report));
        foreach (ScenarioReport scenario in report.Scenarios)
            Print(scenario, report.Summary.Where(finding => finding.Scenario == scenario.Name));
        if (report.Baseline is { } baseline)
            Print(baseline);
    }

    private static Table BestAndWorst(CompareReport report)
    {
        Table table = Terminal.Table("scenario", "with", "figure", "best", "", "spread", "worst", "", "spread");
        foreach ((ScenarioReport scenario, PointReport point) in report.Scenarios.SelectMany(scenario => scenario.Points.Select(point => (scenario, point))))
        {
            Measure by = Measure.Find(scenario.JudgedBy);
            if (Verdict.Of(point, by) is { } verdict)
                table.AddRow([scenario.Name, point.Label, by.Title, .. Cells(verdict.Ranked[0], by), .. Cells(verdict.Ranked[^1], by)]);
        }

        return table;
    }

    private static string[] Cells(ServerResult result, Measure by) =>
        [Markup.Escape(result.Server), by.Label(result[by].Median), $"±{result[by].Percent:F0}%"];

    private static void Print(ScenarioReport scenario, IEnumerable<Finding> findings)
    {
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLineInterpolated($"[bold]{scenario.Name}[/]: {scenario.Load}");
        foreach (Finding finding in findings)
            Terminal.Output.MarkupLineInterpolated($"  {finding.Point}: {finding.Sentence}");
        foreach (var absent in scenario.Points.SelectMany(point => point.Results).Where(result => result.Why is not null).GroupBy(result => result.Why))
            Terminal.Output.MarkupLineInterpolated($"  Not measured: {string.Join(", ", absent.Select(result => result.Server).Distinct())} ({absent.Key})");
    }

    private static void Print(BaselineReport baseline)
    {
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLineInterpolated(
            $"[bold]Since the baseline[/] of {baseline.Began:yyyy-MM-dd HH:mm}, beyond both spreads: {baseline.Changes.Count} of {baseline.Compared} figures");
        foreach (string note in baseline.Notes)
            Terminal.Output.MarkupLineInterpolated($"  {note}");
        foreach (Change change in baseline.Changes)
        {
            Measure measure = Measure.Find(change.Measure);
            Terminal.Output.MarkupLineInterpolated(
                $"  {(change.Better ? "better" : "worse")}: {change.Scenario}, {change.Point}, {change.Server}: {measure.Title} {measure.Label(change.Before.Median)} -> {measure.Label(change.After.Median)}");
        }
    }
}
