using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Reporting.Charts;

/// <summary>A point of a line.</summary>
/// <param name="X">The horizontal value.</param>
/// <param name="Y">The vertical value; <see cref="double.NaN"/> interrupts the line.</param>
/// <param name="Low">The lower end of its spread.</param>
/// <param name="High">The upper end of its spread.</param>
internal readonly record struct ChartPoint(double X, double Y, double Low, double High)
{
    /// <summary>A point without a spread.</summary>
    public ChartPoint(double x, double y)
        : this(x, y, y, y)
    {
    }
}

/// <summary>A line.</summary>
/// <param name="Name">The label at its end.</param>
/// <param name="Color">The number of its colour: see <see cref="Palette"/>.</param>
/// <param name="Points">Its points, from left to right.</param>
internal sealed record Series(string Name, int Color, IReadOnlyList<ChartPoint> Points);

/// <summary>A value that a chart marks by a dashed line from edge to edge.</summary>
/// <param name="Name">Its label.</param>
/// <param name="Value">The value.</param>
internal sealed record Mark(string Name, double Value);

/// <summary>A horizontal range without data.</summary>
/// <param name="From">Its beginning.</param>
/// <param name="To">Its end.</param>
/// <param name="Why">The reason.</param>
internal readonly record struct Blank(double From, double To, string Why);

/// <summary>Lines over two axes, each with its name at its end; the one under the pointer stands out.</summary>
/// <param name="Title">Its title.</param>
/// <param name="X">The horizontal value.</param>
/// <param name="Y">Up.</param>
/// <param name="Lines">The lines; one without points is left out.</param>
internal sealed record LineChart(string Title, Axis X, Axis Y, IReadOnlyList<Series> Lines)
{
    private const double LabelHeight = 14, Top = 14;

    /// <summary>Marked values of the vertical axis, such as an objective.</summary>
    public IReadOnlyList<Mark> MarksUp { get; init; } = [];

    /// <summary>Marked values of the horizontal axis, such as a capacity.</summary>
    public IReadOnlyList<Mark> MarksAcross { get; init; } = [];

    /// <summary>Horizontal ranges without data, which are shaded, and the reasons.</summary>
    public IReadOnlyList<Blank> Blanks { get; init; } = [];

    /// <summary>Whether points are marked; off for lines of very many.</summary>
    public bool Marks { get; init; } = true;

    /// <summary>A figure with its caption, the drawings inline: one for a wide page, one for a narrow one.</summary>
    public Html Draw()
    {
        Series[] lines = [.. Lines.Where(line => line.Points.Any(point => double.IsFinite(point.Y)))];
        ChartPoint[] points = [.. lines.SelectMany(line => line.Points).Where(point => double.IsFinite(point.Y))];
        Scale across = X.ScaleOf(points.Select(point => point.X).Concat(MarksAcross.Select(mark => mark.Value)).Concat(Blanks.SelectMany(blank => new[] { blank.From, blank.To })));
        Scale up = Y.ScaleOf(points.SelectMany(point => new[] { point.Low, point.Y, point.High }).Concat(MarksUp.Select(mark => mark.Value)));
        return Html.Of($"""
            <figure class="chart"><figcaption>{Title}</figcaption>
            {Draw(new(across, up, 640, 360) { Left = 76, Right = 116 }, lines, "wide")}{Draw(new(across, up, 360, 330) { Left = 76, Right = 96 }, lines, "narrow")}</figure>

            """);
    }

    private Html Draw(Plot plot, Series[] lines, string class_)
    {
        double[] labels = LabelPositions([.. lines.Select(line => plot.Y(line.Points.Last(point => double.IsFinite(point.Y)).Y))], plot.Bottom);
        return Html.Of($"""
            <svg class="{class_}" viewBox="0 0 {plot.Width} {plot.Height}" role="img" aria-label="{Title}">
            {Blanked(plot)}{Grid(plot)}{Marked(plot)}{lines.Select((line, i) => Line(plot, line, labels[i]))}</svg>
            """);
    }

    // Labels at their lines' ends, pushed apart until none covers another, and up again where they would leave the chart.
    internal static double[] LabelPositions(double[] wanted, double most)
    {
        int[] order = [.. Enumerable.Range(0, wanted.Length).OrderBy(i => wanted[i])];
        double[] placed = [.. wanted];
        double next = 0;
        foreach (int i in order)
        {
            placed[i] = Math.Max(placed[i], next);
            next = placed[i] + LabelHeight;
        }

        foreach (int i in order.Reverse())
        {
            placed[i] = Math.Min(placed[i], most);
            most = placed[i] - LabelHeight;
        }

        return placed;
    }

    private Html Grid(Plot plot)
    {
        IEnumerable<Html> rows = plot.Up.Ticks.Select(tick => Html.Of($"""
            <line class="grid" x1="{plot.Left}" x2="{plot.End}" y1="{plot.Y(tick)}" y2="{plot.Y(tick)}"/><text class="tick" x="{plot.Left - 6}" y="{plot.Y(tick) + 4}" text-anchor="end">{Y.Label(tick)}</text>

            """));
        double free = double.NegativeInfinity;   // where the next label has room
        Html[] columns = [.. plot.Across.Ticks.Select(tick => Html.Of($"""
            <line class="grid" x1="{plot.X(tick)}" x2="{plot.X(tick)}" y1="{Top}" y2="{plot.Bottom}"/>{Below(plot, tick, ref free)}

            """))];
        return Html.Of($"""
            <g>{rows}{columns}<text class="axis" x="{(plot.Left + plot.End) / 2}" y="{plot.Height - 8}" text-anchor="middle">{X.Title}</text><text class="axis" x="12" y="{(Top + plot.Bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 {(Top + plot.Bottom) / 2})">{Y.Title}</text></g>

            """);
    }

    // The label of a tick; nothing where it would cover the one before it.
    private Html Below(Plot plot, double tick, ref double free)
    {
        const double HalfOfDigit = 3.9, Gap = 4;
        string label = X.Label(tick);
        double half = HalfOfDigit * label.Length;
        if (plot.X(tick) - half < free)
            return Html.None;
        free = plot.X(tick) + half + Gap;
        return Html.Of($"""<text class="tick" x="{plot.X(tick)}" y="{plot.Bottom + 16}" text-anchor="middle">{label}</text>""");
    }

    private IEnumerable<Html> Blanked(Plot plot) => Blanks.Select(blank => Html.Of($"""
        <rect class="blank" x="{plot.X(blank.From)}" y="{Top}" width="{plot.X(blank.To) - plot.X(blank.From)}" height="{plot.Bottom - Top}"><title>{blank.Why}</title></rect>
        """));

    private Html Marked(Plot plot)
    {
        IEnumerable<Html> up = MarksUp.Select(mark => Html.Of($"""
            <line class="goal" x1="{plot.Left}" x2="{plot.End}" y1="{plot.Y(mark.Value)}" y2="{plot.Y(mark.Value)}"/><text class="goal" x="{plot.Left + 6}" y="{plot.Y(mark.Value) - 4}">{mark.Name}</text>

            """));
        IEnumerable<Html> across = MarksAcross.Select(mark => Html.Of($"""
            <line class="goal" x1="{plot.X(mark.Value)}" x2="{plot.X(mark.Value)}" y1="{Top}" y2="{plot.Bottom}"/><text class="goal" x="{plot.X(mark.Value) - 4}" y="{Top + 10}" text-anchor="end">{mark.Name}</text>

            """));
        return Html.Of($"{up}{across}");
    }

    private Html Line(Plot plot, Series line, double label)
    {
        Html[] paths =
        [
            .. Runs(line.Points).Select(run => string.Join(' ', run.Select(point => FormattableString.Invariant($"{plot.X(point.X):0.#},{plot.Y(point.Y):0.#}"))))
                .Select(path => Html.Of($"""<polyline class="wide" points="{path}"/><polyline class="line" points="{path}"/>""")),
        ];
        ChartPoint[] known = [.. line.Points.Where(point => double.IsFinite(point.Y))];
        IEnumerable<ChartPoint> marked = Marks ? known : Runs(line.Points).Where(run => run.Count == 1).Select(run => run[0]);   // a line of one point is none
        IEnumerable<Html> marks = marked.Select(point => Html.Of($"""
            <line class="whisker" x1="{plot.X(point.X)}" x2="{plot.X(point.X)}" y1="{plot.Y(point.Low)}" y2="{plot.Y(point.High)}"/><circle class="mark" cx="{plot.X(point.X)}" cy="{plot.Y(point.Y)}" r="3.2"><title>{line.Name}: {Y.Label(point.Y)} at {X.Label(point.X)}</title></circle>
            """));
        ChartPoint last = known[^1];
        double labelX = plot.End + 14;
        return Html.Of($"""
            <g class="series {Palette.ClassOf(line.Color)}">{paths}{marks}<line class="leader" x1="{plot.X(last.X)}" y1="{plot.Y(last.Y)}" x2="{labelX - 2}" y2="{label}"/><circle class="mark" cx="{labelX + 3}" cy="{label}" r="3.5"/><text class="label" x="{labelX + 10}" y="{label + 4}">{line.Name}</text></g>

            """);
    }

    // The parts of a line between which it is interrupted.
    private static IEnumerable<IReadOnlyList<ChartPoint>> Runs(IReadOnlyList<ChartPoint> points)
    {
        List<ChartPoint> run = [];
        foreach (ChartPoint point in points)
        {
            if (double.IsFinite(point.Y))
            {
                run.Add(point);
            }
            else if (run.Count > 0)
            {
                yield return run;
                run = [];
            }
        }

        if (run.Count > 0)
            yield return run;
    }

    private sealed record Plot(Scale Across, Scale Up, double Width, double Height)
    {
        public required double Left { get; init; }

        public required double Right { get; init; }

        public double Bottom => Height - 46;

        public double End => Width - Right;

        public double X(double value) => Left + (Across.PositionOf(value) * (End - Left));

        public double Y(double value) => Bottom - (Up.PositionOf(value) * (Bottom - Top));
    }
}
