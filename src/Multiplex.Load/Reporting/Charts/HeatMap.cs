using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Reporting.Charts;

/// <summary>
/// A distribution over time: a column for each interval, a row for each range of values; a cell is the darker the more values it has.
/// It shows two modes, or a few slow values beside many fast ones, which no percentile shows.
/// </summary>
/// <param name="Title">Its title.</param>
/// <param name="X">The horizontal axis: the time.</param>
/// <param name="Y">The vertical axis: the values.</param>
/// <param name="Columns">The columns: each with its beginning and its end, and in its cells the lower end, the upper end and the number of values.</param>
internal sealed record HeatMap(string Title, Axis X, Axis Y, IReadOnlyList<HeatColumn> Columns)
{
    private const double Top = 14, Bottom = 46, Right = 16;
    private const double Faintest = 0.08;
    private const int Color = 5;

    /// <summary>A figure with its caption, the drawings inline: one for a wide page, one for a narrow one.</summary>
    public Html Draw() => Html.Of($"""
        <figure class="chart"><figcaption>{Title}</figcaption>
        {Draw(640, 360, 76, "wide")}{Draw(360, 330, 76, "narrow")}</figure>

        """);

    private Html Draw(double width, double height, double left, string class_)
    {
        double right = width - Right, bottom = height - Bottom;
        Scale across = X.ScaleOf(Columns.SelectMany(column => new[] { column.From, column.To }));
        Scale up = Y.ScaleOf(Columns.SelectMany(column => column.Cells).SelectMany(cell => new[] { cell.Low, cell.High }));
        double AtX(double value) => left + (across.PositionOf(value) * (right - left));
        double AtY(double value) => bottom - (up.PositionOf(value) * (bottom - Top));
        IEnumerable<Html> rows = up.Ticks.Select(tick => Html.Of($"""
            <line class="grid" x1="{left}" x2="{right}" y1="{AtY(tick)}" y2="{AtY(tick)}"/><text class="tick" x="{left - 6}" y="{AtY(tick) + 4}" text-anchor="end">{Y.Label(tick)}</text>

            """));
        IEnumerable<Html> columns = across.Ticks.Select(tick => Html.Of($"""
            <text class="tick" x="{AtX(tick)}" y="{bottom + 16}" text-anchor="middle">{X.Label(tick)}</text>

            """));
        IEnumerable<Html> cells = Columns.SelectMany(column => column.Cells.Select(cell => Html.Of($"""
            <rect class="bar" x="{AtX(column.From)}" y="{AtY(cell.High)}" width="{Math.Max(AtX(column.To) - AtX(column.From), 0.5)}" height="{Math.Max(AtY(cell.Low) - AtY(cell.High), 0.5)}" fill-opacity="{Shade(column, cell)}"><title>{cell.Count:N0} of {column.Count:N0} between {Y.Label(cell.Low)} and {Y.Label(cell.High)}, at {X.Label(column.From)}</title></rect>

            """)));
        return Html.Of($"""
            <svg class="{class_}" viewBox="0 0 {width} {height}" role="img" aria-label="{Title}">
            <g>{rows}{columns}<text class="axis" x="{(left + right) / 2}" y="{height - 8}" text-anchor="middle">{X.Title}</text><text class="axis" x="12" y="{(Top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 {(Top + bottom) / 2})">{Y.Title}</text></g>
            <g class="series {Palette.ClassOf(Color)}">{cells}</g></svg>
            """);
    }

    // By the logarithm: one slow value among ten thousand is still seen.
    private static double Shade(HeatColumn column, HeatCell cell) =>
        Faintest + ((1 - Faintest) * Math.Log(1 + cell.Count) / Math.Log(1 + Math.Max(column.Count, 1)));
}

/// <summary>A column of a heat map.</summary>
/// <param name="From">Its beginning.</param>
/// <param name="To">Its end.</param>
/// <param name="Cells">Its cells with values in them.</param>
internal sealed record HeatColumn(double From, double To, IReadOnlyList<HeatCell> Cells)
{
    /// <summary>Its number of values.</summary>
    public long Count { get; } = Cells.Sum(cell => cell.Count);
}

/// <summary>A cell of a heat map.</summary>
/// <param name="Low">The least value that belongs to it.</param>
/// <param name="High">Values below this belong to it.</param>
/// <param name="Count">Its number of values.</param>
internal readonly record struct HeatCell(double Low, double High, long Count);
