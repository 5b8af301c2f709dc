using Multiplex.Load.Charts;
using Multiplex.Load.Pages;

namespace Multiplex.Load.Comparison.Page;

/// <summary>The charts of a scenario: how much, how long, and at what price.</summary>
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
        Measure judgedBy = Measure.Find(scenario.JudgedBy), also = Measure.Find(scenario.AlsoJudgedBy);
        foreach (Measure measure in new[] { judgedBy, Measure.Throughput, Measure.Cpu }.Distinct())
            yield return Chart(scenario, measure, legend);
        foreach (PointReport point in scenario.Points)
            yield return LatencyCurves(point, legend);
        if (also == Measure.MemoryPerConnection)
            yield return Chart(scenario, also, legend);
        if (scenario.Points.SelectMany(point => point.Measured).Any(result => result[Measure.Errors]?.High > 0))
            yield return Chart(scenario, Measure.Errors, legend);
    }

    /// <summary>The charts of what the servers ask of the kernel, as far as it was counted.</summary>
    public static IEnumerable<Html> OfReasons(ScenarioReport scenario, Legend legend) =>
        from measure in Measure.All
        where measure.IsReason && scenario.Points.SelectMany(point => point.Measured).Any(result => result[measure] is not null)
        select Chart(scenario, measure, legend);

    private static Html Chart(ScenarioReport scenario, Measure measure, Legend legend) =>
        scenario.Points.Count > 1 ? AgainstConnections(scenario, measure, legend) : Bars(scenario.Points[0], measure, legend);

    private static Html AgainstConnections(ScenarioReport scenario, Measure measure, Legend legend)
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
                let value = measured[measure]
                where value is not null
                select new ChartPoint(scenario.Across(point), value.Value.Median, value.Value.Low, value.Value.High)]));
        return new LineChart($"{measure.Title} against connections", across, new(measure.Title) { Label = measure.Label }, [.. lines]).Draw();
    }

    private static Html Bars(PointReport point, Measure measure, Legend legend)
    {
        IEnumerable<Bar> bars =
            from result in point.Measured
            let value = result[measure]
            where value is not null
            orderby value.Value.Median * (measure.MoreIsBetter ? -1 : 1)
            select new Bar(result.Server, legend.ColorOf(result.Server), value.Value.Median, value.Value.Low, value.Value.High);
        return new BarChart(measure.Title, [.. bars], measure.Label).Draw();
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
