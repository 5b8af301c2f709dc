namespace Multiplex.Load.Comparison;

/// <summary>
/// Compares servers: each is started as a real process, warmed up, loaded and stopped, round after round in turn, so that what
/// disturbs the machine for a while disturbs all of them.
/// </summary>
public sealed class Comparer
{
    private readonly CompareOptions _options;
    private readonly Action<CompareProgress> _show;
    private readonly CancellationToken _cancelled;
    private readonly HashSet<string> _started = [];
    private readonly Dictionary<string, string> _absent = [];   // models that do not start here, and why

    private Comparer(CompareOptions options, Action<CompareProgress> show, CancellationToken cancelled)
    {
        _options = options;
        _show = show;
        _cancelled = cancelled;
    }

    /// <summary>Runs the whole comparison.</summary>
    /// <param name="options">What to compare.</param>
    /// <param name="show">Told what is about to run.</param>
    /// <param name="cancelled">Ends it early, with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="IOException">A peer did not start, or no model did.</exception>
    public static CompareReport Run(CompareOptions options, Action<CompareProgress> show, CancellationToken cancelled)
    {
        DateTimeOffset began = DateTimeOffset.Now;
        Comparer comparer = new(options, show, cancelled);
        foreach (PeerContestant peer in options.Contestants.OfType<PeerContestant>())
            comparer.Try(peer);
        ScenarioReport[] scenarios = [.. options.Scenarios.Select(comparer.Run)];
        if (comparer._started.Count == 0)
            throw new IOException(comparer._absent.Values.FirstOrDefault() ?? "nobody can serve so many connections");
        return new()
        {
            Began = began,
            Protocol = options.Protocol,
            Rounds = options.Rounds,
            DurationS = options.Duration.TotalSeconds,
            WarmupS = options.WarmUp.TotalSeconds,
            Servers = [.. options.Contestants.Select(one => new ServerReport(one.Name, one.Description, one is PeerContestant))],
            Scenarios = scenarios,
        };
    }

    // A peer that does not start has been mistyped: better to know at once.
    private void Try(PeerContestant peer)
    {
        _cancelled.ThrowIfCancellationRequested();
        _show(new(null, peer.Name, 0, 1));
        using ServerUnderTest server = peer.Start();
        server.Stop();
        _show(new(null, "", 1, 1));
    }

    private ScenarioReport Run(Scenario scenario)
    {
        Entry[][] points = [.. scenario.Points.Select(point => _options.Contestants.Select(one => new Entry(one, WhyNot(one, scenario, point))).ToArray())];
        int total = points.Sum(entries => entries.Count(entry => entry.Why is null)) * _options.Rounds;
        int done = 0;
        List<PointReport> reports = [];
        foreach ((ScenarioPoint point, Entry[] entries) in scenario.Points.Zip(points))
        {
            Trial trial = new(_options, scenario, point);
            for (int round = 1; round <= _options.Rounds; round++)
            {
                foreach (Entry entry in entries.Where(entry => entry.Why is null))
                {
                    _cancelled.ThrowIfCancellationRequested();
                    _show(new(scenario, $"{point.Label}, round {round}, {entry.Contestant.Name}", done++, total));
                    RunOnce(entry, trial);
                }
            }

            reports.Add(new(point.Connections, point.Others, point.Label, [.. entries.Select(entry => entry.Result)]));
        }

        _show(new(scenario, "", total, total));
        return new(scenario.Name, scenario.Load, scenario.LookFor, scenario.JudgedBy.Key, scenario.AlsoJudgedBy.Key, reports);
    }

    private void RunOnce(Entry entry, Trial trial)
    {
        string name = entry.Contestant.Name;
        try
        {
            using ServerUnderTest server = entry.Contestant.Start();
            _started.Add(name);
            entry.Add(trial.Run(server, _cancelled));
        }
        catch (IOException e) when (entry.Contestant is ModelContestant && !_started.Contains(name))
        {
            // Some kernels and containers forbid io_uring: that is no failure of the model's.
            _absent[name] = e.Message;
            entry.Exclude(e.Message);
        }
        catch (IOException e)
        {
            entry.Fail(e.Message);
        }
    }

    private string? WhyNot(Contestant contestant, Scenario scenario, ScenarioPoint point) =>
        _absent.TryGetValue(contestant.Name, out string? absent) ? absent
        : point.All > contestant.ConnectionsAtATime ? $"serves {contestant.ConnectionsAtATime:N0} connections at a time"
        : scenario.NeedsProcedures && !_options.HasProcedures ? $"the protocol {_options.Protocol} has no such calls"
        : null;

    /// <summary>One server at one point, through all rounds.</summary>
    private sealed class Entry(Contestant contestant, string? why)
    {
        private readonly List<RoundFigures> _rounds = [];
        private readonly LatencyHistogram _latencies = new();
        private readonly LoadErrors _errors = new();
        private bool _failed;

        public Contestant Contestant => contestant;

        /// <summary>Why it does not take part, or no longer.</summary>
        public string? Why { get; private set; } = why;

        public ServerResult Result => Why is not null ? ServerResult.None(contestant.Name, Why, _failed)
            : _rounds.All(round => round.ThroughputPerS == 0) ? ServerResult.None(contestant.Name, NothingRight(_errors), failed: true)
            : ServerResult.Of(contestant.Name, _rounds, _latencies, _errors);

        public void Add((RoundFigures Figures, LoadTally Tally) run)
        {
            _rounds.Add(run.Figures);
            _latencies.Add(run.Tally.Latencies);
            _errors.Add(run.Tally.Errors);
        }

        public void Exclude(string reason) => Why = reason;

        public void Fail(string reason) => (Why, _failed) = ($"failed: {reason}", true);

        private static string NothingRight(LoadErrors errors) =>
            $"not one right reply: {errors.WrongReplies} wrong ones, {errors.Disconnected} connections lost, {errors.ConnectFailures} not made, {errors.Timeouts} timeouts";
    }
}
