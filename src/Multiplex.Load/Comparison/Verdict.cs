namespace Multiplex.Load.Comparison;

/// <summary>
/// Who came out ahead at a point, by one figure. A lead counts only when it is beyond both spreads: see
/// <see cref="Spread.IsBeyond"/>.
/// </summary>
/// <param name="By">The figure.</param>
/// <param name="Ranked">The servers that were measured, the best first.</param>
/// <param name="Level">The best, and those that it has no lead over.</param>
public sealed record Verdict(Measure By, IReadOnlyList<ServerResult> Ranked, IReadOnlyList<ServerResult> Level)
{
    // More of them are told by those that are missing.
    private const int MostNames = 5;

    // Those that the best has a lead over, the best of them first.
    private ServerResult[] Behind => [.. Ranked.Except(Level)];

    /// <summary>The verdict on a point; null when nothing was measured there.</summary>
    public static Verdict? Of(PointReport point, Measure by)
    {
        ServerResult[] measured = [.. point.Measured.Where(result => result[Measure.Throughput].Median > 0)];
        ServerResult[] ranked = by.MoreIsBetter
            ? [.. measured.OrderByDescending(result => result[by].Median)]
            : [.. measured.OrderBy(result => result[by].Median)];
        return ranked.Length == 0 ? null : new(by, ranked, [.. ranked.Where(one => one == ranked[0] || !one[by].IsBeyond(ranked[0][by]))]);
    }

    /// <summary>The verdict on a point in words, by the two figures that the scenario is judged by.</summary>
    public static string Sentence(CompareReport report, ScenarioReport scenario, PointReport point)
    {
        if (Of(point, Measure.Find(scenario.JudgedBy)) is not { } first || Of(point, Measure.Find(scenario.AlsoJudgedBy)) is not { } next)
            return "nobody answered.";
        if (first.Ranked.Count == 1)
            return $"{first.Ranked[0].Server} alone was measured: {first.Value(first.Ranked[0])} {first.By.Title}, {next.Value(next.Ranked[0])} {next.By.Title}.";
        return report.Rounds > 1
            ? $"{first.Lead()} {next.Extremes()}"
            : $"{first.Ranked[0].Server} had {first.Value(first.Ranked[0])} {first.By.Title}, but a single round has no spread, so no lead is called.";
    }

    /// <summary>What part of the best it has; where less is better, what part the best has of it. 1 for the best.</summary>
    public double ShareOf(ServerResult result)
    {
        (double one, double best) = (result[By].Median, Ranked[0][By].Median);
        return one == best ? 1 : By.MoreIsBetter ? one / best : best / one;
    }

    private string Lead()
    {
        ServerResult best = Ranked[0];
        string value = $"{Value(best)} {By.Title}";
        if (Behind.Length == 0)
            return $"All are level within their spread, at about {value}.";
        string lead = Level.Count == 1 ? $"{best.Server} leads with {value}" : $"{LevelInWords()} are level within their spread at about {value}";
        string ahead = $"{lead}, {Measure.Difference(best[By].Median, Behind[0][By].Median)} {Behind[0].Server}";
        return Behind.Length == 1 ? ahead + "." : $"{ahead}; {Last()}.";
    }

    private string Extremes()
    {
        string title = char.ToUpperInvariant(By.Superlative[0]) + By.Superlative[1..];
        return Behind.Length == 0
            ? $"{title}: all are level, at about {Value(Ranked[0])}."
            : $"{title}: {LevelInWords()}, {Value(Ranked[0])}; {Last()}.";
    }

    private string Last() => $"{Behind[^1].Server} has {Value(Behind[^1])}";

    private string LevelInWords() => Level.Count > MostNames
        ? $"all but {InWords(Behind)}"
        : InWords([.. Level]);

    private string Value(ServerResult result) => By.Label(result[By].Median);

    private static string InWords(ServerResult[] results) => results.Length == 1
        ? results[0].Server
        : $"{string.Join(", ", results.SkipLast(1).Select(one => one.Server))} and {results[^1].Server}";
}
