using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// One thread, one loop: wait until something is ready, do what can be done without waiting, wait again. All
/// connections, all listeners, all datagram sockets and the wish to stop are descriptors in one multiplexer.
/// </summary>
/// <param name="service">What to serve.</param>
/// <param name="multiplexer">How to wait. The reactor disposes of it.</param>
/// <param name="crew">Threads that run the procedures; null for this one to run them itself.</param>
internal sealed class Reactor(Service service, IMultiplexer multiplexer, CallCrew? crew = null) : IDisposable
{
    private const int ReadyAtOnce = 512;
    private const int LongCallMilliseconds = 50;   // after such a one a turn looks whether it is to stop
    private const int DrainTickMilliseconds = 20;
    private const int AcceptsAtOnce = 64;   // then the connections have their turn; what is left is reported again
    private const int DatagramsAmongConnections = 8;   // of one socket in a turn: a flood of them is no reason for others to wait

    private readonly LoopContext _loan = new(service.Protocol, service.Options, service.Counters);
    private readonly ReactorConnections _connections = new(service, multiplexer);
    private readonly Acceptor _acceptor = new(service.Counters);
    private readonly List<Listener> _knocking = [];
    private readonly DatagramPort[] _ports = [.. service.Datagrams.Select(socket => Port(service, socket, crew))];
    private List<ReactorConnection> _goingOn = [];   // in the next turn
    private List<ReactorConnection> _thisTurn = [];
    private int _stopRequests;
    private long _turnBegan;
    private long _sweepDue = long.MaxValue;
    private long _drainDeadline = long.MaxValue;

    /// <summary>Serves until a stop is requested, drains, and closes everything.</summary>
    public void Run()
    {
        multiplexer.Add(service.Stop.Descriptor, Interest.Readable);
        if (crew is not null)
            multiplexer.Add(crew.Descriptor, Interest.Readable);
        foreach (Listener listener in service.Listeners)
            multiplexer.Add(listener.Descriptor, Interest.Readable);
        foreach (DatagramPort port in _ports)
            multiplexer.Add(port.Descriptor, Interest.Readable);
        service.Ready();
        Readiness[] ready = new Readiness[ReadyAtOnce];
        while (_stopRequests == 0)
        {
            Turn(ready);
            _connections.CloseLargest();
            Accept(AcceptsAtOnce);
            SweepIdle();
        }

        service.Stopping();
        Drain(ready);
    }

    /// <summary>Closes everything: what is still open was cut off.</summary>
    public void Dispose()
    {
        foreach (ReactorConnection connection in _connections)
        {
            service.Counters.Increment(Counter.CutOff);
            _connections.Close(connection);
        }

        foreach (Listener listener in service.Listeners)
            listener.Dispose();
        foreach (DatagramPort port in _ports)
            port.Dispose();
        multiplexer.Dispose();
        _acceptor.Dispose();
    }

    // Connections first, those that are ready before those that have had their share of the turn before; then datagrams, and accepts last: a
    // descriptor that is closed in this batch is not reused within it.
    private void Turn(Readiness[] ready)
    {
        int timeout = HasWork() ? 0 : _sweepDue == long.MaxValue ? -1 : (int)Math.Max(0, _sweepDue - Environment.TickCount64);
        int count = multiplexer.Wait(ready, timeout);
        _turnBegan = _loan.Now = Environment.TickCount64;
        _knocking.Clear();
        (_goingOn, _thisTurn) = (_thisTurn, _goingOn);
        int stopRequests = _stopRequests;
        foreach (Readiness event_ in ready.AsSpan(0, count))
        {
            // What is left out of a turn is reported again, or drained.
            if (IsOver(stopRequests))
                break;
            if (_connections.Find(event_.Descriptor) is { } connection)
                Serve(connection, event_.Ready);
            else if (event_.Descriptor == service.Stop.Descriptor)
                _stopRequests = service.Stop.Requests();
            else if (event_.Descriptor == crew?.Descriptor)
                TakeReplies(crew);
            else
                Knock(event_.Descriptor);
        }

        GoOn(stopRequests);
        ServeDatagrams(stopRequests);
    }

    private bool IsOver(int stopRequests) =>
        _stopRequests != stopRequests || _loan.Now >= _drainDeadline || _connections.OwnTooMuch;

    private bool HasWork()
    {
        foreach (DatagramPort port in _ports)
        {
            if (port.HasWork)
                return true;
        }

        return _goingOn.Count > 0;
    }

    // Each connection has its share of a turn once, or, when the turn is over, of the next.
    private void GoOn(int stopRequests)
    {
        foreach (ReactorConnection connection in _thisTurn)
        {
            connection.IsListed = false;
            if (_connections.Find(connection.Descriptor) != connection)
                continue;
            bool alive = IsOver(stopRequests) || !connection.GoesOn(service.Options) || connection.GoOn(_loan);
            LetTimePass(connection);
            Settle(connection, alive);
        }

        _thisTurn.Clear();
    }

    private void ServeDatagrams(int stopRequests)
    {
        foreach (DatagramPort port in _ports)
        {
            if (!port.HasWork || IsOver(stopRequests))
                continue;
            port.Serve(_connections.Count > 0 ? DatagramsAmongConnections : int.MaxValue);
            Watch(port);
            LetTimePass();
        }
    }

    // Apart from the loop, and without a lambda: its closure would be allocated for every event, and most are no knock.
    private void Knock(int fd)
    {
        foreach (DatagramPort port in _ports)
            port.IsReady |= port.Descriptor == fd;

        foreach (Listener listener in service.Listeners)
        {
            if (listener.Descriptor == fd)
                _knocking.Add(listener);
        }
    }

    private void Serve(ReactorConnection connection, Interest ready)
    {
        bool alive = connection.OnReady(ready, _loan);
        LetTimePass(connection);
        Settle(connection, alive);
    }

    private void TakeReplies(CallCrew threads)
    {
        foreach (HandedConnection connection in threads.TakeReplies(_loan))
            Settle(connection, connection.SendReplies(_loan));
        foreach (DatagramPort port in _ports)
            Watch(port);
    }

    // Backpressure: what there is no room for stays with the kernel. While the server stops, ports are not watched any more.
    private void Watch(DatagramPort port)
    {
        bool isPaused = port.Room <= 0;
        if (isPaused == port.IsPaused || _drainDeadline != long.MaxValue)
            return;
        port.IsPaused = isPaused;
        multiplexer.Modify(port.Descriptor, isPaused ? Interest.None : Interest.Readable);
    }

    private void Settle(ReactorConnection connection, bool alive)
    {
        if (!alive || (connection.IsDone && (_drainDeadline == long.MaxValue || IsDelivered(connection))))
        {
            _connections.Close(connection);
            return;
        }

        _connections.Watch(connection);
        if (connection.IsListed || !connection.GoesOn(service.Options))
            return;
        connection.IsListed = true;
        _goingOn.Add(connection);
    }

    // What the peer acknowledges has moved, as what it takes.
    private bool IsDelivered(ReactorConnection connection)
    {
        int outstanding = TcpDrain.Outstanding(connection.Descriptor, connection.Kind);
        if (outstanding < connection.Outstanding)
            (connection.Outstanding, connection.LastMoved) = (outstanding, _loan.Now);
        return outstanding == 0;
    }

    // A call may take seconds: whoever was answered after it, was answered now and not when the turn began.
    private void LetTimePass(ReactorConnection? connection = null)
    {
        long now = Environment.TickCount64;
        if (connection?.LastMoved == _loan.Now)
            connection.LastMoved = now;
        if ((_stopRequests == 0 && service.Stop.IsPending) || now - _loan.Now >= LongCallMilliseconds)
            _stopRequests = service.Stop.Requests();
        _loan.Now = now;
    }

    private static DatagramPort Port(Service service, DatagramSocket socket, CallCrew? crew) =>
        crew is null
            ? new AnsweringPort(socket, service.Protocol, service.Counters)
            : new HandedPort(socket, crew, service.Options, service.Counters);

    private void Accept(int atMost)
    {
        foreach (Listener listener in _knocking)
        {
            for (int i = 0; i < atMost && _acceptor.TryAccept(listener, blocking: false, out int fd, out PeerAddress peer); i++)
                Admit(fd, peer);
        }
    }

    private void Admit(int fd, PeerAddress peer)
    {
        if (!_connections.TryCount(fd))
        {
            service.Counters.Increment(Counter.Refused);   // before the client can see it
            close(fd);
            return;
        }

        ReactorConnection connection =
            crew is not null ? new HandedConnection(fd, peer, crew)
            : peer.Peer.Kind.IsStream() ? new StreamConnection(fd, peer)
            : new PacketConnection(fd, peer);
        connection.LastMoved = _loan.Now;
        _connections.Add(connection);
        if (_sweepDue == long.MaxValue && IdleSweep.IsNeeded(service.Options))
            _sweepDue = _loan.Now + IdleSweep.Interval(service.Options);
    }

    private void SweepIdle()
    {
        if (_loan.Now < _sweepDue)
            return;
        ServerOptions options = service.Options;
        if (options.IdleTimeout > TimeSpan.Zero)
            service.Counters.Add(Counter.IdleTimeouts, _connections.CloseSilent(_loan.Now, options.IdleTimeout));

        // As of when the turn began: what has arrived while a long call ran is read in the next.
        if (options.RequestTimeout > TimeSpan.Zero)
            service.Counters.Add(Counter.RequestTimeouts, _connections.CloseLate(_turnBegan, options.RequestTimeout));
        _sweepDue = _connections.Count > 0 ? _loan.Now + IdleSweep.Interval(options) : long.MaxValue;
    }

    // Whoever connected before the stop is taken in; then each call that has arrived whole is answered.
    private void Drain(Readiness[] ready)
    {
        _knocking.Clear();
        _knocking.AddRange(service.Listeners);
        _acceptor.LastCall();
        Accept(int.MaxValue);
        foreach (Listener listener in service.Listeners)
        {
            multiplexer.Remove(listener.Descriptor);
            listener.Dispose();
        }

        _loan.Now = Environment.TickCount64;
        _drainDeadline = _loan.Now + (long)service.Options.DrainTime.TotalMilliseconds;
        foreach (DatagramPort port in _ports)
        {
            multiplexer.Remove(port.Descriptor);
            port.BeginDrain();
        }

        foreach (ReactorConnection connection in _connections)
        {
            if (_loan.Now >= _drainDeadline)
                break;
            connection.LastMoved = _loan.Now;
            bool alive = connection.Drain(_loan);
            LetTimePass(connection);
            Settle(connection, alive);
        }

        while ((_connections.Count > 0 || crew?.IsBusy == true || HasWork()) && _stopRequests < 2 && _loan.Now < _drainDeadline)
        {
            // As of when the turn began: a peer may have taken what was sent while a long call ran.
            _sweepDue = Math.Min(_drainDeadline, Environment.TickCount64 + DrainTickMilliseconds);
            Turn(ready);
            _connections.CloseLargest();
            foreach (ReactorConnection connection in _connections)
            {
                if (connection.IsDone)
                    Settle(connection, alive: true);
            }

            service.Counters.Add(
                Counter.CutOff, _connections.CloseSilent(_turnBegan, service.Options.DrainStall, onlyOwing: true));
        }
    }
}
