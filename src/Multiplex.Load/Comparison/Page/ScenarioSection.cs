using Multiplex.Load.Pages;

namespace Multiplex.Load.Comparison.Page;

/// <summary>One scenario: what it asks, what came out, charts, and every figure.</summary>
internal static class ScenarioSection
{
    public static Html Of(CompareReport report, ScenarioReport scenario, Legend legend) => Html.Of($"""
        <section id="{scenario.Name}"><h2>{scenario.Name}</h2>
        <p>{scenario.Load}</p>
        <p class="soft">{scenario.LookFor}</p>
        <dl class="verdict">{report.Summary.Where(finding => finding.Scenario == scenario.Name).Select(Verdict)}</dl>
        {scenario.Points.Select(BusyClient)}
        <div class="charts">
        {ScenarioCharts.Of(scenario, legend)}</div>
        {FigureTable.Of(report, scenario, legend)}{Absent(scenario, legend)}</section>

        """);

    private static Html Verdict(Finding finding) => Html.Of($"""
        <dt>{finding.Point}</dt><dd>{finding.Sentence}</dd>

        """);

    private static Html BusyClient(PointReport point)
    {
        const double Busy = 0.95;
        string[] servers = [.. point.Measured.Where(result => result[Measure.ClientBusy]?.Median > Busy).Select(result => result.Server)];
        return servers.Length == 0 ? Html.None : Html.Of($"""
            <p class="soft"><small>{point.Label}: the client was the limit with {string.Join(", ", servers)}; more of it (--threads, where there are cores to spare) would see them do more.</small></p>

            """);
    }

    private static Html Absent(ScenarioReport scenario, Legend legend)
    {
        Html[] absent =
        [
            .. from point in scenario.Points
               from result in point.Results
               where result.Why is not null
               group point.Label by (result.Server, result.Why, result.Failed) into reason
               select Html.Of($"""<dt>{legend.NameOf(reason.Key.Server)}</dt><dd class="{(reason.Key.Failed ? "worse" : "soft")}">{reason.Key.Why} <small>({string.Join("; ", reason)})</small></dd>"""),
        ];
        return absent.Length == 0 ? Html.None : Html.Of($"""
            <h3>Not measured</h3>
            <dl class="findings">{absent}</dl>

            """);
    }
}
