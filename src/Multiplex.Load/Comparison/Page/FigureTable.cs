using Multiplex.Load.Pages;

namespace Multiplex.Load.Comparison.Page;

/// <summary>Every figure of a scenario, in a table that can be sorted by any of them.</summary>
internal static class FigureTable
{
    private static readonly TableColumn s_server = new("server");

    public static Html Of(CompareReport report, ScenarioReport scenario, Legend legend)
    {
        bool several = scenario.Points.Count > 1;
        ILookup<(string, string, string), Change> changes = (report.Baseline?.Changes ?? [])
            .Where(change => change.Scenario == scenario.Name)
            .ToLookup(change => (change.Point, change.Server, change.Measure));
        Measure[] measures = [.. Measure.All.Where(measure => scenario.Points.SelectMany(point => point.Measured).Any(result => result[measure] is not null))];
        TableColumn[] columns =
        [
            s_server,
            .. several ? [new TableColumn(scenario.VariesOthers ? "others" : "connections", "Connections at this point.")] : Array.Empty<TableColumn>(),
            .. measures.Select(measure => new TableColumn(measure.Title, measure.Explanation, measure.MoreIsBetter) { IsFolded = !IsMain(measure, scenario) }),
        ];
        IEnumerable<TableRow> rows =
            from point in scenario.Points
            from result in point.Measured
            select new TableRow(Html.Of($"{legend.NameOf(result.Server)}{CaveatList.Mark(result)}"), result.Server,
            [
                .. several ? [new TableCell(Html.Of($"{scenario.Across(point)}"), scenario.Across(point))] : Array.Empty<TableCell>(),
                .. measures.Select(measure => Cell(
                    result,
                    measure,
                    point.Verdicts.Any(verdict => verdict.By == measure.Key && verdict.IsWonBy(result.Server)),
                    changes[(point.Label, result.Server, measure.Key)].FirstOrDefault())),
            ]);
        return SortableTable.Of(columns, rows);
    }

    // What the scenario is judged by, and what is looked at first everywhere.
    private static bool IsMain(Measure measure, ScenarioReport scenario) =>
        measure.Key == scenario.JudgedBy || measure.Key == scenario.AlsoJudgedBy
        || measure == Measure.Throughput || measure == Measure.Offered || measure == Measure.P50 || measure == Measure.P99 || measure == Measure.Cpu;

    private static TableCell Cell(ServerResult result, Measure measure, bool best, Change? change)
    {
        if (result[measure] is not { } spread)
            return new(Html.Of($"""<span class="soft">–</span>"""));
        Html value = Html.Of($"""<span title="from {measure.Label(spread.Low)} to {measure.Label(spread.High)}">{measure.Label(spread.Median)}</span>""");
        Html part = measure == Measure.Throughput || measure == Measure.P99 || measure == Measure.Cpu
            ? Html.Of($"<small>±{spread.Percent:F0}%</small>")
            : Html.None;
        return new(Html.Of($"{value}{part}{ChangesSection.Mark(change)}"), spread.Median, best ? "best" : "");
    }
}
