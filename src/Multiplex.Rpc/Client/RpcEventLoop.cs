using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// A thread that waits on epoll(7) for the sockets of clients: it receives the replies to asynchronous calls, so that these cost
/// no thread of the pool. One serves many clients. It starts with the first asynchronous call.
/// </summary>
public sealed class RpcEventLoop : IDisposable
{
    private const int EventsAtOnce = 128;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, Watched> _watched = [];   // by the descriptors of the channels' sockets and of their wake-ups
    private readonly List<Watched> _connections = [];
    private readonly int _epoll = epoll_create1(EPOLL_CLOEXEC).OrThrow("epoll_create1");
    private readonly int _stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");
    private readonly bool _isShared;
    private Thread? _thread;
    private bool _isStopped;

    /// <summary>A loop of its own, for clients that are not to share one with all others.</summary>
    public RpcEventLoop()
        : this(isShared: false)
    {
    }

    private RpcEventLoop(bool isShared)
    {
        _isShared = isShared;
        epoll_ctl(_epoll, EPOLL_CTL_ADD, _stop, EPOLLIN).OrThrow("epoll_ctl add");
    }

    /// <summary>The one that clients have when nothing else is said. It is never disposed of.</summary>
    public static RpcEventLoop Shared { get; } = new(isShared: true);

    /// <summary>Whether this runs on the loop's thread.</summary>
    internal bool IsCurrentThread => Thread.CurrentThread == _thread;

    /// <summary>Ends the thread. Dispose of the clients before.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isStopped || _isShared)
                return;
            _isStopped = true;
        }

        eventfd_write(_stop, 1);
        if (!IsCurrentThread)
            _thread?.Join();
        close(_epoll);
        close(_stop);
    }

    /// <summary>From now on drives this connection.</summary>
    internal void Attach(ClientConnection connection)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            Watched watched = new(connection);
            _watched.Add(connection.Driver.WakeDescriptor, watched);
            _connections.Add(watched);

            // Edge-triggered, so that the counter need not be read; it is not zero at first, so that the loop looks at once.
            epoll_ctl(_epoll, EPOLL_CTL_ADD, connection.Driver.WakeDescriptor, EPOLLIN | EPOLLET).OrThrow("epoll_ctl add");
            eventfd_write(connection.Driver.WakeDescriptor, 1);
            if (_thread is null)
            {
                _thread = new(Run) { IsBackground = true, Name = "multiplex RPC client" };
                _thread.Start();
            }
        }
    }

    private void Run()
    {
        epoll_events events = new(EventsAtOnce);
        List<Watched> late = [];
        while (true)
        {
            // EINTR counts as no event.
            long count = epoll_wait(_epoll, events, EventsAtOnce, NextTimeout()).Value;
            for (int i = 0; i < count; i++)
            {
                int descriptor = (int)events.DataOf(i);
                if (descriptor == _stop)
                    return;
                if (Find(descriptor) is { } watched)
                    Turn(watched, descriptor == watched.Socket ? events.EventsOf(i) : 0);
            }

            FindLate(late);
            foreach (Watched watched in late)
                Turn(watched, 0);
        }
    }

    private Watched? Find(int descriptor)
    {
        lock (_gate)
            return _watched.GetValueOrDefault(descriptor);
    }

    private int NextTimeout()
    {
        long due = long.MaxValue;
        lock (_gate)
        {
            foreach (Watched watched in _connections)
                due = Math.Min(due, watched.Due);
        }

        return due == long.MaxValue ? -1 : (int)Math.Clamp(due - Environment.TickCount64, 0, int.MaxValue);
    }

    private void FindLate(List<Watched> late)
    {
        long now = Environment.TickCount64;
        late.Clear();
        lock (_gate)
        {
            foreach (Watched watched in _connections)
            {
                if (watched.Due <= now)
                    late.Add(watched);
            }
        }
    }

    private void Turn(Watched watched, uint events)
    {
        const uint Trouble = EPOLLERR | EPOLLHUP;
        watched.Connection.Turn((events & (EPOLLIN | Trouble)) != 0, (events & (EPOLLOUT | Trouble)) != 0);
        if (!TryForget(watched))
            Watch(watched);
    }

    // Together with the connection's decision, so that it is not attached anew before it is forgotten.
    private bool TryForget(Watched watched)
    {
        lock (_gate)
        {
            if (watched.Connection.Driver.LoopGoesOn())
                return false;
            if (watched.Socket >= 0)
            {
                epoll_ctl(_epoll, EPOLL_CTL_DEL, watched.Socket, 0);
                _watched.Remove(watched.Socket);
            }

            epoll_ctl(_epoll, EPOLL_CTL_DEL, watched.Connection.Driver.WakeDescriptor, 0);
            _watched.Remove(watched.Connection.Driver.WakeDescriptor);
            _connections.Remove(watched);
        }

        watched.Connection.CloseIfDisposed();
        return true;
    }

    // Has epoll(7) wait for what the connection waits for: usually the same as before.
    private void Watch(Watched watched)
    {
        (int socket, short events, int timeout) = watched.Connection.BeforeWait();
        watched.Due = timeout < 0 ? long.MaxValue : Environment.TickCount64 + timeout;
        uint wanted = ((events & POLLIN) != 0 ? EPOLLIN : 0) | ((events & POLLOUT) != 0 ? EPOLLOUT : 0);
        if (socket == watched.Socket && watched.Generation == watched.Connection.Generation)
        {
            if (wanted != watched.Events && socket >= 0)
                epoll_ctl(_epoll, EPOLL_CTL_MOD, socket, wanted).OrThrow("epoll_ctl modify");
            watched.Events = wanted;
            return;
        }

        // The old one was closed by the connection, and so left the interest list by itself.
        lock (_gate)
        {
            if (watched.Socket >= 0 && _watched.GetValueOrDefault(watched.Socket) == watched)
                _watched.Remove(watched.Socket);
            if (socket >= 0)
                _watched[socket] = watched;
        }

        watched.Socket = socket;
        watched.Generation = watched.Connection.Generation;
        watched.Events = wanted;
        if (socket >= 0)
            epoll_ctl(_epoll, EPOLL_CTL_ADD, socket, wanted).OrThrow("epoll_ctl add");
    }

    /// <summary>A connection that the loop drives, and what epoll(7) waits for on its behalf.</summary>
    private sealed class Watched(ClientConnection connection)
    {
        public ClientConnection Connection => connection;

        public int Socket { get; set; } = -1;

        public int Generation { get; set; } = -1;

        public uint Events { get; set; }

        public long Due { get; set; } = long.MaxValue;
    }
}
