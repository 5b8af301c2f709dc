using Multiplex.Multiplexers;

namespace Multiplex.Engine;

/// <summary>
/// One thread that waits for all descriptors at once: a table from descriptor to handler, timers, and work that other threads have posted.
/// A turn waits until something is ready, has each ready handler do what it can without waiting, and applies what it wants next.
/// </summary>
/// <param name="multiplexer">How to wait. The loop disposes of it.</param>
internal sealed class EventLoop(IMultiplexer multiplexer) : IDisposable
{
    private const int ReadyAtOnce = 512;
    private const int UsualTurns = 64;

    private readonly Readiness[] _ready = new Readiness[ReadyAtOnce];
    private readonly PriorityQueue<Action, long> _timers = new();
    private readonly EpollMultiplexer? _precise = multiplexer as EpollMultiplexer;
    private LoopHandler?[] _handlers = new LoopHandler?[64];   // by descriptor
    private List<LoopHandler> _nextTurn = new(UsualTurns), _thisTurn = new(UsualTurns);
    private List<LoopHandler> _deferred = new(UsualTurns), _served = new(UsualTurns);   // to the end of this turn
    private PostedWork? _posted;
    private bool _isTurnOver;

    /// <summary>Milliseconds of <see cref="Environment.TickCount64"/>, as the loop has read it last.</summary>
    public long Now { get; private set; } = Environment.TickCount64;

    /// <summary>When the wait of this turn was over.</summary>
    public long TurnBegan { get; private set; }

    /// <summary>One more than the highest descriptor that can be watched.</summary>
    public int DescriptorLimit => multiplexer.DescriptorLimit;

    /// <summary>Whether a handler has something to do in the next turn, whatever becomes ready.</summary>
    public bool HasWork => _nextTurn.Count > 0;

    /// <summary>The handlers, by descriptor; null where there is none.</summary>
    public ReadOnlySpan<LoopHandler?> Handlers => _handlers;

    /// <summary>Whether a handler was added, and not removed since.</summary>
    public bool IsWatched(LoopHandler handler) => Find(handler.Descriptor) == handler;

    /// <summary>Starts to watch a handler's descriptor.</summary>
    public void Add(LoopHandler handler, Interest interest)
    {
        int descriptor = handler.Descriptor;
        if (descriptor >= _handlers.Length)
            Array.Resize(ref _handlers, Math.Max(descriptor + 1, 2 * _handlers.Length));
        multiplexer.Add(descriptor, interest);
        handler.Watched = interest;
        _handlers[descriptor] = handler;
    }

    /// <summary>Waits until something is ready, a turn is due, or the time has come, and has the handlers serve it.</summary>
    /// <param name="until">When to return at the latest, in milliseconds of <see cref="Now"/>.</param>
    public void Turn(long until = long.MaxValue) => Serve(multiplexer.Wait(_ready, Timeout(until)));

    /// <summary>As <see cref="Turn"/>, for what has to be done on time: epoll(7) waits to the nanosecond, other multiplexers to the millisecond.</summary>
    /// <param name="nanoseconds">How long to wait at most; 0 or less does not wait.</param>
    /// <returns>How many handlers were ready.</returns>
    public int TurnWithin(long nanoseconds)
    {
        const int Millisecond = 1_000_000;
        long most = (long)Timeout(long.MaxValue) * Millisecond;   // negative: no timer is set
        if (most >= 0)
            nanoseconds = Math.Min(nanoseconds, most);
        int count = _precise is null
            ? multiplexer.Wait(_ready, (int)Math.Clamp((nanoseconds / Millisecond) + (nanoseconds % Millisecond > 0 ? 1 : 0), 0, int.MaxValue))
            : _precise.WaitPrecisely(_ready, nanoseconds);
        Serve(count);
        return count;
    }

    /// <summary>Ends this turn after the handler that is being served: there is something that comes before the others.</summary>
    public void EndTurn() => _isTurnOver = true;

    /// <summary>Applies what a handler wants next.</summary>
    public void Apply(LoopHandler handler, Next next)
    {
        if (next.Close is { } reason)
        {
            Close(handler, reason);
            return;
        }

        if (next.Interest != handler.Watched)
        {
            handler.Watched = next.Interest;
            multiplexer.Modify(handler.Descriptor, next.Interest);
        }

        if (next.WantsTurn)
            GiveTurn(handler, _nextTurn);
    }

    /// <summary>Has a handler have a turn at the end of this one, once, after the handlers that are ready.</summary>
    public void Defer(LoopHandler handler) => GiveTurn(handler, _deferred);

    /// <summary>Removes a handler, which closes its descriptor.</summary>
    public void Close(LoopHandler handler, CloseReason reason)
    {
        Remove(handler);
        handler.OnClosed(reason);
    }

    /// <summary>Stops to watch a handler's descriptor, which stays open. Call it before the descriptor is closed.</summary>
    public void Remove(LoopHandler handler)
    {
        multiplexer.Remove(handler.Descriptor);
        _handlers[handler.Descriptor] = null;
    }

    /// <summary>Runs something at the end of the first turn that ends at this time or later, in milliseconds of <see cref="Now"/>.</summary>
    public void At(long due, Action timer) => _timers.Enqueue(timer, due);

    /// <summary>Forgets a timer, the earliest with this action. Looks through all timers.</summary>
    /// <param name="timer">The action, as <see cref="At"/> was given it.</param>
    /// <returns>False when there is none, or it has run.</returns>
    public bool Cancel(Action timer) => _timers.Remove(timer, out _, out _);

    /// <summary>Runs something in the next turn. For any thread, once <see cref="AcceptPosts"/> was called. Once the loop is disposed of, it does nothing.</summary>
    public void Post(Action work) => _posted!.Post(work);

    /// <summary>Makes the descriptor by which <see cref="Post"/> ends the wait, unless there is one.</summary>
    public void AcceptPosts()
    {
        if (_posted is null)
            Add(new WakeUp(_posted = new()), Interest.Readable);
    }

    /// <summary>Reads the clock: a handler that took long has let time pass.</summary>
    public void UpdateClock() => Now = Environment.TickCount64;

    /// <inheritdoc/>
    public void Dispose()
    {
        multiplexer.Dispose();
        _posted?.Dispose();
    }

    private void Serve(int count)
    {
        UpdateClock();
        TurnBegan = Now;
        _isTurnOver = false;
        (_thisTurn, _nextTurn) = (_nextTurn, _thisTurn);

        // What is left out of a turn is reported again. The handlers that are ready come before those that go on, for they have waited longer.
        for (int i = 0; i < count && !_isTurnOver; i++)
        {
            if (Find(_ready[i].Descriptor) is { } handler)
                Apply(handler, handler.OnReady(_ready[i].Ready));
        }

        ServeTurns(_thisTurn);
        (_deferred, _served) = (_served, _deferred);
        ServeTurns(_served);
        while (_timers.TryPeek(out Action? timer, out long due) && due <= Now)
        {
            _timers.Dequeue();
            timer();
        }
    }

    private int Timeout(long until)
    {
        if (HasWork)
            return 0;
        if (_timers.TryPeek(out _, out long due))
            until = Math.Min(until, due);
        return until == long.MaxValue ? -1 : (int)Math.Clamp(until - Environment.TickCount64, 0, int.MaxValue);
    }

    private LoopHandler? Find(int descriptor) => (uint)descriptor < (uint)_handlers.Length ? _handlers[descriptor] : null;

    private static void GiveTurn(LoopHandler handler, List<LoopHandler> turns)
    {
        if (handler.HasTurn)
            return;
        handler.HasTurn = true;
        turns.Add(handler);
    }

    // When the turn is over, those that are left have theirs in the next.
    private void ServeTurns(List<LoopHandler> turns)
    {
        foreach (LoopHandler handler in turns)
        {
            handler.HasTurn = false;
            if (!IsWatched(handler))
                continue;
            if (_isTurnOver)
                GiveTurn(handler, _nextTurn);
            else
                Apply(handler, handler.OnTurn());
        }

        turns.Clear();
    }

    private sealed class WakeUp(PostedWork posted) : LoopHandler(posted.Descriptor)
    {
        public override Next OnReady(Interest ready)
        {
            posted.Run();
            return new(Interest.Readable);
        }
    }
}
