using Multiplex.Load;
using Multiplex.Load.Comparison;
using Spectre.Console;

namespace Multiplex.Cli;

/// <summary>A comparison on the terminal: a table for each scenario, and a sentence on who came out ahead.</summary>
internal static class CompareTables
{
    public static void Print(CompareReport report)
    {
        MachineReport machine = report.Environment;
        Terminal.Output.MarkupLineInterpolated(
            $"{machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}; {report.Protocol}; medians of {report.Rounds} rounds of {report.DurationS:0.#} s");
        foreach (ScenarioReport scenario in report.Scenarios)
            Print(scenario);
    }

    private static void Print(ScenarioReport report)
    {
        Scenario scenario = report.Scenario;
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLineInterpolated($"[bold]{scenario.Name}[/]: {scenario.LookFor}");
        Table table = Terminal.Table(
            "model", "requests/s", "spread", "p50 us", "p99 us", "p99.9 us", "errors", "CPU us/req", "switches/req", "memory MB", "processes", "threads");
        foreach (ModelReport model in report.Models)
        {
            RoundFigures median = model.Median;
            table.AddRow(
                model.Model,
                $"{median.ThroughputPerS:N0}",
                $"±{model.SpreadPercent:F0}%",
                $"{median.P50Us:N0}",
                $"{median.P99Us:N0}",
                $"{median.P999Us:N0}",
                $"{median.Errors}",
                $"{median.CpuUsPerRequest:N2}",
                $"{median.ContextSwitchesPerRequest:N3}",
                $"{median.MemoryMb:N1}",
                $"{median.Processes}",
                $"{median.Threads}");
        }

        Terminal.Output.Write(table);
        Terminal.Output.WriteLine(Verdict(report.Models));
    }

    // A lead counts only when it is more than the spread of either side.
    private static string Verdict(IReadOnlyList<ModelReport> models)
    {
        if (models.Count < 2)
            return "";
        ModelReport[] ranked = [.. models.OrderByDescending(model => model.Median.ThroughputPerS)];
        ModelReport first = ranked[0], second = ranked[1], last = ranked[^1];
        double lead = 100 * ((first.Median.ThroughputPerS / second.Median.ThroughputPerS) - 1);
        string winner = lead > first.SpreadPercent + second.SpreadPercent
            ? $"{first.Model} leads {second.Model} by {lead:F0}%"
            : $"{first.Model} and {second.Model} are level within their spread";
        ModelReport cheapest = models.MinBy(model => model.Median.CpuUsPerRequest)!;
        return $"{winner}; {first.Model} answers {first.Median.ThroughputPerS / last.Median.ThroughputPerS:F1} times as many requests as {last.Model}; "
            + $"least CPU per request: {cheapest.Model} ({cheapest.Median.CpuUsPerRequest:F2} us).";
    }
}
