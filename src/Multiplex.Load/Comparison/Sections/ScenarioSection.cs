using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>One scenario: its load, its results, charts, and every figure.</summary>
internal static class ScenarioSection
{
    public static Html Of(CompareReport report, ScenarioReport scenario, Legend legend) => Html.Of($"""
        <section id="{scenario.Name}"><h2>{scenario.Name}</h2>
        <p>{scenario.Load}</p>
        <p class="soft">{scenario.LookFor}</p>
        <dl class="sentences">{report.Summary.Where(finding => finding.Scenario == scenario.Name).Select(Describe)}</dl>
        {CaveatList.Of(scenario)}
        <div class="charts">
        {ScenarioCharts.Of(scenario, legend)}</div>
        {Why(scenario, legend)}{FlameGraphs.Of(scenario, legend)}        {FigureTable.Of(report, scenario, legend)}{Absent(scenario, legend)}</section>

        """);

    private static Html Describe(Finding finding) => Html.Of($"""
        <dt>{finding.Point}</dt><dd>{finding.Sentence}</dd>

        """);

    private static Html Why(ScenarioReport scenario, Legend legend)
    {
        Html[] charts = [.. ScenarioCharts.OfReasons(scenario, legend)];
        return charts.Length == 0 ? Html.None : Html.Of($"""
            <details><summary>Why: what the servers ask of the kernel for a request</summary>
            <div class="charts">
            {charts}</div></details>

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
