using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// One thread, one loop: wait until something is ready, do what can be done without waiting, wait again. All
/// connections, all listeners and the wish to stop are descriptors in one multiplexer.
/// </summary>
internal sealed class Reactor(Service service, IMultiplexer multiplexer) : IDisposable
{
    private const int ReadyAtOnce = 512;
    private const int LongCallMilliseconds = 50;   // after such a one a turn looks whether it is to stop
    private const int DrainTickMilliseconds = 20;
    private const int AcceptsAtOnce = 64;   // then the connections have their turn; what is left is reported again

    private readonly ReactorLoan _loan = new(service.Protocol, service.Options, service.Counters, new BatchLimit(service.Stop));
    private readonly Acceptor _acceptor = new(service.Counters);
    private readonly List<Listener> _knocking = [];
    private ReactorConnection?[] _connections = new ReactorConnection?[64];   // by descriptor
    private int _count;
    private int _stopRequests;
    private long _sweepDue = long.MaxValue;
    private long _drainDeadline = long.MaxValue;

    /// <summary>Serves until a stop is requested, drains, and closes everything.</summary>
    public void Run()
    {
        multiplexer.Add(service.Stop.Descriptor, Interest.Readable);
        foreach (Listener listener in service.Listeners)
            multiplexer.Add(listener.Descriptor, Interest.Readable);
        service.Ready();
        Readiness[] ready = new Readiness[ReadyAtOnce];
        while (_stopRequests == 0)
        {
            Turn(ready);
            Accept(AcceptsAtOnce);
            SweepIdle();
        }

        Drain(ready);
    }

    /// <summary>Closes everything: what is still open was cut off.</summary>
    public void Dispose()
    {
        foreach (ReactorConnection? connection in _connections)
        {
            if (connection is null)
                continue;
            service.Counters.Increment(Counter.CutOff);
            Close(connection);
        }

        foreach (Listener listener in service.Listeners)
            listener.Dispose();
        multiplexer.Dispose();
        _acceptor.Dispose();
    }

    // Connections first, accepts last: a descriptor that is closed in this batch is not reused within it.
    private void Turn(Readiness[] ready)
    {
        int timeout = _sweepDue == long.MaxValue ? -1 : (int)Math.Max(0, _sweepDue - Environment.TickCount64);
        int count = multiplexer.Wait(ready, timeout);
        _loan.Now = Environment.TickCount64;
        _knocking.Clear();
        int stopRequests = _stopRequests;
        foreach (Readiness event_ in ready.AsSpan(0, count))
        {
            // What is left out of a turn is reported again, or drained.
            if (_stopRequests != stopRequests || _loan.Now >= _drainDeadline)
                break;
            if (Find(event_.Descriptor) is { } connection)
                Serve(connection, event_.Ready);
            else if (event_.Descriptor == service.Stop.Descriptor)
                _stopRequests = service.Stop.Requests();
            else
                Knock(event_.Descriptor);
        }
    }

    // Apart from the loop, and without a lambda: its closure would be allocated for every event, and most are no knock.
    private void Knock(int fd)
    {
        foreach (Listener listener in service.Listeners)
        {
            if (listener.Descriptor == fd)
                _knocking.Add(listener);
        }
    }

    private ReactorConnection? Find(int fd) => (uint)fd < (uint)_connections.Length ? _connections[fd] : null;

    private void Serve(ReactorConnection connection, Interest ready)
    {
        bool alive = connection.OnReady(ready, _loan);
        LetTimePass(connection);
        Settle(connection, alive);
    }

    private void Settle(ReactorConnection connection, bool alive)
    {
        bool stopping = _drainDeadline != long.MaxValue;
        if (!alive || (connection.IsDone && (!stopping || Delivery.IsComplete(connection.Descriptor, connection.Kind))))
            Close(connection);
        else
            Watch(connection);
    }

    // A call may take seconds: whoever was answered after it, was answered now and not when the turn began.
    private void LetTimePass(ReactorConnection connection)
    {
        long now = Environment.TickCount64;
        if (connection.LastMoved == _loan.Now)
            connection.LastMoved = now;
        if ((_stopRequests == 0 && service.Stop.IsPending) || now - _loan.Now >= LongCallMilliseconds)
            _stopRequests = service.Stop.Requests();
        _loan.Now = now;
    }

    private void Watch(ReactorConnection connection)
    {
        Interest wanted = connection.Wanted(service.Options);
        if (wanted == connection.Watched)
            return;
        connection.Watched = wanted;
        multiplexer.Modify(connection.Descriptor, wanted);
    }

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
        if (_count >= service.Options.MaxConnections || fd >= multiplexer.DescriptorLimit)
        {
            service.Counters.Increment(Counter.Refused);   // before the client can see it
            close(fd);
            return;
        }

        if (fd >= _connections.Length)
            Array.Resize(ref _connections, Math.Max(fd + 1, 2 * _connections.Length));
        ReactorConnection connection = new(fd, peer) { LastMoved = _loan.Now };
        multiplexer.Add(fd, connection.Watched);
        _connections[fd] = connection;
        _count++;
        service.Counters.Increment(Counter.Accepted);
        if (_sweepDue == long.MaxValue && service.Options.IdleTimeout > TimeSpan.Zero)
            _sweepDue = _loan.Now + SweepInterval;
    }

    private void Close(ReactorConnection connection)
    {
        multiplexer.Remove(connection.Descriptor);
        _connections[connection.Descriptor] = null;
        _count--;
        connection.Release();
        close(connection.Descriptor);
        service.Counters.Increment(Counter.Closed);
    }

    private long SweepInterval => Math.Clamp((long)service.Options.IdleTimeout.TotalMilliseconds / 8, 50, 5000);

    private void SweepIdle()
    {
        if (_loan.Now < _sweepDue)
            return;
        service.Counters.Add(Counter.IdleTimeouts, CloseSilent(service.Options.IdleTimeout, _ => true));
        _sweepDue = _count > 0 ? _loan.Now + SweepInterval : long.MaxValue;
    }

    private int CloseSilent(TimeSpan limit, Func<ReactorConnection, bool> which)
    {
        int closed = 0;
        long before = _loan.Now - (long)limit.TotalMilliseconds;
        foreach (ReactorConnection? connection in _connections)
        {
            if (connection is not null && connection.LastMoved < before && which(connection))
            {
                Close(connection);
                closed++;
            }
        }

        return closed;
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
        _loan.Limit.Until = _drainDeadline;
        foreach (ReactorConnection? connection in _connections)
        {
            if (connection is null)
                continue;
            if (_loan.Now >= _drainDeadline)
                break;
            connection.LastMoved = _loan.Now;
            bool alive = connection.Drain(_loan);
            LetTimePass(connection);
            Settle(connection, alive);
        }

        while (_count > 0 && _stopRequests < 2 && _loan.Now < _drainDeadline)
        {
            _sweepDue = Math.Min(_drainDeadline, Environment.TickCount64 + DrainTickMilliseconds);
            Turn(ready);
            foreach (ReactorConnection? connection in _connections)
            {
                if (connection is { IsDone: true })
                    Settle(connection, alive: true);
            }

            service.Counters.Add(
                Counter.CutOff, CloseSilent(service.Options.DrainStall, connection => connection.Owed > 0 || connection.IsDone));
        }
    }
}
