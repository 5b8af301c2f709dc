using Multiplex.Load.Pages;

namespace Multiplex.Load.Charts;

/// <summary>A bar.</summary>
/// <param name="Name">What it stands for.</param>
/// <param name="Color">The number of its colour: see <see cref="Palette"/>.</param>
/// <param name="Value">Its length: not below zero.</param>
/// <param name="Low">Where its spread begins.</param>
/// <param name="High">Where its spread ends.</param>
public sealed record Bar(string Name, int Color, double Value, double Low, double High);

/// <summary>Bars that lie one below the other, in the order given, each with its figure and its spread.</summary>
/// <param name="Title">What it shows, with the unit.</param>
/// <param name="Bars">The bars.</param>
/// <param name="Label">How a value is written.</param>
public sealed record BarChart(string Title, IReadOnlyList<Bar> Bars, Func<double, string> Label)
{
    private const double Width = 640, Left = 92, Right = 84, Top = 6;
    private const double RowHeight = 26, Thickness = 16;

    /// <summary>A figure with its caption, the drawing inline.</summary>
    public Html Draw()
    {
        double most = Math.Max(Bars.Select(bar => bar.High).Append(0).Max(), double.Epsilon);
        double height = (2 * Top) + (Bars.Count * RowHeight);
        return Html.Of($"""
            <figure class="chart"><figcaption>{Title}</figcaption>
            <svg viewBox="0 0 {Width} {height}" role="img" aria-label="{Title}">
            {Bars.Select((bar, row) => Draw(bar, row, most))}</svg></figure>

            """);
    }

    private Html Draw(Bar bar, int row, double most)
    {
        double X(double value) => Left + (value / most * (Width - Left - Right));
        double middle = Top + ((row + 0.5) * RowHeight);
        return Html.Of($"""
            <g class="series {Palette.ClassOf(bar.Color)}"><title>{bar.Name}: {Label(bar.Value)}, from {Label(bar.Low)} to {Label(bar.High)}</title><text class="label" x="{Left - 8}" y="{middle + 4}" text-anchor="end">{bar.Name}</text><rect class="bar" x="{Left}" y="{middle - (Thickness / 2)}" width="{X(bar.Value) - Left}" height="{Thickness}" rx="2"/><path class="whisker over" d="M{X(bar.Low)} {middle}H{X(bar.High)}M{X(bar.Low)} {middle - 4}v8M{X(bar.High)} {middle - 4}v8"/><text class="figure" x="{Math.Max(X(bar.High), X(bar.Value)) + 8}" y="{middle + 4}">{Label(bar.Value)}</text></g>

            """);
    }
}
