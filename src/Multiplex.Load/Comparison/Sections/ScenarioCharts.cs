using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The charts of a scenario: throughput, latency and cost.</summary>
internal static class ScenarioCharts
{
    // The scale of percentiles is that of how many are beyond: 90, 99 and 99.9 are equally far apart. 0 has no room beside 50.
    private static readonly Axis s_percentiles = new("percentile")
    {
        Logarithmic = true,
        Ticks = [1, 2, 10, 100, 1000, 10_000],
        Label = odds => odds switch { 1 => "", 2 => "50", _ => $"{100 - (100 / odds):0.##}" },
    };

    public static IEnumerable<Html> Of(ScenarioReport scenario, Legend legend)
    {
        Metric judgedBy = Metric.Find(scenario.JudgedBy), also = Metric.Find(scenario.AlsoJudgedBy);
        foreach (Metric metric in new[] { judgedBy, Metric.Throughput, Metric.Cpu }.Distinct())
            yield return Chart(scenario, metric, legend);
        foreach (PointReport point in scenario.Points)
            yield return LatencyCurves(point, legend);
        if (also == Metric.MemoryPerConnection)
            yield return Chart(scenario, also, legend);
        if (scenario.Points.SelectMany(point => point.Measured).Any(result => result[Metric.Errors]?.High > 0))
            yield return Chart(scenario, Metric.Errors, legend);
    }

    /// <summary>The charts of the kernel's counts.</summary>
    public static IEnumerable<Html> OfReasons(ScenarioReport scenario, Legend legend) =>
        from metric in Metric.All
        where metric.IsReason && scenario.Points.SelectMany(point => point.Measured).Any(result => result[metric] is not null)
        select Chart(scenario, metric, legend);

    private static Html Chart(ScenarioReport scenario, Metric metric, Legend legend) =>
        scenario.Points.Count > 1 ? AgainstConnections(scenario, metric, legend) : Bars(scenario.Points[0], metric, legend);

    private static Html AgainstConnections(ScenarioReport scenario, Metric metric, Legend legend)
    {
        Axis across = new(scenario.VariesOthers ? "other connections" : "connections")
        {
            Logarithmic = true,
            Ticks = [.. scenario.Points.Select(point => (double)scenario.Across(point))],
            Label = connections => $"{connections:N0}",
        };
        IEnumerable<Series> lines = scenario.Points[0].Results.Select(result => new Series(
            result.Server,
            legend.ColorOf(result.Server),
            [.. from point in scenario.Points
                from measured in point.Measured
                where measured.Server == result.Server
                let value = measured[metric]
                where value is not null
                select new ChartPoint(scenario.Across(point), value.Value.Median, value.Value.Low, value.Value.High)]));
        return new LineChart($"{metric.Title} against connections", across, new(metric.Title) { Label = metric.Label }, [.. lines]).Draw();
    }

    private static Html Bars(PointReport point, Metric metric, Legend legend)
    {
        IEnumerable<Bar> bars =
            from result in point.Measured
            let value = result[metric]
            where value is not null
            orderby value.Value.Median * (metric.MoreIsBetter ? -1 : 1)
            select new Bar(result.Server, legend.ColorOf(result.Server), value.Value.Median, value.Value.Low, value.Value.High);
        return new BarChart(metric.Title, [.. bars], metric.Label).Draw();
    }

    private static Html LatencyCurves(PointReport point, Legend legend)
    {
        IEnumerable<Series> lines =
            from result in point.Measured
            let curve = result.LatencyCurve.Select(one => new ChartPoint(100 / (100 - one.Percentile), one.Us))
            select new Series(result.Server, legend.ColorOf(result.Server), [.. curve]);
        Axis latency = new("latency") { Logarithmic = true, Label = Quantities.Time };
        return new LineChart($"Latency by percentile, {point.Label}", s_percentiles, latency, [.. lines]) { Marks = false }.Draw();
    }
}
