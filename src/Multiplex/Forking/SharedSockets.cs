using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>What a process took from shared sockets.</summary>
/// <param name="descriptor">See <see cref="Descriptor"/>.</param>
/// <param name="peer">See <see cref="Peer"/>.</param>
/// <param name="endpoint">See <see cref="Endpoint"/>.</param>
internal readonly struct Arrival(int descriptor, PeerAddress peer, DatagramEndpoint? endpoint)
{
    /// <summary>A connection; meaningless with an <see cref="Endpoint"/>.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The connection's peer.</summary>
    public PeerAddress Peer { get; } = peer;

    /// <summary>The endpoint that has received a datagram, which is to be answered next; null if a connection was accepted.</summary>
    public DatagramEndpoint? Endpoint { get; } = endpoint;
}

/// <summary>
/// Sockets that several processes take from: of listeners connections, of others datagrams, one at a time each. The kernel gives
/// each to one process and wakes no other: where there is one socket, that process waits in accept4(2) or recvmmsg(2) itself, and
/// where there are several, or another process has it too, in an epoll(7) of its own, with EPOLLEXCLUSIVE.
/// </summary>
internal sealed class SharedSockets : IDisposable
{
    private const int NotAgainAtOnceMilliseconds = 10;

    private readonly BoundSocket[] _sockets;
    private readonly Listener[] _listeners;   // the first of them
    private readonly DatagramEndpoint[] _datagrams;   // of the others
    private readonly Acceptor _acceptor;
    private readonly pollfd[] _set;
    private readonly bool _isOwnWait;   // in accept4(2) or recvmmsg(2)
    private readonly epoll_events _event = new(1);
    private int _epoll = -1;
    private long _until = long.MaxValue;
    private bool _areShut;
    private bool _listenersAreClosed;
    private int _next;   // so that no socket is passed over for ever

    /// <summary>To be made before the fork: sets up how all of the processes wait.</summary>
    public SharedSockets(Service service)
    {
        _listeners = [.. service.Listeners];
        _datagrams = [.. service.Datagrams.Select(socket => new InlineDatagramEndpoint(socket, service.Protocol, service.Options, service.Counters, service.Addresses, most: 1))];
        _acceptor = new(service.Counters, service.Options);
        _sockets = [.. service.Listeners, .. service.Datagrams];
        _set = [.. _sockets.Select(socket => new pollfd { fd = socket.Descriptor, events = POLLIN })];
        _isOwnWait = _sockets is [{ IsShared: false }];
        SetBlocking(_isOwnWait);
        if (_isOwnWait)
            setsockopt(_sockets[0].Descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval.Of(BlockingConnection.LookAgain)).OrThrow("setsockopt SO_RCVTIMEO");
    }

    /// <summary>Whether taking waits, in every process.</summary>
    public void SetBlocking(bool blocking)
    {
        foreach (BoundSocket socket in _sockets)
            socket.SetBlocking(blocking);
    }

    /// <summary>
    /// Waits for something to take, for a signal, for another process to get it first, or for the time to look whether a
    /// signal came just before the wait.
    /// </summary>
    public bool TryTake(out Arrival arrival)
    {
        if (_isOwnWait)
            return TryTake(0, waits: true, out arrival);
        int ready = Await();
        return ready < 0 ? TryTakeAny(out arrival) : TryTake(ready, waits: false, out arrival);
    }

    /// <summary>
    /// The server is stopping: connections are taken for as long as <see cref="Acceptor.LastCall"/> says, and all datagrams that have come; nothing of a
    /// socket that another server goes on with.
    /// </summary>
    public void LastCall()
    {
        _until = Environment.TickCount64 + Acceptor.LastCallMilliseconds;
        for (int i = 0; i < _sockets.Length; i++)
        {
            if (_sockets[i].IsKept)
                _set[i].fd = -1;   // poll(2) passes it over
        }
    }

    /// <summary>The server is stopping: no datagram is taken in any more, by any process; see <see cref="DatagramSocket.TakeNoMore"/>.</summary>
    public void TakeNoMoreDatagrams()
    {
        foreach (DatagramEndpoint endpoint in _datagrams)
            endpoint.BeginDrain();
    }

    /// <summary>Whether a connection or datagram is pending.</summary>
    public bool IsAnythingPending() => poll(IsLate ? _set.AsSpan(_listeners.Length) : _set, 0).Value > 0;

    /// <summary>No connection is accepted any more, by any process.</summary>
    public void CloseListeners()
    {
        if (_listenersAreClosed)
            return;
        _listenersAreClosed = true;
        foreach (Listener listener in _listeners)
        {
            listener.Shutdown();
            listener.Dispose();
        }
    }

    /// <summary>From now on no process accepts a connection.</summary>
    public void Shutdown()
    {
        if (_areShut)
            return;
        _areShut = true;
        CloseListeners();
        foreach (DatagramEndpoint endpoint in _datagrams)
            endpoint.Dispose();
    }

    /// <summary>Whether it is too late to accept connections.</summary>
    public bool IsLate => Environment.TickCount64 >= _until;

    /// <inheritdoc/>
    public void Dispose()
    {
        Shutdown();
        _acceptor.Dispose();
        if (_epoll >= 0)
            close(_epoll);
    }

    // In the process that waits, and one event at a time: the kernel would report a second one to no other process while this one serves
    // the first.
    private int Await()
    {
        if (_epoll < 0)
            Watch();
        if (epoll_wait(_epoll, _event, maxevents: 1, (int)BlockingConnection.LookAgain.TotalMilliseconds).Value <= 0)
            return -1;
        int socket = 0;
        while (_set[socket].fd != (int)_event.DataOf(0))
            socket++;
        return socket;
    }

    private void Watch()
    {
        _epoll = epoll_create1(EPOLL_CLOEXEC).OrThrow("epoll_create1");
        foreach (pollfd entry in _set)
            epoll_ctl(_epoll, EPOLL_CTL_ADD, entry.fd, EPOLLIN | EPOLLEXCLUSIVE).OrThrow("epoll_ctl");
    }

    /// <summary>Takes a connection or datagram that is pending, and does not wait.</summary>
    public bool TryTakeAny(out Arrival arrival)
    {
        arrival = default;
        for (int i = 0; i < _sockets.Length; i++)
        {
            int socket = (_next + i) % _sockets.Length;
            if (_set[socket].fd < 0 || (IsLate && socket < _listeners.Length) || !TryTake(socket, waits: false, out arrival))
                continue;
            _next = (socket + 1) % _sockets.Length;
            return true;
        }

        return false;
    }

    private bool TryTake(int socket, bool waits, out Arrival arrival)
    {
        int errno;
        if (socket < _listeners.Length)
        {
            bool accepted = _acceptor.TryAccept(_listeners[socket], connectionBlocks: true, out int descriptor, out PeerAddress peer);
            arrival = new(descriptor, peer, null);
            if (accepted)
                return true;
            errno = _acceptor.Errno;
        }
        else
        {
            DatagramEndpoint endpoint = _datagrams[socket - _listeners.Length];
            SyscallResult result = endpoint.Receive(waits);
            arrival = new(-1, default, endpoint);
            if (!result.IsError)
                return true;
            errno = result.Errno;
        }

        if (errno is not (EAGAIN or EINTR))
            poll([], NotAgainAtOnceMilliseconds);   // for whatever reason: a loop does not spin on it
        return false;
    }
}
