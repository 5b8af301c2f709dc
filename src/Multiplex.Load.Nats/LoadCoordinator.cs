using System.Diagnostics;
using Multiplex.Load.Agents;
using Multiplex.Load.Merging;
using Multiplex.Load.Nats.Coordinating;
using Multiplex.Load.Nats.Messages;
using Multiplex.Load.Reporting;
using NATS.Client.Core;

namespace Multiplex.Load.Nats;

/// <summary>
/// Makes a load on many machines: finds agents, gives each its part, waits until all are ready, has them begin at one moment, and adds up what they
/// measure. It has the sum of all, or it fails.
/// </summary>
public sealed class LoadCoordinator
{
    private const int ClockReadings = 20;

    // Before it all are told when they begin. A message has as long as fifty of the slowest round trips, and a machine may stand still for a third of the time of silence.
    private const int LeadInRoundTrips = 50, LeadsInSilence = 3;
    private static readonly TimeSpan s_leastLead = TimeSpan.FromSeconds(1), s_farewell = TimeSpan.FromSeconds(1);

    private readonly CoordinatorOptions _options;
    private readonly NatsLink _link;
    private readonly string _run = $"{Random.Shared.NextInt64():x16}";
    private readonly RunningClock _clock = new(Stopwatch.GetTimestamp());
    private readonly bool[] _isReady;
    private readonly IReadOnlyList<Hello> _agents;
    private readonly LoadMerger _merger;
    private readonly RunWatch _watch;
    private ClockOffset[] _clocks = [];
    private long _begins = long.MaxValue;     // Stopwatch
    private long? _measures;                  // when measuring begins, by the running clock
    private DateTimeOffset _startedAt;

    private LoadCoordinator(CoordinatorOptions options, NatsLink link, IReadOnlyList<Hello> agents)
    {
        (_options, _link, _agents, _isReady) = (options, link, agents, new bool[agents.Count]);
        _merger = new([.. agents.Select(agent => !options.Measures || agent.Role == AgentRole.Measure)], options.Interval);
        _watch = new([.. agents.Select(agent => agent.Name)], options.Silence, _clock.Now);
    }

    /// <summary>Makes the load.</summary>
    /// <param name="nats">Where NATS is.</param>
    /// <param name="options">The load.</param>
    /// <param name="cancelled">Ends it early: what was measured up to then is the result.</param>
    /// <exception cref="LoadAgentsException">It failed: an agent is missing, lags, or could not load. No figure is given then.</exception>
    /// <exception cref="IOException">NATS is not reached.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before it began.</exception>
    public static async Task<AgentsResult> RunAsync(NatsUrl nats, CoordinatorOptions options, CancellationToken cancelled)
    {
        await using NatsLink link = await NatsLink.ConnectAsync(nats, "multiplex load", options.NatsWithin, options.Say, cancelled).ConfigureAwait(false);
        IReadOnlyList<Hello> agents = await new AgentSearch(link, options).FindAsync(cancelled).ConfigureAwait(false);
        return await new LoadCoordinator(options, link, agents).LiveAsync(cancelled).ConfigureAwait(false);
    }

    private async Task<AgentsResult> LiveAsync(CancellationToken cancelled)
    {
        using CancellationTokenSource end = new();
        Task beating = BeatAsync(end.Token);
        try
        {
            await using INatsSub<byte[]> told = await _link.ListenAsync(Subjects.ToldOf(_run), CancellationToken.None).ConfigureAwait(false);
            foreach (AgentRole role in Enum.GetValues<AgentRole>())
                await PlanAsync([.. _agents.Where(agent => agent.Role == role)], cancelled).ConfigureAwait(false);
            await ListenAsync(told, ReadyWithin, () => Array.TrueForAll(_isReady, one => one), cancelled).ConfigureAwait(false);
            await BeginAsync(cancelled).ConfigureAwait(false);
            await using (cancelled.Register(() => _ = OrderAsync(new(Stop: true, null), CancellationToken.None)).ConfigureAwait(false))
                await ListenAsync(told, Watch, () => _merger.IsComplete, CancellationToken.None).ConfigureAwait(false);
            return new(_merger.Finish(_startedAt), Report());
        }
        catch (Exception e)
        {
            await AbandonAsync(e is OperationCanceledException ? "the coordinator was ended" : e.Message).ConfigureAwait(false);
            throw;
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await beating.ConfigureAwait(false);
        }
    }

    // Says that the coordinator is there.
    private async Task BeatAsync(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await OrderAsync(new(Stop: false, null), end).ConfigureAwait(false);
            await Task.Delay(RunningClock.TellEach, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task PlanAsync(Hello[] agents, CancellationToken cancelled)
    {
        for (int i = 0; i < agents.Length; i++)
        {
            LoadPlan plan = new(_run, agents[i].Role, new(i, agents.Length), _options.Words, _options.Silence.TotalSeconds);
            await AskAsync<LoadPlan, Answer>(agents[i], Subjects.PlanOf(agents[i].Id), plan, cancelled).ConfigureAwait(false);
        }
    }

    // All begin at one moment of this machine's clock, which each is told by its own.
    private async Task BeginAsync(CancellationToken cancelled)
    {
        _clocks = await Task.WhenAll(_agents.Select(agent => ReadClockAsync(agent, cancelled))).ConfigureAwait(false);
        long least = Math.Max((long)s_leastLead.TotalNanoseconds, (long)(_options.Silence / LeadsInSilence).TotalNanoseconds);
        long lead = Math.Max(least, LeadInRoundTrips * _clocks.Max(clock => clock.LongestRoundTripNs)), now = Stopwatch.GetTimestamp();
        _begins = now + lead;
        _startedAt = DateTimeOffset.UtcNow.AddTicks(lead / TimeSpan.NanosecondsPerTick) + _options.WarmUp;
        _measures = _clock.Tick(now) + lead + (long)_options.WarmUp.TotalNanoseconds;
        _options.Say($"{_agents.Count} agents begin in {lead / 1e9:0.#} s, each within {ClockErrorUs() / 1e3:0.###} ms of one clock: {string.Join(", ", _agents.Select(Describe))}");
        await Task.WhenAll(_agents.Select((agent, i) => AskAsync<Go, Answer>(agent, Subjects.GoOf(agent.Id), new(_run, _clocks[i].ToAgent(_begins)), cancelled))).ConfigureAwait(false);
    }

    private async Task<ClockOffset> ReadClockAsync(Hello agent, CancellationToken cancelled)
    {
        List<(long Sent, long Read, long Received)> trips = [];
        for (int i = 0; i < ClockReadings; i++)
        {
            long sent = Stopwatch.GetTimestamp();
            Clock clock = await AskAsync<Clock, Clock>(agent, Subjects.ClockOf(agent.Id), new(sent), cancelled).ConfigureAwait(false);
            trips.Add((sent, clock.Nanoseconds, Stopwatch.GetTimestamp()));
        }

        return ClockOffset.Of(trips);
    }

    private async Task<TAnswer> AskAsync<TQuestion, TAnswer>(Hello agent, string subject, TQuestion question, CancellationToken cancelled)
    {
        TAnswer answer;
        try
        {
            answer = await _link.AskAsync<TQuestion, TAnswer>(subject, question, _options.Silence, cancelled).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new LoadAgentsException($"{Lost()}agent {agent.Name} does not answer within {_options.Silence.TotalSeconds:0.###} s");
        }
        catch (FormatException e)
        {
            throw new LoadAgentsException($"agent {agent.Name}: {e.Message}");
        }

        return answer is Answer { Refused: { } why } ? throw new LoadAgentsException($"agent {agent.Name}: {why}") : answer;
    }

    // Takes what the agents tell, and looks for what is wrong, until this is done.
    private async Task ListenAsync(INatsSub<byte[]> told, Func<long, string?> problem, Func<bool> isDone, CancellationToken cancelled)
    {
        using PeriodicTimer timer = new(RunningClock.TickEach);
        while (!isDone())
        {
            long now = _clock.Tick(Stopwatch.GetTimestamp());
            while (told.Msgs.TryRead(out NatsMsg<byte[]> message))
                Take(message, now);
            if (isDone())
                break;
            if ((_watch.Silent(now) ?? problem(now)) is { } wrong)
                throw new LoadAgentsException($"{Lost()}{wrong}");
            _options.Progress?.Invoke(new(Elapsed(), _options.WarmUp + _options.Duration, _merger.Replies, _merger.Errors, _merger.LastSecond));
            await timer.WaitForNextTickAsync(cancelled).ConfigureAwait(false);
        }
    }

    private void Take(NatsMsg<byte[]> message, long now)
    {
        int agent = -1;
        try
        {
            Told told = Message.Read<Told>(message.Data);
            agent = _agents.ToList().FindIndex(one => one.Id == told.Agent);
            if (agent < 0)
                throw new FormatException("a message of an agent that is not in this run");
            _watch.Heard(agent, now);
            if (told.Failed is { } why)
                throw new FormatException(why);
            _isReady[agent] |= told.IsReady;
            if (told.Second is { } second)
                _merger.Add(agent, second);
            if (told.Tally is { } tally)
            {
                _merger.Add(agent, tally);
                _watch.Ended(agent);
            }
        }
        catch (FormatException e)
        {
            throw new LoadAgentsException(agent < 0 ? e.Message : $"agent {_agents[agent].Name}: {e.Message}");
        }
    }

    private string? ReadyWithin(long now) => now <= _options.Within.TotalNanoseconds ? null
        : $"{RunWatch.List([.. _agents.Where((_, i) => !_isReady[i]).Select(agent => agent.Name)])} not ready within {_options.Within.TotalSeconds:0.###} s";

    private string? Watch(long now) => _watch.Lagging(now, _measures!.Value, _options.Duration, _merger);

    private string Lost() => _link.IsConnected ? "" : $"the connection to NATS at {_link.Url} is lost: ";

    private TimeSpan Elapsed() => _begins == long.MaxValue ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Max(Stopwatch.GetTimestamp() - _begins, 0) / TimeSpan.NanosecondsPerTick);

    private double ClockErrorUs() => _clocks.Max(clock => clock.ErrorAt(_begins)) / 1e3;

    private static string Describe(Hello agent) => agent.Role == AgentRole.Measure ? $"{agent.Name} (measures)" : agent.Name;

    private async Task OrderAsync(Order order, CancellationToken end)
    {
        try
        {
            await _link.SendAsync(Subjects.OrdersOf(_run), order, end).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NatsException or ObjectDisposedException or OperationCanceledException)
        {
            // Agents that do not hear the coordinator end by themselves; and they are not heard either.
        }
    }

    // The agents notice the silence too, so this is not waited for where NATS is away.
    private async Task AbandonAsync(string why)
    {
        using CancellationTokenSource limit = new(s_farewell);
        try
        {
            if (!_link.IsConnected)
                return;
            await _link.SendAsync(Subjects.OrdersOf(_run), new Order(Stop: true, why), limit.Token).ConfigureAwait(false);
            await _link.FlushAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NatsException or OperationCanceledException)
        {
            // As above.
        }
    }

    private AgentsReport Report() => new($"{_link.Url}", ClockErrorUs(), [.. _agents.Select(Report)]);

    private AgentReport Report(Hello agent, int index)
    {
        TallyData tally = _merger.TallyOf(index)!;
        double elapsed = TimeSpan.FromTicks(tally.ElapsedTicks).TotalSeconds;
        return new(
            agent.Name,
            agent.Host,
            agent.Role == AgentRole.Measure ? "measure" : "load",
            tally.RepliesByConnection.Count,
            tally.Requests,
            tally.Replies,
            tally.Unanswered,
            elapsed > 0 ? tally.Replies / elapsed : null,
            LatencyReport.Of(_merger.LatenciesOf(index)),
            tally.Lags.Count > 0 ? LatencyReport.Of(tally.Lags.ToHistogram()) : null,
            tally.BusiestThread,
            tally.Errors,
            _clocks[index].ErrorAt(_begins) / 1e3,
            agent.Machine);
    }
}
