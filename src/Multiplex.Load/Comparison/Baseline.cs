using System.Text.Json.Serialization;
using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Reporting;

namespace Multiplex.Load.Comparison;

/// <summary>The changes since an earlier comparison.</summary>
/// <param name="Began">The start of the earlier comparison.</param>
/// <param name="Environment">The machine and the runtime of the earlier comparison.</param>
/// <param name="TolerancePercent">Smaller changes are not reported: the figures of one machine vary by as much from hour to hour.</param>
/// <param name="Notes">Differences between the two comparisons that make them less comparable.</param>
/// <param name="Compared">How many pairs of figures were compared.</param>
/// <param name="Changes">The figures that changed.</param>
public sealed record BaselineReport(
    DateTimeOffset Began, MachineReport Environment, double TolerancePercent, IReadOnlyList<string> Notes, int Compared, IReadOnlyList<Change> Changes);

/// <summary>A figure that changed.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="Point">The point.</param>
/// <param name="Server">The server.</param>
/// <param name="Metric">The figure, by its key.</param>
/// <param name="Before">The earlier value.</param>
/// <param name="After">The later value.</param>
/// <param name="Percent">The change in percent of the earlier value, with the change of the peers divided out; null when the earlier value was 0.</param>
/// <param name="PValue">The probability of such a change by chance, corrected for the number of figures.</param>
/// <param name="Better">Whether the change is an improvement.</param>
public sealed record Change(string Scenario, string Point, string Server, [property: JsonPropertyName("measure")] string Metric, Spread Before, Spread After, double? Percent, double PValue, bool Better);

/// <summary>
/// Compares a comparison with an earlier one. Their rounds are not paired, so each figure's change is tested against the spread of the rounds
/// in both (Welch's test of the logarithms), corrected for the number of figures (Holm). The peers are the same programs in both, so a
/// change of the peers is a change of the machine: it is divided out.
/// </summary>
public static class Baseline
{
    /// <summary>The default tolerance.</summary>
    public const double DefaultTolerancePercent = 5;

    /// <summary>Adds the changes since an earlier report to the later report.</summary>
    /// <param name="after">The later report.</param>
    /// <param name="before">The earlier report.</param>
    /// <param name="tolerancePercent">Smaller changes are not reported.</param>
    public static CompareReport Since(this CompareReport after, CompareReport before, double tolerancePercent = DefaultTolerancePercent)
    {
        Pair[] pairs = [.. PairsOf(after, before)];
        double[] corrected = Student.Holm([.. pairs.Select(pair => pair.Move.PValue)]);
        Change[] changes =
        [
            .. from pair in pairs.Zip(corrected)
               where pair.Second < Judge.Error && Math.Abs(pair.First.Move.Percent) >= tolerancePercent
               select pair.First.Change(pair.Second),
        ];
        return after with { Baseline = new(before.Began, before.Environment, tolerancePercent, [.. NotesOn(before, after)], pairs.Length, changes) };
    }

    private static IEnumerable<Pair> PairsOf(CompareReport after, CompareReport before)
    {
        var earlier = Results(before).ToDictionary(one => (one.Scenario.Name, one.Point.Label, one.Result.Server), one => one.Result);
        ILookup<(string, string), (ServerResult, ServerResult)> peers = (
            from one in Results(after)
            where IsPeer(after, one.Result.Server) && IsPeer(before, one.Result.Server)
            let old = earlier.GetValueOrDefault((one.Scenario.Name, one.Point.Label, one.Result.Server))
            where old is not null
            select (Key: (one.Scenario.Name, one.Point.Label), Results: (old, one.Result))).ToLookup(one => one.Key, one => one.Results);
        return
            from one in Results(after)
            where !IsPeer(after, one.Result.Server)
            let old = earlier.GetValueOrDefault((one.Scenario.Name, one.Point.Label, one.Result.Server))
            where old is not null
            from metric in Metric.All
            where metric.IsMark
            let move = Move.Of(old, one.Result, metric, peers[(one.Scenario.Name, one.Point.Label)])
            where move is not null
            select new Pair(one.Scenario.Name, one.Point.Label, metric, old, one.Result, move);
    }

    private static bool IsPeer(CompareReport report, string server) => report.Servers.Any(one => one.Name == server && one.IsPeer);

    private static IEnumerable<(ScenarioReport Scenario, PointReport Point, ServerResult Result)> Results(CompareReport report) =>
        from scenario in report.Scenarios
        from point in scenario.Points
        from result in point.Measured
        select (scenario, point, result);

    private static IEnumerable<string> NotesOn(CompareReport before, CompareReport after)
    {
        (MachineReport was, MachineReport now) = (before.Environment, after.Environment);
        if ((was.Kernel, was.Runtime, was.Processor, was.Processors) != (now.Kernel, now.Runtime, now.Processor, now.Processors))
            yield return $"The baseline is of another machine or runtime: {was.Processors} x {was.Processor}, Linux {was.Kernel}, {was.Runtime}.";
        if (before.Protocol != after.Protocol)
            yield return $"The baseline was measured with {before.Protocol}, not {after.Protocol}.";
        if (before.RunInWords != after.RunInWords || before.WarmupS != after.WarmupS)
            yield return $"The baseline's runs were of {before.RunInWords} after {before.WarmupS:0.###} s, not of {after.RunInWords} after {after.WarmupS:0.###} s.";
        if (before.Rounds < 2 || after.Rounds < 2)
            yield return "A comparison of a single round has no spread, so no change can be found.";
        if (!after.Servers.Any(server => server.IsPeer && IsPeer(before, server.Name)))
            yield return "No peer is in both, so a change of the machine itself is part of the changes.";
    }

    private sealed record Pair(string Scenario, string Point, Metric Metric, ServerResult Before, ServerResult After, Move Move)
    {
        public Change Change(double pValue) => new(
            Scenario,
            Point,
            After.Server,
            Metric.Key,
            Before[Metric]!.Value,
            After[Metric]!.Value,
            double.IsFinite(Move.Percent) ? Move.Percent : null,
            pValue,
            Metric.IsBetter(Move.Percent, 0));
    }

    /// <summary>The change of a figure, and the probability of such a change by chance.</summary>
    private sealed record Move(double Percent, double PValue)
    {
        public static Move? Of(ServerResult before, ServerResult after, Metric metric, IEnumerable<(ServerResult Before, ServerResult After)> peers)
        {
            (double[] was, double[] now) = (Values(before, metric), Values(after, metric));
            if (was.Length < 2 || now.Length < 2)
                return null;

            // The number of errors is usually 0, and a ratio to 0 does not exist. But 0 in every round before and more than 0 in every round after is a change.
            if (was.All(value => value == 0) && now.All(value => value > 0))
                return new(double.PositiveInfinity, 0);
            if (now.All(value => value == 0) && was.All(value => value > 0))
                return new(-100, 0);
            if (was.Concat(now).Any(value => value <= 0))
                return null;
            List<LogSample> samples = [new(now, 1), new(was, -1)];
            (double[] Before, double[] After)[] references =
                [.. peers.Select(peer => (Values(peer.Before, metric), Values(peer.After, metric))).Where(peer => IsUsable(peer.Item1) && IsUsable(peer.Item2))];
            foreach ((double[] reference, double[] later) in references)
                samples.AddRange([new(later, -1.0 / references.Length), new(reference, 1.0 / references.Length)]);
            double change = samples.Sum(sample => sample.Weight * sample.Mean), variance = samples.Sum(sample => sample.Variance);
            double freedom = variance * variance / samples.Sum(sample => sample.Variance * sample.Variance / (sample.Count - 1));
            double p = change == 0 ? 1 : variance == 0 ? 0 : Student.TwoSided(change / Math.Sqrt(variance), freedom);
            return new(100 * (Math.Exp(change) - 1), p);
        }

        private static bool IsUsable(double[] values) => values.Length >= 2 && values.All(value => value > 0);

        private static double[] Values(ServerResult result, Metric metric) => [.. result.Rounds.Select(metric.Of).OfType<double>()];
    }

    /// <summary>One term of a change: a mean with its weight, and the variance that it adds to the change.</summary>
    private sealed class LogSample
    {
        public LogSample(double[] values, double weight)
        {
            double[] logs = [.. values.Select(value => Math.Log(value))];
            (Weight, Count, Mean) = (weight, logs.Length, logs.Average());
            Variance = weight * weight * logs.Sum(log => (log - Mean) * (log - Mean)) / (Count - 1) / Count;
        }

        public double Weight { get; }

        public int Count { get; }

        public double Mean { get; }

        public double Variance { get; }
    }
}
