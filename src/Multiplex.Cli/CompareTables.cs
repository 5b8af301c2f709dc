using Multiplex.Load;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Judging;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>A comparison on the terminal: the best and the worst of each scenario, what that means, and what has moved.</summary>
internal static class CompareTables
{
    public static void Print(CompareReport report)
    {
        MachineReport machine = report.Environment;
        Terminal.Output.MarkupLineInterpolated(
            $"{machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}; {report.Protocol}; medians of {(report.RoundsAuto ? "up to " : "")}{report.Rounds} {(report.Rounds == 1 ? "round" : "rounds")} of {report.RunInWords}");
        if (report.Partial is { } partial)
            Terminal.Output.MarkupLineInterpolated($"[bold]{partial.ToString()}[/]");
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
            if (point.Verdicts is [{ Standings.Count: > 0 } verdict, ..])
                table.AddRow([scenario.Name, point.Label, verdict.Measure.Title, .. Cells(point, verdict, 0), .. Cells(point, verdict, verdict.Standings.Count - 1)]);
        }

        return table;
    }

    private static string[] Cells(PointReport point, Verdict verdict, int rank)
    {
        ServerResult result = point.Results.First(result => result.Server == verdict.Standings[rank].Server);
        Spread spread = result[verdict.Measure]!.Value;
        return [Markup.Escape(result.Server), verdict.Measure.Label(spread.Median), $"±{spread.Percent:F0}%"];
    }

    private static void Print(ScenarioReport scenario, IEnumerable<Finding> findings)
    {
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLineInterpolated($"[bold]{scenario.Name}[/]: {scenario.Load}");
        foreach (Finding finding in findings)
            Terminal.Output.MarkupLineInterpolated($"  {finding.Point}: {finding.Sentence}");
        foreach (string caveat in Caveat.Sentences(scenario))
            Terminal.Output.MarkupLineInterpolated($"  † {caveat}");
        foreach (var absent in scenario.Points.SelectMany(point => point.Results).Where(result => result.Why is not null).GroupBy(result => result.Why))
            Terminal.Output.MarkupLineInterpolated($"  Not measured: {string.Join(", ", absent.Select(result => result.Server).Distinct())} ({absent.Key})");
    }

    private static void Print(BaselineReport baseline)
    {
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLineInterpolated(
            $"[bold]Since the baseline[/] of {baseline.Began:yyyy-MM-dd HH:mm}, by {baseline.TolerancePercent}% or more: {baseline.Changes.Count} of {baseline.Compared} figures");
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
