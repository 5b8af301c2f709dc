namespace Multiplex.Load.Comparison.Judging;

/// <summary>Decides whether a point has had enough rounds.</summary>
internal static class RoundPrecision
{
    /// <summary>With fewer rounds their spread is not known well enough to stop.</summary>
    public const int FewestRounds = 5;

    // Stricter than for a result, because after few rounds the spread is often small by chance.
    private const double Error = Judge.Error / 2;

    /// <summary>Whether the ratio of each server to the best is known precisely enough. The intervals are corrected for their number.</summary>
    /// <param name="results">The servers so far; those without figures do not count.</param>
    /// <param name="by">The figure.</param>
    /// <param name="percent">How far the intervals may reach to either side of the ratios.</param>
    public static bool IsReached(IReadOnlyList<ServerResult> results, Metric by, double percent)
    {
        ServerResult[] measured = [.. results.Where(result => result[by] is not null)];
        if (measured.Length == 0 || measured.Max(result => result.Rounds.Count) < FewestRounds)
            return false;
        ServerResult best = measured.Aggregate((one, other) => by.IsBetter(other[by]!.Value.Median, one[by]!.Value.Median) ? other : one);
        double error = Error / Math.Max(measured.Length - 1, 1);
        return measured.Where(result => result != best).All(result =>
            PairedRatio.Of(result.Rounds.Select(by.Of), best.Rounds.Select(by.Of), error) is { } ratio && ratio.PlusMinusPercent <= percent);
    }
}
