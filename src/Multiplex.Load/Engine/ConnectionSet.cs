using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>The connections of one client thread. It makes them without blocking, no faster than the options say, and replaces those that end.</summary>
/// <param name="loop">The thread's event loop.</param>
/// <param name="options">The load.</param>
/// <param name="address">The server's address.</param>
/// <param name="threads">The number of client threads.</param>
internal sealed class ConnectionSet(EventLoop loop, LoadOptions options, byte[] address, int threads)
{
    private const long RetryAfter = 1_000_000;    // nanoseconds
    private const long LongestWait = 10_000_000;

    private readonly List<LoadConnection> _all = [];
    private readonly Queue<LoadConnection> _toOpen = new();
    private readonly Queue<LoadConnection> _broken = new();
    private readonly long _timeout = LoadContext.Nanoseconds(options.Timeout);
    private readonly long _distance = options.ConnectRate > 0 ? (long)(threads * 1e9 / options.ConnectRate) : 0;
    private long _nextOpening;
    private bool _isStarted;

    /// <summary>When <see cref="OpenDue"/> is next to be called.</summary>
    public long NextOpening => _toOpen.Count > 0 ? _nextOpening : long.MaxValue;

    /// <summary>Whether measured requests are in flight.</summary>
    public bool IsAwaiting => _all.Exists(connection => connection is BusyConnection { IsMeasured: true, IsAwaiting: true });

    /// <summary>The connections whose requests are measured.</summary>
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
            OpenDue(now);
            GiveUpConnecting(now);
            loop.TurnWithin(Math.Min(NextOpening - Stopwatch.GetTimestamp(), LongestWait));
        }
    }

    /// <summary>The load begins.</summary>
    public void Start()
    {
        _isStarted = true;
        foreach (LoadConnection connection in _all.Where(connection => connection.IsConnected))
            loop.Apply(connection, connection.After(connection.Start(Stopwatch.GetTimestamp())));
    }

    /// <summary>Begins to make the connections that are due.</summary>
    public void OpenDue(long now)
    {
        for (int i = _toOpen.Count; i > 0 && _nextOpening <= now; i--)
        {
            if (_distance > 0)
                _nextOpening = Math.Max(_nextOpening + _distance, now - _distance);
            Open(_toOpen.Dequeue());
        }
    }

    /// <summary>Called at each tick: checks all connections for timeouts.</summary>
    public void Tick(long now)
    {
        GiveUpConnecting(now);
        foreach (LoadConnection connection in _all)
        {
            if (connection.IsConnected)
                loop.Apply(connection, connection.After(connection.Tick(now)));
        }

        while (_broken.TryDequeue(out LoadConnection? connection))
            _toOpen.Enqueue(connection);
        OpenDue(now);
    }

    /// <summary>Closes what is open.</summary>
    public void Close()
    {
        foreach (LoadConnection connection in _all.Where(connection => connection.Descriptor >= 0))
            connection.Close();
    }

    /// <summary>The outcome of a connect(2) in progress.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="outcome">An errno; EINPROGRESS while it is not decided.</param>
    public Next OnConnected(LoadConnection connection, SyscallResult outcome)
    {
        outcome = connection.Secure(outcome);
        if (outcome.Is(EINPROGRESS))
            return new(connection.WantedToConnect);
        if (outcome.IsError)
        {
            CountFailure(connection, outcome);
            return Next.Closing(CloseReason.Broken);
        }

        long now = Stopwatch.GetTimestamp();
        connection.Context.Recorder.Connects.Record(now - connection.ConnectingSince);
        connection.ConnectingSince = 0;
        return connection.After(!_isStarted || connection.Start(now));
    }

    /// <summary>A connection was closed. It is made anew: at once if it has made its calls, otherwise at the next tick.</summary>
    public void OnClosed(LoadConnection connection, CloseReason reason)
    {
        if (reason != CloseReason.Finished)
        {
            _broken.Enqueue(connection);
            return;
        }

        _toOpen.Enqueue(connection);
        OpenDue(Stopwatch.GetTimestamp());
    }

    private void Open(LoadConnection connection)
    {
        long now = Stopwatch.GetTimestamp();
        if (connection.ConnectingSince == 0)
            connection.ConnectingSince = now;
        SyscallResult result = Connector.Begin(options.Server, address, out int descriptor);
        if (result.Is(EINPROGRESS))
            result = Connector.Finish(options.Server, descriptor);   // over the loopback interface it is done at once
        if (!result.IsError || result.Is(EINPROGRESS))
        {
            connection.Open(descriptor);
            loop.Add(connection, result.IsError || options.Tls is not null ? connection.WantedToConnect : connection.Wanted);
            loop.Apply(connection, OnConnected(connection, result));
            return;
        }

        if (descriptor >= 0)
            close(descriptor);
        if (result.Is(EAGAIN) && now - connection.ConnectingSince < _timeout)
        {
            // unix(7): the server's queue is full. Only another connect(2) shows when it no longer is.
            _nextOpening = now + RetryAfter;
            _toOpen.Enqueue(connection);
            return;
        }

        CountFailure(connection, result);
        connection.ConnectingSince = 0;
        _broken.Enqueue(connection);
    }

    // If a first connection fails, the load does not begin; a later one is tried again at the next tick.
    private void CountFailure(LoadConnection connection, SyscallResult result)
    {
        if (!_isStarted)
            throw connection.TlsFailure ?? (IOException)AddressProblem.Of("connect", result.Errno, options.Server);
        LoadErrors errors = connection.Context.Recorder.Errors;
        errors.ConnectFailures++;
        if (result.Is(ECONNREFUSED))
            errors.ConnectsRefused++;
        if (result.Is(EADDRNOTAVAIL))
            errors.NoLocalPort++;
    }

    private void GiveUpConnecting(long now)
    {
        foreach (LoadConnection connection in _all)
        {
            if (connection.Descriptor >= 0 && connection.ConnectingSince != 0 && now - connection.ConnectingSince > _timeout)
                loop.Apply(connection, OnConnected(connection, SyscallResult.Failed(ETIMEDOUT)));
        }
    }
}
