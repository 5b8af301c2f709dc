namespace Multiplex.Load.Comparison.Judging;

/// <summary>
/// Determines which server is ahead at each point, by the two figures that its scenario is judged by. Each pair of servers at each
/// point is one test, and the p-values are corrected for the number of tests.
/// </summary>
internal static class Judge
{
    /// <summary>The probability of finding a lead anywhere in a report where there is none.</summary>
    public const double Error = 0.02;

    /// <summary>Smaller differences are not called a lead, however certain they are.</summary>
    public const double LeastPercent = 1;

    /// <summary>Two servers are level when both ends of the interval of their ratio are at most this many percent from 1.</summary>
    public const double LevelPercent = 5;

    /// <summary>The report with its results.</summary>
    public static CompareReport Judged(this CompareReport report)
    {
        Question[] questions = [.. report.Scenarios.SelectMany(QuestionsOf)];
        double[] corrected = Student.Holm([.. questions.Select(question => question.Ratio?.PValue ?? 1)]);
        ILookup<(PointReport, Metric), (Question Question, double PValue)> answers =
            questions.Zip(corrected).ToLookup(pair => (pair.First.Point, pair.First.By));
        return report with
        {
            Scenarios =
            [
                .. report.Scenarios.Select(scenario => scenario with
                {
                    Points = [.. scenario.Points.Select(point => point with { ComparisonResults = [.. Judges(scenario).Select(by => ResultOf(point, by, [.. answers[(point, by)]]))] })],
                }),
            ],
        };
    }

    private static IEnumerable<Metric> Judges(ScenarioReport scenario) => [Metric.Find(scenario.JudgedBy), Metric.Find(scenario.AlsoJudgedBy)];

    private static IEnumerable<Question> QuestionsOf(ScenarioReport scenario) =>
        from point in scenario.Points
        from metric in Judges(scenario)
        let servers = RankedBy(metric, point)
        from i in Enumerable.Range(0, servers.Length)
        from j in Enumerable.Range(i + 1, servers.Length - i - 1)
        select new Question(point, metric, servers[i], servers[j]);

    private static ServerResult[] RankedBy(Metric by, PointReport point)
    {
        IEnumerable<ServerResult> known = point.Measured.Where(result => result[by] is not null);
        return by.MoreIsBetter
            ? [.. known.OrderByDescending(result => result[by]!.Value.Median)]
            : [.. known.OrderBy(result => result[by]!.Value.Median)];
    }

    private static ComparisonResult ResultOf(PointReport point, Metric by, (Question Question, double PValue)[] answers)
    {
        ServerResult[] ranked = RankedBy(by, point);
        return new(by.Key,
        [
            .. ranked.Take(1).Select(best => new Standing(best.Server, Place.Best, null)),
            .. answers.Where(answer => answer.Question.Better == ranked[0]).Select(answer => StandingOf(answer, by)),
        ]);
    }

    private static Standing StandingOf((Question Question, double PValue) answer, Metric by)
    {
        if (answer.Question.Ratio is not { } ratio)
            return new(answer.Question.Worse.Server, Place.Unclear, null);
        bool differs = answer.PValue < Error && Math.Abs(100 * (ratio.Ratio - 1)) >= LeastPercent && by.IsBetter(1, ratio.Ratio);
        bool level = Math.Max(100 * (ratio.High - 1), 100 * (1 - ratio.Low)) <= LevelPercent;
        return new(
            answer.Question.Worse.Server,
            differs ? Place.Behind : level ? Place.Level : Place.Unclear,
            ratio with { PValue = answer.PValue });
    }

    /// <summary>Whether one of two servers is better than the other.</summary>
    private sealed record Question(PointReport Point, Metric By, ServerResult Better, ServerResult Worse)
    {
        public PairedRatio? Ratio { get; } = PairedRatio.Of(Worse.Rounds.Select(By.Of), Better.Rounds.Select(By.Of));
    }
}
