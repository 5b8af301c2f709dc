using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Multiplexers;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>
/// The connections of one client thread: makes them without waiting, no faster than it is told to, makes anew those that end, and
/// says which are ready.
/// </summary>
internal sealed class ConnectionSet(LoadOptions options, byte[] address, int threads) : IDisposable
{
    private const long Millisecond = 1_000_000;
    private const long RetryAfter = Millisecond;
    private const long Coarse = 10 * Millisecond;

    private readonly EpollMultiplexer _multiplexer = new();
    private readonly List<LoadConnection> _all = [];
    private readonly Queue<LoadConnection> _toOpen = new();
    private readonly Queue<LoadConnection> _broken = new();
    private readonly long _timeout = LoadContext.Nanoseconds(options.Timeout);
    private readonly long _distance = options.ConnectRate > 0 ? (long)(threads * 1e9 / options.ConnectRate) : 0;
    private readonly Readiness[] _ready = new Readiness[512];
    private LoadConnection?[] _byDescriptor = [];
    private long _nextOpening;
    private bool _started;

    /// <summary>When <see cref="OpenWhatIsDue"/> has something to do.</summary>
    public long NextOpening => _toOpen.Count > 0 ? _nextOpening : long.MaxValue;

    /// <summary>Whether requests are under way that count.</summary>
    public bool IsAwaiting => _all.Exists(connection => connection is BusyConnection { IsMeasured: true, IsAwaiting: true });

    /// <summary>The connections whose requests count.</summary>
    public IEnumerable<BusyConnection> Measured => _all.OfType<BusyConnection>().Where(connection => connection.IsMeasured);

    /// <summary>A connection to be made.</summary>
    public void Add(LoadConnection connection)
    {
        _all.Add(connection);
        _toOpen.Enqueue(connection);
    }

    /// <summary>Makes all connections, before any request is sent.</summary>
    /// <exception cref="SyscallException">One could not be made.</exception>
    public void ConnectAll(CancellationToken cancelled)
    {
        while (!cancelled.IsCancellationRequested && (_toOpen.Count > 0 || _all.Exists(connection => connection.ConnectingSince != 0)))
        {
            long now = Stopwatch.GetTimestamp();
            OpenWhatIsDue(now);
            GiveUpConnecting(now);
            Wait(Math.Clamp(NextOpening - Stopwatch.GetTimestamp(), 0, 10_000_000));
        }
    }

    /// <summary>The load begins.</summary>
    public void Start()
    {
        _started = true;
        foreach (LoadConnection connection in _all.Where(connection => connection is { Descriptor: >= 0, ConnectingSince: 0 }))
            Settle(connection, connection.Start(Stopwatch.GetTimestamp()));
    }

    /// <summary>Measuring begins.</summary>
    public void BeginMeasuring()
    {
        foreach (BusyConnection connection in Measured)
            connection.BeginMeasuring();
    }

    /// <summary>Waits for what is ready, and has it served.</summary>
    /// <param name="nanoseconds">For how long at most; 0 does not wait.</param>
    /// <returns>How many were ready.</returns>
    public int Wait(long nanoseconds)
    {
        // A long wait may end early: whoever waits for a moment comes back for the rest. epoll_wait(2) is the cheaper call.
        int count = nanoseconds >= Coarse
            ? _multiplexer.Wait(_ready, (int)(nanoseconds / Millisecond))
            : _multiplexer.WaitPrecisely(_ready, nanoseconds);
        foreach (Readiness event_ in _ready.AsSpan(0, count))
        {
            if (_byDescriptor[event_.Descriptor] is not { } connection)
                continue;
            if (connection.ConnectingSince != 0)
                Connected(connection, Connector.Finish(options.Server, connection.Descriptor));
            else
                Settle(connection, connection.Serve(event_.Ready));
        }

        return count;
    }

    /// <summary>Goes on with a connection, or makes it anew, and watches for what it wants.</summary>
    public void Settle(LoadConnection connection, ConnectionState state)
    {
        if (state != ConnectionState.Open)
        {
            Close(connection);
            if (state == ConnectionState.Broken)
                _broken.Enqueue(connection);
            else
                _toOpen.Enqueue(connection);
            if (state == ConnectionState.Spent)
                OpenWhatIsDue(Stopwatch.GetTimestamp());
        }
        else
        {
            Watch(connection, connection.Wanted);
        }
    }

    /// <summary>Begins to make the connections that are to be made by now.</summary>
    public void OpenWhatIsDue(long now)
    {
        for (int i = _toOpen.Count; i > 0 && _nextOpening <= now; i--)
        {
            if (_distance > 0)
                _nextOpening = Math.Max(_nextOpening + _distance, now - _distance);
            Open(_toOpen.Dequeue());
        }
    }

    /// <summary>Looks after all connections now and then.</summary>
    public void Tick(long now)
    {
        GiveUpConnecting(now);
        foreach (LoadConnection connection in _all)
        {
            if (connection is { Descriptor: >= 0, ConnectingSince: 0 })
                Settle(connection, connection.Tick(now));
        }

        while (_broken.TryDequeue(out LoadConnection? connection))
            _toOpen.Enqueue(connection);
        OpenWhatIsDue(now);
    }

    /// <summary>Closes what is open.</summary>
    public void Dispose()
    {
        foreach (LoadConnection connection in _all.Where(connection => connection.Descriptor >= 0))
            connection.Close();
        _multiplexer.Dispose();
    }

    private void Open(LoadConnection connection)
    {
        long now = Stopwatch.GetTimestamp();
        if (connection.ConnectingSince == 0)
            connection.ConnectingSince = now;
        SyscallResult result = Connector.Begin(options.Server, address, out int fd);
        if (result.Is(EINPROGRESS))
            result = Connector.Finish(options.Server, fd);   // over the loopback interface it is done at once
        if (result.IsError && !result.Is(EINPROGRESS))
        {
            if (fd >= 0)
                close(fd);
            if (result.Is(EAGAIN) && now - connection.ConnectingSince < _timeout)
            {
                // unix(7): the server's queue is full, which only shows by asking again.
                _nextOpening = now + RetryAfter;
                _toOpen.Enqueue(connection);
                return;
            }

            Failed(connection, result);
            return;
        }

        bool connected = !result.IsError;
        connection.Open(fd);
        if (fd >= _byDescriptor.Length)
            Array.Resize(ref _byDescriptor, Math.Max(fd + 1, 2 * _byDescriptor.Length));
        _byDescriptor[fd] = connection;
        connection.Watched = connected ? connection.Wanted : Interest.Readable | Interest.Writable;
        _multiplexer.Add(fd, connection.Watched);
        if (connected)
            Connected(connection, default);
    }

    private void Connected(LoadConnection connection, SyscallResult outcome)
    {
        if (outcome.Is(EINPROGRESS))
            return;
        if (outcome.IsError)
        {
            Close(connection);
            Failed(connection, outcome);
            return;
        }

        long now = Stopwatch.GetTimestamp();
        connection.Context.Recorder.Connects.Record(now - connection.ConnectingSince);
        connection.ConnectingSince = 0;
        Settle(connection, _started ? connection.Start(now) : ConnectionState.Open);
    }

    // The load is not worth beginning when a first connection fails; later it is tried again at the next tick.
    private void Failed(LoadConnection connection, SyscallResult result)
    {
        if (!_started)
            throw AddressProblem.Of("connect", result.Errno, options.Server);
        LoadErrors errors = connection.Context.Recorder.Errors;
        errors.ConnectFailures++;
        if (result.Is(ECONNREFUSED))
            errors.ConnectsRefused++;
        if (result.Is(EADDRNOTAVAIL))
            errors.NoLocalPort++;
        connection.ConnectingSince = 0;
        _broken.Enqueue(connection);
    }

    private void GiveUpConnecting(long now)
    {
        foreach (LoadConnection connection in _all)
        {
            if (connection.Descriptor >= 0 && connection.ConnectingSince != 0 && now - connection.ConnectingSince > _timeout)
                Connected(connection, SyscallResult.Failed(ETIMEDOUT));
        }
    }

    private void Close(LoadConnection connection)
    {
        _multiplexer.Remove(connection.Descriptor);
        _byDescriptor[connection.Descriptor] = null;
        connection.Close();
    }

    private void Watch(LoadConnection connection, Interest wanted)
    {
        if (wanted == connection.Watched)
            return;
        connection.Watched = wanted;
        _multiplexer.Modify(connection.Descriptor, wanted);
    }
}
