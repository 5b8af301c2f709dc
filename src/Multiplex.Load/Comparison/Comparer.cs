using System.Globalization;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Judging;
using Multiplex.Load.Comparison.Servers;
using Multiplex.Load.Comparison.Stacks;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Measuring;

namespace Multiplex.Load.Comparison;

/// <summary>
/// Compares servers: in each round, each server in turn is started as a real process, warmed up, loaded and stopped, so that
/// a temporary disturbance of the machine affects all servers.
/// </summary>
public sealed class Comparer
{
    private readonly CompareOptions _options;
    private readonly Action<CompareProgress> _show;
    private readonly CancellationToken _cancelled;
    private readonly HashSet<string> _started = [];
    private readonly Dictionary<string, string> _absent = [];   // models that do not start on this machine, and why
    private readonly Dictionary<KernelEvent, string?> _whyNot;   // events that cannot be counted on this machine, and why
    private readonly string? _whyNoFlameGraphs;
    private int _runs;

    private Comparer(CompareOptions options, Action<CompareProgress> show, CancellationToken cancelled)
    {
        _options = options;
        _show = show;
        _cancelled = cancelled;
        _whyNot = KernelEvent.All.ToDictionary(one => one, one => options.Counts ? one.WhyNot() : "only the rounds were asked for");
        _whyNoFlameGraphs = options.FlameGraphs ? StackSampler.WhyNot() : null;
    }

    /// <summary>Runs the whole comparison.</summary>
    /// <param name="options">What to compare.</param>
    /// <param name="show">Called before each run.</param>
    /// <param name="cancelled">Ends it early: the report then has the runs that were finished, and says so.</param>
    /// <exception cref="IOException">A peer did not start, or no model did.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before one run was finished.</exception>
    public static CompareReport Run(CompareOptions options, Action<CompareProgress> show, CancellationToken cancelled)
    {
        DateTimeOffset began = DateTimeOffset.Now;
        double average = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
        using ServerGuard guard = ServerGuard.Start();
        Comparer comparer = new(options, show, cancelled);
        foreach (PeerTarget peer in options.Targets.OfType<PeerTarget>())
            comparer.Try(peer);
        List<ScenarioReport> scenarios = [];
        foreach (Scenario scenario in options.Scenarios)
        {
            if (comparer.Run(scenario) is { Points.Count: > 0 } report)
                scenarios.Add(report);
        }

        if (comparer._runs == 0)
            cancelled.ThrowIfCancellationRequested();
        if (comparer._started.Count == 0)
            throw new IOException(comparer._absent.Values.FirstOrDefault() ?? "no server can serve so many connections");
        CompareReport whole = new()
        {
            Began = began,
            Partial = cancelled.IsCancellationRequested ? new(comparer._runs, options.Scenarios.Sum(comparer.RunsOf)) : null,
            Protocol = options.Protocol,
            Rounds = scenarios.SelectMany(scenario => scenario.Points).SelectMany(point => point.Results).Max(result => result.Rounds.Count),
            RoundsAuto = options.Precision is not null,
            LoadAverage = average,
            NotCounted = comparer._whyNot.Where(one => one.Value is not null).ToDictionary(one => one.Key.Name, one => one.Value!),
            WhyNoFlameGraphs = comparer._whyNoFlameGraphs,
            DurationS = options.Duration.TotalSeconds,
            RequestsPerRun = options.Requests,
            WarmupS = options.WarmUp.TotalSeconds,
            Servers = [.. options.Targets.Select(one => new ServerReport(one.Name, one.Description, one is PeerTarget))],
            Scenarios = scenarios,
        };
        return whole.Judged();
    }

    private bool HasFurtherRuns => _options.Counts || _options.TriesTwice || _options.FlameGraphs;

    private int RunsOf(Scenario scenario) =>
        (_options.Rounds + (HasFurtherRuns ? 1 : 0)) * scenario.Points.Sum(point => _options.Targets.Count(one => WhyNot(one, scenario, point) is null));

    // If a peer does not start, its command is probably mistyped: the comparison fails at once.
    private void Try(PeerTarget peer)
    {
        _cancelled.ThrowIfCancellationRequested();
        _show(new(null, peer.Name, 0, 1));
        using ServerUnderTest server = peer.Start();
        server.Stop();
        _show(new(null, "", 1, 1));
    }

    private ScenarioReport Run(Scenario scenario)
    {
        int total = RunsOf(scenario), done = 0;
        List<PointReport> reports = [];
        foreach (ScenarioPoint point in scenario.Points)
        {
            Entry[] entries = [.. _options.Targets.Select(one => new Entry(one, WhyNot(one, scenario, point)))];
            Run run = new(_options, scenario, point);
            for (int round = 1; round <= _options.Rounds && !HasEnough(entries, scenario.JudgedBy); round++)
            {
                foreach (Entry entry in entries.Where(entry => entry.Why is null && !_cancelled.IsCancellationRequested))
                {
                    _show(new(scenario, $"{point.Label}, round {round}, {entry.Target.Name}", done++, total));
                    RunOnce(entry, run);
                }
            }

            if (_cancelled.IsCancellationRequested && entries.All(entry => entry.Rounds == 0))
                break;
            done += entries.Sum(entry => entry.Why is null ? _options.Rounds - entry.Rounds : 0);
            foreach (Entry entry in entries.Where(entry => HasFurtherRuns && entry.Why is null && !_cancelled.IsCancellationRequested))
            {
                _show(new(scenario, $"{point.Label}, further runs, {entry.Target.Name}", done++, total));
                RunFurther(entry, run, scenario, point);
            }

            reports.Add(new(point.Connections, point.Others, point.Label, [.. entries.Select(entry => entry.Result)]));
        }

        if (!_cancelled.IsCancellationRequested)
            _show(new(scenario, "", total, total));
        return new(scenario.Name, scenario.Load, scenario.LookFor, scenario.JudgedBy.Key, scenario.AlsoJudgedBy.Key, reports);
    }

    private bool HasEnough(Entry[] entries, Metric by) =>
        _options.Precision is { } percent && RoundPrecision.IsReached([.. entries.Select(entry => entry.Result)], by, percent);

    private void RunOnce(Entry entry, Run run) => Try(entry, server =>
    {
        entry.Add(run.Against(server, [], null, _cancelled));
        _runs++;
    });

    // Runs that would disturb the rounds, or that have another load, come after the rounds.
    private void RunFurther(Entry entry, Run run, Scenario scenario, ScenarioPoint point)
    {
        KernelEvent[] events = [.. _whyNot.Where(one => one.Value is null).Select(one => one.Key)];
        if (events.Length > 0)
            Try(entry, server => entry.Counted = run.Against(server, events, null, _cancelled).Figures);
        ScenarioPoint twice = point with { Connections = 2 * point.Connections };
        bool saysSomething = point.Connections > 1 && scenario.Overload == 0 && WhyNot(entry.Target, scenario, twice) is null;
        if (_options.TriesTwice && saysSomething && entry.Why is null && !_cancelled.IsCancellationRequested)
            Try(entry, server => entry.Doubled = new Run(_options, scenario, twice).Against(server, [], null, _cancelled).Figures.ThroughputPerS);
        if (_options.FlameGraphs && _whyNoFlameGraphs is null && point == LastPoint(entry.Target, scenario) && entry.Why is null && !_cancelled.IsCancellationRequested)
            Try(entry, server => Sample(entry, server, run));
        _runs++;
    }

    // The servers differ most with the most connections.
    private ScenarioPoint LastPoint(Target target, Scenario scenario) => scenario.Points.Last(point => WhyNot(target, scenario, point) is null);

    // A failure here is not a failure of the server.
    private void Sample(Entry entry, ServerUnderTest server, Run run)
    {
        StackSampler stacks;
        try
        {
            stacks = StackSampler.Attach(server.Id);
        }
        catch (SyscallException e)
        {
            entry.Flames = new(new("all", FrameKind.Program), 0, 0) { Problem = e.Message };
            return;
        }

        using (stacks)
        {
            run.Against(server, [], stacks, _cancelled);
            entry.Flames = stacks.Result;
        }
    }

    private void Try(Entry entry, Action<ServerUnderTest> run)
    {
        string name = entry.Target.Name;
        ServerUnderTest? server = null;
        try
        {
            server = entry.Target.Start();
            _started.Add(name);
            run(server);
        }
        catch (OperationCanceledException)
        {
            // The run is not finished: it does not count.
        }
        catch (IOException) when (_cancelled.IsCancellationRequested)
        {
            // A signal that a terminal sends to the whole group ends the server too.
        }
        catch (IOException e) when (entry.Target is ModelTarget && !_started.Contains(name))
        {
            // Some kernels and containers forbid io_uring: that is not a failure of the model.
            _absent[name] = e.Message;
            entry.Exclude(e.Message);
        }
        catch (IOException e)
        {
            entry.Fail(server?.Ended ?? e.Message);
        }
        finally
        {
            server?.Dispose();
        }
    }

    private string? WhyNot(Target target, Scenario scenario, ScenarioPoint point) =>
        _absent.TryGetValue(target.Name, out string? absent) ? absent
        : point.All > target.ConnectionsAtATime ? $"serves {target.ConnectionsAtATime:N0} connections at a time"
        : scenario.NeedsProcedures && !_options.HasProcedures ? $"the protocol {_options.Protocol} has no such calls"
        : null;

    /// <summary>One server at one point, through all rounds.</summary>
    private sealed class Entry(Target target, string? why)
    {
        private readonly List<RoundFigures> _rounds = [];
        private readonly LatencyHistogram _latencies = new();
        private readonly LoadErrors _errors = new();
        private bool _failed;

        public Target Target => target;

        /// <summary>Why it does not run, or no longer runs.</summary>
        public string? Why { get; private set; } = why;

        /// <summary>The figures of the run in which the kernel counted.</summary>
        public RoundFigures? Counted { get; set; }

        /// <summary>The throughput with twice the connections.</summary>
        public double? Doubled { get; set; }

        /// <summary>The stacks of the run in which they were sampled.</summary>
        public FlameGraph? Flames { get; set; }

        /// <summary>Rounds that are finished.</summary>
        public int Rounds => _rounds.Count;

        public ServerResult Result => Why is not null ? ServerResult.None(target.Name, Why, _failed)
            : Rounds == 0 ? ServerResult.None(target.Name, "the comparison was interrupted before its turn", failed: false)
            : _rounds.All(round => round.ThroughputPerS is null or 0) ? ServerResult.None(target.Name, NothingRight(_errors), failed: true)
            : ServerResult.Of(target.Name, _rounds, _latencies, _errors, Counted, Doubled) with { Flames = Flames };

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
