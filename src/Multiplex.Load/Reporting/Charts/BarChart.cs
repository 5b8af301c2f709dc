using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Reporting.Charts;

/// <summary>A bar.</summary>
/// <param name="Name">Its label.</param>
/// <param name="Color">The number of its colour: see <see cref="Palette"/>.</param>
/// <param name="Value">Its length: not below zero.</param>
/// <param name="Low">The lower end of its spread.</param>
/// <param name="High">The upper end of its spread.</param>
internal sealed record Bar(string Name, int Color, double Value, double Low, double High);

/// <summary>Horizontal bars one below the other, in the order given, each with its figure and its spread.</summary>
/// <param name="Title">Its title, with the unit.</param>
/// <param name="Bars">The bars.</param>
/// <param name="Label">Formats a value.</param>
internal sealed record BarChart(string Title, IReadOnlyList<Bar> Bars, Func<double, string> Label)
{
    private const double Top = 6, Left = 92, Right = 84;
    private const double RowHeight = 28, Thickness = 14;

    /// <summary>A figure with its caption, the drawings inline: one for a wide page, one for a narrow one.</summary>
    public Html Draw() => Html.Of($"""
        <figure class="chart"><figcaption>{Title}</figcaption>
        {Draw(640, "wide")}{Draw(360, "narrow")}</figure>

        """);

    private Html Draw(double width, string class_)
    {
        double most = Math.Max(Bars.Select(bar => bar.High).Append(0).Max(), double.Epsilon);
        double height = (2 * Top) + (Bars.Count * RowHeight);
        return Html.Of($"""
            <svg class="{class_}" viewBox="0 0 {width} {height}" role="img" aria-label="{Title}">
            {Bars.Select((bar, row) => Draw(bar, row, value => Left + (value / most * (width - Left - Right))))}</svg>
            """);
    }

    // The spread lies below its bar, so that the figure has its place after the bar.
    private Html Draw(Bar bar, int row, Func<double, double> x)
    {
        double middle = Top + ((row + 0.5) * RowHeight), spread = middle + (Thickness / 2) + 4;
        Html whisker = bar.Low < bar.High
            ? Html.Of($"""<path class="whisker over" d="M{x(bar.Low)} {spread}H{x(bar.High)}M{x(bar.Low)} {spread - 3}v6M{x(bar.High)} {spread - 3}v6"/>""")
            : Html.None;
        return Html.Of($"""
            <g class="series {Palette.ClassOf(bar.Color)}"><title>{bar.Name}: {Label(bar.Value)}, from {Label(bar.Low)} to {Label(bar.High)}</title><text class="label" x="{Left - 8}" y="{middle + 4}" text-anchor="end">{bar.Name}</text><rect class="bar" x="{Left}" y="{middle - (Thickness / 2)}" width="{x(bar.Value) - Left}" height="{Thickness}" rx="2"/>{whisker}<text class="figure" x="{x(bar.Value) + 6}" y="{middle + 4}">{Label(bar.Value)}</text></g>

            """);
    }
}
