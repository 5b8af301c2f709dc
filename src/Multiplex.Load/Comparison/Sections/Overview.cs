using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The summary: a finding for each point, and each server's share of the best.</summary>
internal static class Overview
{
    public static Html Of(CompareReport report, Legend legend) => Html.Of($"""
        <section id="overview"><h2>What the figures say</h2>
        <dl class="findings">{Findings(report)}</dl>
        <h3>Each server's share of the best</h3>
        <p class="soft">Of the figure that a scenario is judged by. The darker, the more. Bold: the best, and every server that it has no lead over; green: it leads all others. A dash: not measured, and its scenario says why. †: something limits what the figure says, and its scenario says what.</p>
        {Matrix(report, legend)}</section>

        """);

    private static IEnumerable<Html> Findings(CompareReport report) =>
        from finding in report.Summary
        group finding by finding.Scenario into scenario
        select Html.Of($"""
            <dt><a href="#{scenario.Key}">{scenario.Key}</a></dt><dd>{scenario.Select(finding => Sentence(finding, scenario.Count() > 1))}</dd>

            """);

    private static Html Sentence(Finding finding, bool oneOfSeveral) => oneOfSeveral
        ? Html.Of($"""<div><span class="soft">{finding.Point}:</span> {finding.Sentence}</div>""")
        : Html.Of($"{finding.Sentence}");

    private static Html Matrix(CompareReport report, Legend legend)
    {
        Column[] columns = [.. report.Scenarios.SelectMany(scenario => scenario.Points.Select(point => new Column(scenario, point)))];
        return Html.Of($"""
            <div class="scroll"><table class="matrix">
            <thead><tr><th></th>{columns.Select(column => column.Head)}</tr></thead>
            <tbody>
            {report.Servers.Select(server => Row(server, columns, legend))}</tbody></table></div>

            """);
    }

    private static Html Row(ServerReport server, Column[] columns, Legend legend) => Html.Of($"""
        <tr><th scope="row">{legend.NameOf(server.Name)}</th>{columns.Select(column => column.ShareOf(server.Name))}</tr>

        """);

    private sealed class Column(ScenarioReport scenario, PointReport point)
    {
        private readonly ComparisonResult? _outcome = point.ComparisonResults is [var outcome, ..] ? outcome : null;

        public Html Head => Html.Of($"""<th scope="col" title="{point.Label}">{scenario.Name}{(scenario.Points.Count > 1 ? Html.Of($"<br><small>{scenario.Across(point):N0}</small>") : Html.None)}</th>""");

        public Html ShareOf(string server)
        {
            if (_outcome?.Standings.FirstOrDefault(one => one.Server == server) is not { } standing)
                return Html.Of($"""<td class="soft">–</td>""");
            double share = _outcome.Metric.ShareOf(MedianOf(server), MedianOf(_outcome.Standings[0].Server));
            Html percent = Html.Of($"{100 * share:F0}%");
            return Html.Of($"""<td class="share{(_outcome.IsWonBy(server) ? " best" : "")}" style="--share:{share}">{(standing.Place == Place.Behind ? percent : Html.Of($"<b>{percent}</b>"))}{CaveatList.Mark(ResultOf(server))}</td>""");
        }

        private double MedianOf(string server) => ResultOf(server)[_outcome!.Metric]!.Value.Median;

        private ServerResult ResultOf(string server) => point.Results.First(result => result.Server == server);
    }
}
