namespace Multiplex.Load.Comparison;

/// <summary>What has moved since an earlier comparison.</summary>
/// <param name="Began">When the earlier one began.</param>
/// <param name="Environment">Where it was measured.</param>
/// <param name="Notes">What makes the two less comparable.</param>
/// <param name="Compared">How many pairs of figures were held against each other.</param>
/// <param name="Changes">The figures that differ by more than both spreads.</param>
public sealed record BaselineReport(
    DateTimeOffset Began, MachineReport Environment, IReadOnlyList<string> Notes, int Compared, IReadOnlyList<Change> Changes);

/// <summary>A figure that has moved beyond its spread.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Point">The point.</param>
/// <param name="Server">The server.</param>
/// <param name="Measure">The figure, by its key.</param>
/// <param name="Before">What it was.</param>
/// <param name="After">What it is.</param>
/// <param name="Better">Whether that is better.</param>
public sealed record Change(string Scenario, string Point, string Server, string Measure, Spread Before, Spread After, bool Better)
{
    /// <summary>By how much, in percent of what it was; null when that was nothing.</summary>
    public double? Percent => Before.Median == 0 ? null : 100 * ((After.Median / Before.Median) - 1);
}

/// <summary>Holds a comparison against an earlier one.</summary>
public static class Baseline
{
    /// <summary>The later report with what has moved since the earlier one.</summary>
    public static CompareReport Since(this CompareReport after, CompareReport before)
    {
        Dictionary<(string, string, string), ServerResult> earlier = Results(before).ToDictionary(one => one.Key, one => one.Result);
        int compared = 0;
        List<Change> changes = [];
        foreach (((string scenario, string point, string server) key, ServerResult result) in Results(after))
        {
            if (!earlier.TryGetValue(key, out ServerResult? old))
                continue;
            foreach (Measure measure in Measure.All.Where(measure => measure.IsMark && old.Figures.ContainsKey(measure.Key)))
            {
                compared++;
                (Spread was, Spread now) = (old[measure], result[measure]);
                if (now.IsBeyond(was) && before.Rounds > 1 && after.Rounds > 1)
                    changes.Add(new(key.scenario, key.point, key.server, measure.Key, was, now, measure.IsBetter(now.Median, was.Median)));
            }
        }

        return after with { Baseline = new(before.Began, before.Environment, [.. NotesOn(before, after)], compared, changes) };
    }

    private static IEnumerable<((string Scenario, string Point, string Server) Key, ServerResult Result)> Results(CompareReport report) =>
        from scenario in report.Scenarios
        from point in scenario.Points
        from result in point.Measured
        select ((scenario.Name, point.Label, result.Server), result);

    private static IEnumerable<string> NotesOn(CompareReport before, CompareReport after)
    {
        if (before.Environment != after.Environment)
            yield return $"The baseline is of another machine or runtime: {before.Environment.Processors} x {before.Environment.Processor}, Linux {before.Environment.Kernel}, {before.Environment.Runtime}.";
        if (before.Protocol != after.Protocol)
            yield return $"The baseline was measured with {before.Protocol}, not {after.Protocol}.";
        if (before.DurationS != after.DurationS || before.WarmupS != after.WarmupS)
            yield return $"The baseline's runs took {before.DurationS:0.###} s after {before.WarmupS:0.###} s, not {after.DurationS:0.###} s after {after.WarmupS:0.###} s.";
        if (before.Rounds < 2 || after.Rounds < 2)
            yield return "A comparison of a single round has no spread: nothing can be said to have moved.";
    }
}
