namespace Multiplex.Load.Comparison.Judging;

/// <summary>The results of a point in words.</summary>
internal static class Sentence
{
    // With more names, the sentence names the missing ones instead.
    private const int MostNames = 5;

    public static string Of(CompareReport report, PointReport point) => string.Join(' ', Parts(report, point).Where(part => part.Length > 0));

    private static IEnumerable<string> Parts(CompareReport report, PointReport point)
    {
        if (point.ComparisonResults is [{ Standings.Count: > 0 } first, var next])
        {
            Words judged = new(point, first), also = new(point, next);
            if (first.Standings.Count == 1)
                yield return $"{first.Standings[0].Server} alone was measured: {judged.Best} {first.Metric.Title}, {also.Best} {next.Metric.Title}.";
            else if (report.Rounds == 1)
                yield return $"{first.Standings[0].Server} had {judged.Best} {first.Metric.Title}, but a single round cannot tell a lead from chance.";
            else
                yield return $"{judged.Lead()} {also.Extremes()}";
        }
        else
        {
            yield return "No server answered.";
        }

        foreach (ServerResult result in point.Measured.Where(result => result.SilentRounds > 0))
            yield return $"{result.Server} gave no right reply in {result.SilentRounds} of {result.Rounds.Count} rounds.";
        string absent = string.Join(", ", point.Results.Where(result => result.Why is not null).Select(result => $"{result.Server} ({result.Why!.Split(':')[0]})"));
        if (absent.Length > 0)
            yield return $"No figures: {absent}.";
    }

    private static string InWords(string[] servers) => servers.Length == 1
        ? servers[0]
        : $"{string.Join(", ", servers.SkipLast(1))} and {servers[^1]}";

    /// <summary>One result in words.</summary>
    private sealed class Words(PointReport point, ComparisonResult outcome)
    {
        private readonly Metric _by = outcome.Metric;
        private readonly Standing[] _ahead = [.. outcome.Ahead];
        private readonly Standing[] _behind = [.. outcome.Behind];

        public string Best => outcome.Standings.Count > 0 ? Value(outcome.Standings[0]) : "–";

        public string Lead()
        {
            string value = $"{Best} {_by.Title}";
            string top = _ahead.Length == 1 ? $"{_ahead[0].Server} leads with {value}" : $"{Tie()}, at about {value}";
            if (_behind.Length == 0)
                return $"{top}.";
            PairedRatio ratio = _behind[0].ToBest!;
            string interval = $"{Metric.Difference(1, ratio.Ratio)} {_behind[0].Server} (its share {100 * ratio.Ratio:F0}%, from {100 * ratio.Low:F0} to {100 * ratio.High:F0}%)";
            return _behind.Length == 1 ? $"{top}, {interval}." : $"{top}, {interval}; {Last()}.";
        }

        public string Extremes()
        {
            string title = char.ToUpperInvariant(_by.Superlative[0]) + _by.Superlative[1..];
            return outcome.Standings.Count switch
            {
                0 => $"{title}: not known.",
                1 => $"{title}: {outcome.Standings[0].Server}, {Best}.",
                _ when _behind.Length == 0 => $"{title}: {Tie()}, at about {Best}.",
                _ when _ahead.Length == 1 => $"{title}: {_ahead[0].Server}, {Best}; {Last()}.",
                _ => $"{title}: {Tie()}, at about {Best}; {Last()}.",
            };
        }

        private string Tie()
        {
            string names = _behind.Length == 0 ? "all" : _ahead.Length > MostNames ? $"all but {Names(_behind)}" : Names(_ahead);
            double[] reach = [.. _ahead.Where(one => one.ToBest is not null).Select(one => Math.Max(100 * (one.ToBest!.High - 1), 100 * (1 - one.ToBest.Low)))];
            const double Hardly = 100;
            string within = reach.Length == 0 ? "one round" : reach.Max() > Hardly ? $"beyond ±{Hardly}%" : $"±{reach.Max():F0}%";
            return _ahead.Any(one => one.Place == Place.Unclear) ? $"too noisy to rank {names} ({within})" : $"{names} are level within {within}";
        }

        private string Last() => $"{_behind[^1].Server} has {Value(_behind[^1])}";

        private string Value(Standing standing)
        {
            ServerResult result = point.Results.First(one => one.Server == standing.Server);
            string value = _by.Label(result[_by]!.Value.Median);
            return _by == Metric.Answered && result[Metric.Offered] is { } offered ? $"{value} of {Metric.Offered.Label(offered.Median)}/s" : value;
        }

        private static string Names(Standing[] standings) => InWords([.. standings.Select(one => one.Server)]);
    }
}
