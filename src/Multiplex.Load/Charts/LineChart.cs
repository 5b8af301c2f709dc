using Multiplex.Load.Pages;

namespace Multiplex.Load.Charts;

/// <summary>A point of a line.</summary>
/// <param name="X">Across.</param>
/// <param name="Y">Up.</param>
/// <param name="Low">Where its spread begins.</param>
/// <param name="High">Where its spread ends.</param>
public readonly record struct ChartPoint(double X, double Y, double Low, double High)
{
    /// <summary>A point without a spread.</summary>
    public ChartPoint(double x, double y)
        : this(x, y, y, y)
    {
    }
}

/// <summary>A line.</summary>
/// <param name="Name">What it is called at its end.</param>
/// <param name="Color">The number of its colour: see <see cref="Palette"/>.</param>
/// <param name="Points">Its points, from left to right.</param>
public sealed record Series(string Name, int Color, IReadOnlyList<ChartPoint> Points);

/// <summary>Lines over two axes, each with its name at its end; the one under the pointer stands out.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="X">Across.</param>
/// <param name="Y">Up.</param>
/// <param name="Lines">The lines; one without points is left out.</param>
public sealed record LineChart(string Title, Axis X, Axis Y, IReadOnlyList<Series> Lines)
{
    private const double Width = 640, Height = 360;
    private const double Left = 76, Right = 116, Top = 14, Bottom = 46;
    private const double LabelHeight = 14;

    /// <summary>Whether points are marked; off for lines of very many.</summary>
    public bool Marks { get; init; } = true;

    /// <summary>A figure with its caption, the drawing inline.</summary>
    public Html Draw()
    {
        Series[] lines = [.. Lines.Where(line => line.Points.Count > 0)];
        ChartPoint[] points = [.. lines.SelectMany(line => line.Points)];
        Plot plot = new(
            X.ScaleOf(points.Select(point => point.X)),
            Y.ScaleOf(points.SelectMany(point => new[] { point.Low, point.Y, point.High })));
        double[] labels = LabelPositions([.. lines.Select(line => plot.Y(line.Points[^1].Y))]);
        return Html.Of($"""
            <figure class="chart"><figcaption>{Title}</figcaption>
            <svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{Title}">
            {Grid(plot)}{lines.Select((line, i) => Line(plot, line, labels[i]))}</svg></figure>

            """);
    }

    // Labels at their lines' ends, pushed apart until none covers another, and up again where they would leave the chart.
    internal static double[] LabelPositions(double[] wanted)
    {
        int[] order = [.. Enumerable.Range(0, wanted.Length).OrderBy(i => wanted[i])];
        double[] placed = [.. wanted];
        double next = 0;
        foreach (int i in order)
        {
            placed[i] = Math.Max(placed[i], next);
            next = placed[i] + LabelHeight;
        }

        double most = Height - Bottom;
        foreach (int i in order.Reverse())
        {
            placed[i] = Math.Min(placed[i], most);
            most = placed[i] - LabelHeight;
        }

        return placed;
    }

    private Html Grid(Plot plot)
    {
        double bottom = Height - Bottom, right = Width - Right;
        IEnumerable<Html> rows = plot.Up.Ticks.Select(tick => Html.Of($"""
            <line class="grid" x1="{Left}" x2="{right}" y1="{plot.Y(tick)}" y2="{plot.Y(tick)}"/><text class="tick" x="{Left - 6}" y="{plot.Y(tick) + 4}" text-anchor="end">{Y.Label(tick)}</text>

            """));
        IEnumerable<Html> columns = plot.Across.Ticks.Select(tick => Html.Of($"""
            <line class="grid" x1="{plot.X(tick)}" x2="{plot.X(tick)}" y1="{Top}" y2="{bottom}"/><text class="tick" x="{plot.X(tick)}" y="{bottom + 16}" text-anchor="middle">{X.Label(tick)}</text>

            """));
        return Html.Of($"""
            <g>{rows}{columns}<text class="axis" x="{(Left + right) / 2}" y="{Height - 8}" text-anchor="middle">{X.Title}</text><text class="axis" x="12" y="{(Top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 {(Top + bottom) / 2})">{Y.Title}</text></g>

            """);
    }

    private Html Line(Plot plot, Series line, double label)
    {
        string path = string.Join(' ', line.Points.Select(point => FormattableString.Invariant($"{plot.X(point.X):0.#},{plot.Y(point.Y):0.#}")));
        IEnumerable<Html> marks = line.Points.Where(_ => Marks).Select(point => Html.Of($"""
            <line class="whisker" x1="{plot.X(point.X)}" x2="{plot.X(point.X)}" y1="{plot.Y(point.Low)}" y2="{plot.Y(point.High)}"/><circle class="mark" cx="{plot.X(point.X)}" cy="{plot.Y(point.Y)}" r="3.2"><title>{line.Name}: {Y.Label(point.Y)} at {X.Label(point.X)}</title></circle>
            """));
        ChartPoint last = line.Points[^1];
        double labelX = Width - Right + 14;
        return Html.Of($"""
            <g class="series {Palette.ClassOf(line.Color)}"><polyline class="wide" points="{path}"/><polyline class="line" points="{path}"/>{marks}<line class="leader" x1="{plot.X(last.X)}" y1="{plot.Y(last.Y)}" x2="{labelX - 2}" y2="{label}"/><circle class="mark" cx="{labelX + 3}" cy="{label}" r="3.5"/><text class="label" x="{labelX + 10}" y="{label + 4}">{line.Name}</text></g>

            """);
    }

    private sealed record Plot(Scale Across, Scale Up)
    {
        public double X(double value) => Left + (Across.PositionOf(value) * (Width - Left - Right));

        public double Y(double value) => Height - Bottom - (Up.PositionOf(value) * (Height - Top - Bottom));
    }
}
