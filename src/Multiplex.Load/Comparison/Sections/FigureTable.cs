using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>Every figure of a scenario, in a table that can be sorted by any of them.</summary>
internal static class FigureTable
{
    private static readonly TableColumn s_server = new("server");

    public static Html Of(CompareReport report, ScenarioReport scenario, Legend legend)
    {
        bool several = scenario.Points.Count > 1;
        ILookup<(string, string, string), Change> changes = (report.Baseline?.Changes ?? [])
            .Where(change => change.Scenario == scenario.Name)
            .ToLookup(change => (change.Point, change.Server, change.Metric));
        Metric[] metrics = [.. Metric.All.Where(metric => scenario.Points.SelectMany(point => point.Measured).Any(result => result[metric] is not null))];
        TableColumn[] columns =
        [
            s_server,
            .. several ? [new TableColumn(scenario.VariesOthers ? "others" : "connections", "Connections at this point.")] : Array.Empty<TableColumn>(),
            .. metrics.Select(metric => new TableColumn(metric.Title, metric.Explanation, metric.MoreIsBetter) { IsFolded = !IsMain(metric, scenario) }),
        ];
        IEnumerable<TableRow> rows =
            from point in scenario.Points
            from result in point.Measured
            select new TableRow(Html.Of($"{legend.NameOf(result.Server)}{CaveatList.Mark(result)}"), result.Server,
            [
                .. several ? [new TableCell(Html.Of($"{scenario.Across(point)}"), scenario.Across(point))] : Array.Empty<TableCell>(),
                .. metrics.Select(metric => Cell(
                    result,
                    metric,
                    point.ComparisonResults.Any(outcome => outcome.By == metric.Key && outcome.IsWonBy(result.Server)),
                    changes[(point.Label, result.Server, metric.Key)].FirstOrDefault())),
            ]);
        return SortableTable.Of(columns, rows);
    }

    // The figure that the scenario is about comes first, and the most important ones in every scenario.
    private static bool IsMain(Metric metric, ScenarioReport scenario) =>
        metric.Key == scenario.JudgedBy || metric.Key == scenario.AlsoJudgedBy
        || metric == Metric.Throughput || metric == Metric.Offered || metric == Metric.P50 || metric == Metric.P99 || metric == Metric.Cpu;

    private static TableCell Cell(ServerResult result, Metric metric, bool best, Change? change)
    {
        if (result[metric] is not { } spread)
            return new(Html.Of($"""<span class="soft">–</span>"""));
        Html value = Html.Of($"""<span title="from {metric.Label(spread.Low)} to {metric.Label(spread.High)}">{metric.Label(spread.Median)}</span>""");
        Html part = metric == Metric.Throughput || metric == Metric.P99 || metric == Metric.Cpu
            ? Html.Of($"<small>±{spread.Percent:F0}%</small>")
            : Html.None;
        return new(Html.Of($"{value}{part}{ChangesSection.Mark(change)}"), spread.Median, best ? "best" : "");
    }
}
