using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The changes since the baseline.</summary>
internal static class ChangesSection
{
    private static readonly TableColumn[] s_columns =
        [new("server"), new("change", "In percent of the earlier value.", DownFirst: true), new("before"), new("after"), new("scenario"), new("figure")];

    public static Html Of(CompareReport report, Legend legend)
    {
        if (report.Baseline is not { } baseline)
            return Html.None;
        int better = baseline.Changes.Count(change => change.Better), worse = baseline.Changes.Count - better;
        return Html.Of($"""
            <section id="baseline"><h2>Since the baseline</h2>
            <p>Of {baseline.Compared} figures, {better} are better and {worse} are worse than on {baseline.Began.ToString("yyyy-MM-dd HH:mm zzz")}: by {baseline.TolerancePercent}% or more, and by more than the rounds' spread explains, corrected for the number of figures.</p>
            {baseline.Notes.Select(note => Html.Of($"""<p class="worse">{note}</p>"""))}{Table(baseline.Changes, legend)}</section>

            """);
    }

    /// <summary>An arrow beside a figure that changed, or nothing.</summary>
    public static Html Mark(Change? change)
    {
        if (change is null)
            return Html.None;
        Metric metric = Metric.Find(change.Metric);
        return Html.Of($"""<small class="{ClassOf(change)}" title="was {metric.Label(change.Before.Median)}, from {metric.Label(change.Before.Low)} to {metric.Label(change.Before.High)}">{InWords(change)}</small>""");
    }

    private static Html Table(IReadOnlyList<Change> changes, Legend legend) => changes.Count == 0 ? Html.None : SortableTable.Of(
        s_columns,
        from change in changes
        let metric = Metric.Find(change.Metric)
        select new TableRow(legend.NameOf(change.Server), change.Server,
        [
            new(Html.Of($"{InWords(change)}"), change.Percent ?? double.MaxValue, ClassOf(change)),
            new(Html.Of($"{metric.Label(change.Before.Median)}")),
            new(Html.Of($"{metric.Label(change.After.Median)}")),
            new(Html.Of($"{change.Scenario}, {change.Point}")),
            new(Html.Of($"{metric.Title}")),
        ]));

    private static string ClassOf(Change change) => change.Better ? "better" : "worse";

    private static string InWords(Change change) =>
        $"{(change.After.Median > change.Before.Median ? "▲" : "▼")}{(change.Percent is { } percent ? $" {Math.Abs(percent):F0}%" : "")}";
}
