using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Reporting.Formats;

/// <summary>The result of a load as a page: one file, to be read offline.</summary>
public static class LoadPage
{
    private static readonly double[] s_oneOutOf = [1, 10, 100, 1000, 10_000, 100_000];

    /// <summary>The page of one run.</summary>
    /// <param name="report">The run.</param>
    /// <param name="latencies">Its latencies over time; null without such a chart.</param>
    public static string Of(LoadReport report, LatencyOverTime? latencies = null)
    {
        LoadReportOptions o = report.Options;
        return Page.Of($"Load of {o.Connect}", Html.Of($"""
            <header>
            <h1>Load of {o.Connect}</h1>
            <p class="lede">{LoadText.Asked(o)}, {LoadText.Length(report)}{LoadText.Began(report)}; {Machine(report.Environment)}.</p>
            </header>
            <section><h2>Figures</h2>
            {Figures(report)}{report.Warnings.Select(warning => Html.Of($"""<p>{warning}</p>"""))}</section>
            <section><h2>Latencies</h2>
            <div class="charts">{Percentiles(report).Draw()}{latencies?.Chart().Draw()}{Times(report).Draw()}{Rates(report).Draw()}</div></section>

            """));
    }

    /// <summary>The page of a search for the capacity.</summary>
    public static string Of(CapacityReport report)
    {
        CapacityStep[] steps = [.. report.Steps.OrderBy(step => step.RatePerS)];
        ChartPoint[] Line(Func<LatencyReport, double?> figure) =>
            [.. steps.Select(step => new ChartPoint(step.RatePerS, figure(step.LatencyUs) ?? double.NaN))];
        LineChart curve = new(
            "Latency against offered rate", new("requests due in a second"), new("latency") { Logarithmic = true, Label = Quantities.Time },
            [new("p50", 5, Line(l => l.P50)), new("p99", 7, Line(l => l.P99)), new("p99.9", 1, Line(l => l.P999))])
        {
            MarksUp = [.. Objective.ParseAll(report.Objective.Replace(" ", "", StringComparison.Ordinal)).Select(Goal)],
            MarksAcross = report.CapacityPerS > 0 ? [new("capacity", report.CapacityPerS)] : [],
        };
        return Page.Of($"Capacity of {report.Options.Connect}", Html.Of($"""
            <header>
            <h1>Capacity of {report.Options.Connect}</h1>
            <p class="lede">{report.CapacityPerS:N0} requests a second hold {report.Objective}; {LoadText.Asked(report.Options)}; {Machine(report.Environment)}.</p>
            </header>
            <section><h2>Steps</h2>
            {SortableTable.Of(
                [new("rate/s"), new("replies/s"), new("p50"), new("p99"), new("p99.9"), new("max"), new("")],
                steps.Select(step => new TableRow(Html.Of($"{step.RatePerS:N0}"), $"{step.RatePerS:000000000}", [new(Html.Of($"{Quantities.Short(step.ThroughputPerS)}"), step.ThroughputPerS), Cell(step.LatencyUs.P50), Cell(step.LatencyUs.P99), Cell(step.LatencyUs.P999), Cell(step.LatencyUs.Max), new(Html.Of($"{step.Outcome}"))])))}
            {report.Warnings.Select(warning => Html.Of($"""<p>{warning}</p>"""))}<div class="charts">{curve.Draw()}</div></section>

            """));
    }

    private static Html Figures(LoadReport report)
    {
        List<TableRow> rows = [Row(report.Options.RatePerS is null ? "latency, from sending" : "latency, from when due", report.LatencyUs)];
        if (report.ServiceUs is { } service)
            rows.Add(Row("latency, from sending", service));
        if (report.Client.LagUs is { } lag)
            rows.Add(Row("the client's own delay", lag));
        if (report.ConnectUs is { } connect)
            rows.Add(Row("connecting", connect));
        LoadErrors e = report.Errors;
        return Html.Of($"""
            <dl class="findings"><dt>replies/s</dt><dd>{LoadText.Rate(report.ThroughputPerS)}</dd><dt>replies</dt><dd>{report.Replies:N0}, {LoadText.Checked(report.Options)}</dd>{Missing(report)}<dt>bytes/s</dt><dd>{LoadText.Size(report.SentBytesPerS)} sent, {LoadText.Size(report.ReceivedBytesPerS)} received</dd><dt>errors</dt><dd>{e.Total:N0}{(e.Total > 0 ? $": {LoadText.Of(e)}" : "")}</dd>{(report.Objectives ?? []).Select(one => Html.Of($"""<dt>{one.Objective}</dt><dd class="{(one.Held ? "better" : "worse")}">{(one.Held ? "held" : "missed")}: {LoadText.Measured(one, report.ElapsedS)}</dd>"""))}</dl>
            {SortableTable.Of([new("time"), new("min"), new("mean"), new("p50"), new("p90"), new("p99"), new("p99.9"), new("p99.99"), new("max")], rows)}
            """);
    }

    private static Html Missing(LoadReport report) => report is { Unanswered: 0, Connections.WithoutReply: 0 }
        ? Html.None
        : Html.Of($"<dt>no reply</dt><dd class=\"worse\">{report.Unanswered:N0} requests{(report.Connections.WithoutReply > 0 ? $", {report.Connections.WithoutReply:N0} of {report.Options.Connections:N0} connections" : "")}</dd>");

    private static TableRow Row(string name, LatencyReport l) => new(
        Html.Of($"{name}"), name, [.. new[] { l.Min, l.Mean, l.P50, l.P90, l.P99, l.P999, l.P9999, l.Max }.Select(time => Cell(time))]);

    private static TableCell Cell(double? time) => new(Html.Of($"{Quantities.Time(time)}"), time);

    private static string Machine(MachineReport machine) => $"{machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}";

    private static LineChart Percentiles(LoadReport report)
    {
        double most = report.Percentiles.Count > 0 ? 100 / (100 - Math.Min(report.Percentiles[^1].Percent, 99.9999)) : 10;
        Axis across = new("percentile")
        {
            Logarithmic = true,
            Ticks = [.. s_oneOutOf.Where(tick => tick <= 10 * most)],
            Label = oneOutOf => $"{100 - (100 / oneOutOf):0.####}",
        };
        return new(
            "Latency that so many percent do not exceed", across, new("latency") { Label = Quantities.Time, Logarithmic = true },
            [new("all", 7, [.. report.Percentiles.Where(point => point.Percent < 100).Select(point => new ChartPoint(100 / (100 - point.Percent), point.LatencyUs))])])
        {
            Marks = false,
            MarksUp = Goals(report),
        };
    }

    // A second without a reply is shaded, and interrupts the lines.
    private static LineChart Times(LoadReport report)
    {
        Blank[] blanks = [.. report.Series.Where(second => second.Replies == 0).Select(second => new Blank(second.Second - 0.5, second.Second + 0.5, $"no reply in second {second.Second}"))];
        Series Line(string name, int color, Func<LatencyReport, double?> figure) => new(
            name, color, [.. report.Series.Select(second => new ChartPoint(second.Second, figure(second.LatencyUs) ?? double.NaN))]);
        return new(
            $"Latency second by second{(blanks.Length > 0 ? "; shaded: no reply" : "")}", new("second"), new("latency") { Label = Quantities.Time, Logarithmic = true },
            [Line("p50", 5, l => l.P50), Line("p99", 7, l => l.P99), Line("max", 1, l => l.Max)])
        {
            Blanks = blanks,
            Marks = report.Series.Count <= 60,
            MarksUp = Goals(report),
        };
    }

    private static Mark[] Goals(LoadReport report) => [.. (report.Objectives ?? []).SelectMany(one => Objective.ParseAll(one.Objective)).Select(Goal)];

    private static Mark Goal(Objective objective) => new($"{objective}", objective.Limit / 1e3);

    private static LineChart Rates(LoadReport report) => new(
        "Replies second by second", new("second"), new("replies/s"),
        [
            new("replies", 6, [.. report.Series.Select(second => new ChartPoint(second.Second, second.Replies / second.LengthS))]),
            new("unanswered", 2, report.Unanswered == 0 ? [] : [.. report.Series.Select(second => new ChartPoint(second.Second, second.Unanswered / second.LengthS))]),
            new("errors", 0, report.Errors.Total == 0 ? [] : [.. report.Series.Select(second => new ChartPoint(second.Second, second.Errors / second.LengthS))]),
        ])
    {
        Marks = report.Series.Count <= 60,
    };
}
