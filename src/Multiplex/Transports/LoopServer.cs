using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A service on an event loop: its listeners, datagram sockets, connections and its stop are handlers of the loop. It accepts, keeps to the
/// limits, and drains.
/// </summary>
/// <param name="service">What to serve.</param>
/// <param name="loop">The loop.</param>
/// <param name="workers">Threads that run the procedures; null for the loop's own thread to run them.</param>
internal sealed class LoopServer(Service service, EventLoop loop, WorkerPool? workers = null) : IDisposable
{
    /// <summary>After a call that took this long, a turn checks whether the server is to stop.</summary>
    public const int LongCallMilliseconds = 50;

    /// <summary>How long a turn of a drain waits at most.</summary>
    public const int DrainTickMilliseconds = 20;

    private const int AcceptsAtOnce = 64;   // then the connections have their turn; what is left is reported again

    private readonly Acceptor _acceptor = new(service.Counters, service.Options);
    private readonly List<ListenerHandler> _listeners = [];
    private readonly List<DatagramHandler> _datagrams = [];
    private readonly MemoryLimit _memory = new(service);
    private readonly Heartbeat _heartbeat = new(service);
    private readonly PriorityQueue<Connection, long> _held = new();
    private Action? _resume;
    private int _stopRequests;
    private bool _isSweepDue;
    private long _drainDeadline = long.MaxValue;
    private long _firstRequestUntil;

    /// <summary>The loop.</summary>
    public EventLoop Loop => loop;

    /// <summary>What the sessions share.</summary>
    public LoopContext Context { get; } = new(service, loop.Post, workers);

    /// <summary>How many connections are open.</summary>
    public int Connections { get; private set; }

    /// <summary>Whether the server is stopping.</summary>
    public bool IsDraining => _drainDeadline != long.MaxValue;

    /// <summary>Serves until a stop is requested, and drains.</summary>
    public void Run()
    {
        loop.Add(new StopHandler(service.Stop, this), Interest.Readable);
        loop.AcceptPosts();
        foreach (Listener listener in service.Listeners)
            _listeners.Add(new(listener, this));
        foreach (DatagramSocket socket in service.Datagrams)
            _datagrams.Add(new(socket, this));
        foreach (LoopHandler handler in (IEnumerable<LoopHandler>)[.. _listeners, .. _datagrams])
            loop.Add(handler, Interest.Readable);
        service.Ready();
        while (_stopRequests == 0)
        {
            loop.Turn(_heartbeat.Due);
            _heartbeat.Beat();
            CloseLargest();
        }

        service.BeginStop();
        Drain();
    }

    /// <summary>Closes everything: what is still open was cut off.</summary>
    public void Dispose()
    {
        foreach (LoopHandler? handler in loop.Handlers)
        {
            if (handler is Connection)
                loop.Close(handler, CloseReason.CutOff);
        }

        foreach (DatagramHandler datagrams in _datagrams)
            datagrams.Dispose();
        service.CloseSockets();
        _acceptor.Dispose();
    }

    /// <summary>Accepts the connections that are pending, and serves those for which there is room.</summary>
    public void AcceptPending(Listener listener, int atMost = AcceptsAtOnce)
    {
        for (int i = 0; i < atMost && _acceptor.TryAccept(listener, connectionBlocks: false, out int descriptor, out PeerAddress peer); i++)
        {
            if (descriptor >= loop.DescriptorLimit || !service.Counters.TryCountAccepted(service.Options.MaxConnections, out _))
            {
                service.Counters.Increment(Counter.Refused);   // before the client can see it
                close(descriptor);
                continue;
            }

            Connection connection = new(descriptor, peer, this);
            loop.Add(connection, Interest.Readable);
            Connections++;
            if (connection.Session.Closed is { } reason)
                loop.Close(connection, reason);
            if (!_isSweepDue)
                ScheduleSweep();
        }
    }

    /// <summary>A connection was closed.</summary>
    public void OnConnectionClosed() => Connections--;

    /// <summary>
    /// A handler has run, in which a call may have taken seconds: reads the clock, for what it sent was sent now and not when the turn began, and ends the
    /// turn if a stop was requested meanwhile.
    /// </summary>
    public void OnHandled(Session? session = null)
    {
        long before = loop.Now;
        loop.UpdateClock();
        if (session?.LastMoved == before)
            session.LastMoved = loop.Now;
        if ((_stopRequests == 0 && service.Stop.IsPending) || loop.Now - before >= LongCallMilliseconds)
            OnStopRequested();
        if (loop.Now >= _drainDeadline)
            loop.EndTurn();
    }

    /// <summary>A connection owns so many bytes of memory now.</summary>
    public void CountMemory(Connection connection, long bytes)
    {
        _memory.Count(ref connection.CountedMemory, bytes);
        if (_memory.IsExceeded)
            loop.EndTurn();
    }

    /// <summary>Has a connection go on when its client may make calls again: <see cref="Session.HeldFor"/>.</summary>
    public void Hold(Connection connection)
    {
        long due = loop.Now + connection.Session.HeldFor;
        _held.Enqueue(connection, due);
        loop.At(due, _resume ??= ResumeHeld);
    }

    private void ResumeHeld()
    {
        while (_held.TryPeek(out Connection? connection, out long due) && due <= loop.Now)
        {
            _held.Dequeue();
            connection.Resume();
        }
    }

    private void OnStopRequested()
    {
        int before = _stopRequests;
        _stopRequests = service.Stop.Requests();
        if (_stopRequests != before)
            loop.EndTurn();
    }

    // Closes the connections that own most until all together own no more than they may.
    private void CloseLargest()
    {
        while (_memory.IsExceeded)
        {
            Connection? largest = null;
            foreach (LoopHandler? handler in loop.Handlers)
            {
                if (handler is Connection connection && connection.CountedMemory > (largest?.CountedMemory ?? -1))
                    largest = connection;
            }

            loop.Close(largest!, CloseReason.MemoryLimit);
        }
    }

    private void ScheduleSweep()
    {
        if (!IdleSweep.IsNeeded(service.Options))
            return;
        _isSweepDue = true;
        loop.At(loop.Now + IdleSweep.Interval(service.Options), Sweep);
    }

    private void Sweep()
    {
        _isSweepDue = false;
        if (IsDraining)
            return;
        ForEachConnection(static connection => connection.CloseIfSilent());
        service.Rest();
        if (Service.MayRest(hasConnections: Connections > 0))
            ScheduleSweep();
    }

    // A client that connected before the stop is accepted, unless another server goes on with the queue; then each request that has arrived whole is
    // answered.
    private void Drain()
    {
        _acceptor.LastCall();
        foreach (ListenerHandler listener in _listeners)
        {
            if (!listener.Listener.IsKept)
                AcceptPending(listener.Listener, int.MaxValue);
            loop.Close(listener, CloseReason.Finished);
        }

        loop.UpdateClock();
        _drainDeadline = loop.Now + (long)service.Options.DrainTime.TotalMilliseconds;
        _firstRequestUntil = loop.Now + (long)service.FirstRequestTime.TotalMilliseconds;
        foreach (DatagramHandler datagrams in _datagrams)
            datagrams.BeginDrain();
        ForEachConnection(BeginDrain);
        while (IsBusy && _stopRequests < 2 && loop.Now < _drainDeadline)
            DrainTurn();

        // Cancelled calls have a moment to end, and their replies to be sent.
        if (service.Counters[Counter.CallsInFlight] == 0)
            return;
        ForEachConnection(static connection => connection.Session.CancelLate(hasEnded: false));
        _datagrams.ForEach(datagrams => datagrams.CancelLate());
        _drainDeadline = loop.Now + LateReply.AfterCancelMilliseconds;
        while ((Context.Late!.InFlight > 0 || workers?.IsBusy == true) && loop.Now < _drainDeadline)
            DrainTurn();
        ForEachConnection(static connection => connection.CloseIfDelivered());
    }

    private bool IsBusy => Connections > 0 || workers?.IsBusy == true || loop.HasWork || _datagrams.Exists(datagrams => datagrams.IsBusy);

    private void DrainTurn()
    {
        loop.Turn(until: Math.Min(_drainDeadline, Environment.TickCount64 + DrainTickMilliseconds));
        CloseLargest();
        ForEachConnection(BeginDrain);
        ForEachConnection(static connection => connection.CloseIfDelivered());
    }

    private void BeginDrain(Connection connection)
    {
        if (!connection.Session.IsDraining && !(connection.Session.IsUntouched && loop.Now < _firstRequestUntil))
            connection.BeginDrain();
    }

    private void ForEachConnection(Action<Connection> action)
    {
        foreach (LoopHandler? handler in loop.Handlers)
        {
            if (handler is Connection connection)
                action(connection);
        }
    }

    private sealed class StopHandler(StopSignal stop, LoopServer server) : LoopHandler(stop.Descriptor)
    {
        public override Next OnReady(Interest ready)
        {
            server.OnStopRequested();
            return new(Interest.Readable);
        }
    }

    // Accepts at the end of the turn: a descriptor that is closed in a turn is not used again within it.
    private sealed class ListenerHandler(Listener listener, LoopServer server) : LoopHandler(listener.Descriptor)
    {
        public Listener Listener => listener;

        public override Next OnReady(Interest ready)
        {
            server.Loop.Defer(this);
            return new(Watched);
        }

        public override Next OnTurn()
        {
            server.AcceptPending(listener);
            return new(Watched);
        }

        public override void OnClosed(CloseReason reason) => listener.Dispose();
    }
}
