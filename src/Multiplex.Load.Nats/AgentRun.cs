using System.Diagnostics;
using System.Threading.Channels;
using Multiplex.Load.Agents;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Merging;
using Multiplex.Load.Nats.Messages;
using NATS.Client.Core;

namespace Multiplex.Load.Nats;

/// <summary>
/// One run of an agent: it makes its connections, says so, begins when it is told, tells what it measures each second, and at the end the whole. It ends by
/// itself when it does not hear the coordinator any more.
/// </summary>
internal sealed class AgentRun : IDisposable
{
    private readonly NatsLink _link;
    private readonly LoadPlan _plan;
    private readonly string _agent, _name;
    private readonly Channel<Told> _toTell = Channel.CreateUnbounded<Told>();
    private readonly CancellationTokenSource _stop = new();       // of the load: what was measured is told
    private readonly CancellationTokenSource _abandon = new();    // of all
    private readonly TaskCompletionSource<long> _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RunningClock _clock = new(Stopwatch.GetTimestamp());
    private string? _why;
    private long _heardAt;

    private AgentRun(NatsLink link, LoadPlan plan, string agent, string name) => (_link, _plan, _agent, _name) = (link, plan, agent, name);

    /// <summary>The plan.</summary>
    public LoadPlan Plan => _plan;

    /// <summary>How it failed; null while it has not.</summary>
    public string? Failure => _why;

    /// <summary>Whether its agent is done with it.</summary>
    public bool IsOver { get; set => Volatile.Write(ref field, value); }

    /// <summary>Its end. It does not fail.</summary>
    public Task<AgentResult?> Ended { get; private set; } = Task.FromResult<AgentResult?>(null);

    /// <summary>Starts one; from then on it listens to its coordinator.</summary>
    /// <param name="link">The connection.</param>
    /// <param name="plan">What to do.</param>
    /// <param name="agent">The agent's id.</param>
    /// <param name="options">How the agent is.</param>
    public static async Task<AgentRun> StartAsync(NatsLink link, LoadPlan plan, string agent, LoadAgentOptions options)
    {
        AgentRun run = new(link, plan, agent, options.Name);
        INatsSub<byte[]> orders = await link.ListenAsync(Subjects.OrdersOf(plan.Run), CancellationToken.None).ConfigureAwait(false);
        run.Ended = run.LiveAsync(orders, options.Understand);
        return run;
    }

    /// <summary>It begins at a time of this machine's Stopwatch.</summary>
    /// <returns>Why it does not; null when it does.</returns>
    public string? Begin(long at)
    {
        long late = Stopwatch.GetTimestamp() - at;
        if (late > 0)
            return $"the beginning was told {late / 1e6:0.#} ms too late";
        return _go.TrySetResult(at) ? null : "it has begun, or ended, already";
    }

    /// <summary>Ends it at once, for this reason, which the coordinator is told.</summary>
    public void Abandon(string why)
    {
        Fail(why);
        _stop.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Dispose();
        _abandon.Dispose();
    }

    private async Task<AgentResult?> LiveAsync(INatsSub<byte[]> orders, Func<LoadPlan, CancellationToken, PlannedLoad> understand)
    {
        Task listening = ListenAsync(orders), telling = TellAsync(), watching = WatchAsync();
        AgentResult? result = await Task.Factory.StartNew(() => Load(understand), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        _toTell.Writer.Complete();
        await telling.ConfigureAwait(false);
        await _abandon.CancelAsync().ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        await orders.DisposeAsync().ConfigureAwait(false);
        await listening.ConfigureAwait(false);
        return _why is null ? result : null;
    }

    // Runs on a thread of its own.
    private AgentResult? Load(Func<LoadPlan, CancellationToken, PlannedLoad> understand)
    {
        try
        {
            PlannedLoad load = understand(_plan, _stop.Token);
            LoadTally tally;
            using (load)
            {
                tally = LoadGenerator.Run(
                    load.Options with { Part = _plan.Part, BeginAt = WaitForGo, Interval = load.Options.Interval + new Action<LoadSecond, LatencyHistogram>(TellSecond) },
                    cancelled: _stop.Token);
            }

            if (_why is not null)
                return null;
            Tell(new(_agent) { Tally = TallyData.Of(tally) });
            return new(_name, _plan, load, tally);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            Fail("it was stopped before it began");
            return null;
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException or NotSupportedException)
        {
            Fail(e.Message);
            return null;
        }
    }

    private long WaitForGo()
    {
        Tell(new(_agent) { IsReady = true });
        return _go.Task.WaitAsync(_stop.Token).GetAwaiter().GetResult();
    }

    private void TellSecond(LoadSecond second, LatencyHistogram latencies) => Tell(new(_agent) { Second = SecondData.Of(second, latencies) });

    private void Tell(Told what) => _toTell.Writer.TryWrite(what);

    private void Fail(string why)
    {
        if (Interlocked.CompareExchange(ref _why, why, null) is null)
            Tell(new(_agent) { Failed = why });
    }

    // Sends in order what is told. While NATS is away this waits, until the silence of the coordinator ends the run.
    private async Task TellAsync()
    {
        try
        {
            await foreach (Told told in _toTell.Reader.ReadAllAsync(_abandon.Token).ConfigureAwait(false))
                await _link.SendAsync(Subjects.ToldOf(_plan.Run), told, _abandon.Token).ConfigureAwait(false);
            await _link.FlushAsync(_abandon.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // It is abandoned, and the coordinator is not reached.
        }
        catch (NatsException e)
        {
            Interlocked.CompareExchange(ref _why, $"NATS takes no message: {e.Message}", null);
            await _stop.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task ListenAsync(INatsSub<byte[]> orders)
    {
        await foreach (NatsMsg<byte[]> message in orders.Msgs.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            Volatile.Write(ref _heardAt, _clock.Now);
            Order order;
            try
            {
                order = Message.Read<Order>(message.Data);
            }
            catch (FormatException e)
            {
                Abandon(e.Message);
                continue;
            }

            if (order.Abandon is { } why)
            {
                Abandon(why);
                await _abandon.CancelAsync().ConfigureAwait(false);   // there is nobody to tell
            }
            else if (order.Stop)
            {
                await _stop.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task WatchAsync()
    {
        long toldAt = 0;
        using PeriodicTimer timer = new(RunningClock.TickEach);
        while (!_abandon.IsCancellationRequested)
        {
            await timer.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false);
            long now = _clock.Tick(Stopwatch.GetTimestamp());
            if (now - Volatile.Read(ref _heardAt) > _plan.SilenceS * 1e9)
            {
                Abandon($"the coordinator was not heard for {_plan.SilenceS:0.###} s");
                await _abandon.CancelAsync().ConfigureAwait(false);
            }
            else if (now - toldAt >= RunningClock.TellEach.TotalNanoseconds)
            {
                toldAt = now;
                Tell(new(_agent));
            }
        }
    }
}
