namespace Multiplex.Load.Reporting.Charts;

/// <summary>The colours of the servers: the page's style gives each class its colour, in the light theme and in the dark one.</summary>
internal static class Palette
{
    /// <summary>The number of colours; after the last, the first is used again.</summary>
    public const int Count = 12;

    // Where each colour is on the wheel, in degrees; brown and grey are on none.
    private static readonly double?[] s_hues = [352, 350, 30, 45, 84, 148, 187, 218, 259, 315, null, null];

    /// <summary>The colour that is furthest from those in use.</summary>
    public static int FurthestFrom(IReadOnlyCollection<int> used) => Enumerable.Range(0, Count)
        .Where(color => s_hues[color] is not null && !used.Contains(color))
        .DefaultIfEmpty(used.Count % Count)
        .MaxBy(color => used.Select(other => Distance(s_hues[color], s_hues[other % Count])).DefaultIfEmpty(0).Min());

    /// <summary>The class of an element that is drawn in a colour.</summary>
    /// <param name="number">The colour's number, from 0.</param>
    public static string ClassOf(int number) => $"c{number % Count}";

    private static double Distance(double? one, double? other)
    {
        const double Circle = 360, FromGrey = 60;
        return one is { } a && other is { } b ? Math.Min(Math.Abs(a - b), Circle - Math.Abs(a - b)) : FromGrey;
    }
}
