using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Sockets;
using Multiplex.Tls;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// A client's connection to its server, or its datagram socket, and the calls in flight over it, as callers use it. One thread at a time drives it, in turns:
/// see <see cref="ConnectionTurn"/>. That is a thread which blocks for a call of its own, if there is one (leader and followers); otherwise the event loop.
/// </summary>
/// <remarks>
/// All state is guarded by the gate, and stands in <see cref="PendingCalls"/>, <see cref="SendQueue"/>, <see cref="CallTimers"/>,
/// <see cref="ClientSocket"/>, <see cref="Recovery"/> and <see cref="DriverRole"/>. System calls, but for short ones, and the callers' code run outside of the gate.
/// </remarks>
internal sealed class ClientConnection : IDisposable
{
    /// <summary>In the place of a socket: the first call makes one.</summary>
    public const int NoSocket = -1;

    private readonly object _gate = new();   // not a Lock: Monitor.Wait is needed
    private readonly PendingCalls _calls = new();
    private readonly RpcClientOptions _options;
    private readonly Transport _transport;
    private readonly ClientTls? _tls;
    private readonly SendQueue _queue;
    private readonly CallTimers _timers;
    private readonly ClientSocket _socket;
    private readonly DriverRole _driver;
    private readonly Recovery _recovery;
    private readonly ClientEvents _events;
    private readonly bool _isDatagram;
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RpcClientCounters _counters;

    /// <summary>Takes a socket over that is connected to the server.</summary>
    /// <param name="server">The server.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="options">The client's options.</param>
    /// <param name="socket">The socket, or <see cref="NoSocket"/>, and the index of the address that it is connected to.</param>
    /// <param name="tls">TLS on the connections: the first handshake blocks. Null for none.</param>
    /// <param name="program">The program, where a name service has told the server's address; null where the address was given.</param>
    /// <exception cref="RpcTlsException">One of the two sides refuses TLS.</exception>
    public ClientConnection(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options, (int Descriptor, int Address) socket, ClientTls? tls, RemoteProgram? program)
    {
        (_options, _isDatagram, _events) = (options, server.Kind.IsDatagram(), new(options.Logger));
        _tls = tls;
        _transport = Transport.For(server, options.MaxReply, tls);
        _queue = new(_gate, _calls, _transport, _isDatagram ? options.DatagramWindow : null);
        _timers = new(_calls, _queue, options, _isDatagram);
        _socket = new(server, addresses, options, tls);
        _recovery = new(
            _gate, options, _calls, _queue, _timers, _socket, _transport, _events, program is null ? null : new(program, options.ConnectTimeout, _events, MoveTo));
        LoopDriver loop = new(this, options.EventLoop ?? RpcEventLoop.Shared);
        _driver = new(this, _gate, _calls, loop, options.Spin);
        Turn = new(this, _gate, _queue, _timers, _socket, _driver, _recovery, _transport);
        _socket.Closing = loop.Unwatch;
        if (socket.Descriptor == NoSocket)
            return;
        try
        {
            _socket.Adopt(socket.Descriptor, socket.Address);
        }
        catch
        {
            _socket.CloseDescriptor();   // such as EINVAL: a time for the keepalive that is out of range
            _driver.TryClose();
            tls?.Dispose();
            throw;
        }

        _queue.Open(_socket.Descriptor);
        _events.Connected(server, _socket.Endpoint);
    }

    /// <summary>The server.</summary>
    public Endpoint Server => _socket.Server;

    /// <summary>Where connections, and calls that fail, are logged and counted.</summary>
    public ClientEvents Events => _events;

    /// <summary>Which thread drives it.</summary>
    public DriverRole Driver => _driver;

    /// <summary>What that thread does.</summary>
    public ConnectionTurn Turn { get; }

    /// <summary>What the client has counted so far.</summary>
    public RpcClientCounters Counters
    {
        get
        {
            lock (_gate)
            {
                return _counters with
                {
                    Retransmissions = _timers.Retransmissions,
                    Reconnects = _recovery.Reconnects,
                    ConnectionsGivenUp = _recovery.GivenUp,
                    CallsRefused = Turn.CallsRefused,
                    UnmatchedReplies = Turn.UnmatchedReplies,
                };
            }
        }
    }

    /// <summary>The server's address that is in use, or is to be tried next.</summary>
    public Endpoint Address
    {
        get
        {
            lock (_gate)
                return _socket.Endpoint;
        }
    }

    /// <summary>Whether there is a connection, as far as is known.</summary>
    public bool IsConnected
    {
        get
        {
            lock (_gate)
                return _socket.State == ClientSocketState.Connected;
        }
    }

    /// <summary>What the handshake established of the server; null without TLS, or while there is no connection.</summary>
    public TlsPeer? Tls
    {
        get
        {
            lock (_gate)
                return _tls?.Peer;
        }
    }

    /// <summary>Whether its client is closed: the last driver closes the socket.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Ends once the socket is closed, after <see cref="Dispose"/>.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Whether there is anything to send or to receive.</summary>
    public bool HasWork => _calls.Count > 0 || _queue.HasUnsent;

    private bool NeedsReconnect => _socket.State != ClientSocketState.Connected || _queue.Errno != 0;

    /// <summary>Sends a call and blocks until it is done.</summary>
    public void Run(PendingCall call, TimeSpan timeout)
    {
        if (_driver.IsLoopThread)
            throw new InvalidOperationException("a continuation that runs on the event loop must not block for a call: await it");
        call.HasWaiter = true;
        bool leads, wakes;
        lock (_gate)
        {
            wakes = Register(call, timeout);
            leads = _driver.TryTakeForCaller();
        }

        Flush();
        if (wakes)
            _driver.Wake();
        if (leads || call.AwaitEndOrPromotion())
            _driver.Lead(call);
    }

    /// <summary>Sends a call; the event loop, or a thread that drives already, does the rest.</summary>
    public void Start(PendingCall call, TimeSpan timeout)
    {
        bool attaches, flushes, wakes;
        lock (_gate)
        {
            // With calls in flight the driver begins a turn soon anyway, and sends all calls that have come by then at once.
            flushes = _calls.Count == 0 && !_driver.IsInTurn;
            wakes = Register(call, timeout) | (!flushes && _driver.MustWake());
            attaches = _driver.TryTakeForLoop();
        }

        if (flushes)
            Flush();
        _driver.Engage(attaches, wakes);
    }

    /// <summary>Sends a call without waiting for its reply.</summary>
    /// <param name="message">The call as a record; receives its xid.</param>
    /// <param name="flush">Whether to send it now, or with the next call that is.</param>
    /// <returns>The xid.</returns>
    public uint Post(OutputBuffer message, bool flush)
    {
        const int BatchedAtMost = 64 * 1024;
        bool attaches, wakes = false;
        uint xid;
        lock (_gate)
        {
            Check(message.Length);
            if (flush || _queue.BatchedBytes == 0)
                NoticeClosedConnection();
            PendingCall.SetXid(message, xid = _calls.NewXid());
            _queue.Add(message);
            flush |= _queue.BatchedBytes > BatchedAtMost;
            attaches = flush && _driver.TryTakeForLoop();   // replies come nevertheless, and are to be received
            if (!attaches && NeedsReconnect)
                wakes = flush && _driver.MustWake();
        }

        if (flush)
            Flush();
        _driver.Engage(attaches, wakes);
        return xid;
    }

    /// <summary>Sends what was batched.</summary>
    public void FlushBatched()
    {
        bool attaches;
        lock (_gate)
        {
            NoticeClosedConnection();
            attaches = _queue.HasUnsent && _driver.TryTakeForLoop();
        }

        Flush();
        _driver.Engage(attaches, wakes: false);
    }

    /// <summary>Makes a call again that has failed, after a pause.</summary>
    /// <returns>False when the failure is permanent, or no attempt or no time is left.</returns>
    public bool TryAgain(PendingCall call, Exception failure)
    {
        if (failure is not (RpcConnectionException or RpcSystemErrorException) || call.Attempt >= call.Retry!.Attempts)
            return false;
        bool wakes;
        lock (_gate)
        {
            long at = Environment.TickCount64 + call.Retry.PauseBefore(call.Attempt + 1);
            if (IsDisposed || at >= call.Deadline)
                return false;
            call.Attempt++;
            _calls.Add(call);
            _timers.Pause(call, at);
            if (failure is RpcConnectionException)
                _socket.BeginOutage();
            _counters.Retries++;
            wakes = call.Due < Turn.SleepsUntil && _driver.MustWake();
        }

        _events.Retried(Server, call, failure is RpcException { Reason: var reason } ? reason : failure.Message);
        if (wakes)
            _driver.Wake();
        return true;
    }

    /// <summary>Takes a call back: its reply, if one comes, answers no call.</summary>
    /// <returns>False when the call is done, or about to be.</returns>
    public bool TryWithdraw(PendingCall call)
    {
        lock (_gate)
        {
            bool isTaken = _queue.TakeBack(call);
            Turn.Abandoned += isTaken ? 1 : 0;
            return isTaken;
        }
    }

    /// <summary>Closes the socket; calls in flight fail.</summary>
    public void Dispose()
    {
        List<PendingCall> failed;
        bool closes, wakes;
        lock (_gate)
        {
            if (IsDisposed)
                return;
            IsDisposed = true;
            failed = _queue.TakeBack(_ => true);
            Turn.Abandoned += failed.Count;
            closes = !_driver.IsTaken;
            wakes = _driver.MustWake();
        }

        failed.ForEach(call => call.Fail(new ObjectDisposedException(nameof(RpcClient), "the client was closed before the call was answered")));
        if (closes)
            CloseIfDisposed();
        else if (wakes)
            _driver.Wake();
    }

    /// <summary>The event loop was disposed of while it drove: calls in flight fail.</summary>
    public void LoopHasEnded(ObjectDisposedException why)
    {
        List<PendingCall> failed;
        lock (_gate)
            failed = _queue.TakeBack(_ => true);
        failed.ForEach(call => call.Fail(why));
        CloseIfDisposed();
    }

    /// <summary>Closes the socket when the client is closed and no thread drives any more.</summary>
    public void CloseIfDisposed()
    {
        lock (_gate)
        {
            if (!IsDisposed || _driver.IsTaken)
                return;
            _queue.AwaitSender();
            if (!_driver.TryClose())
                return;
            _queue.Close(keepsPosted: false);
            _socket.CloseDescriptor(resets: Turn.Abandoned > 0);
            _tls?.Dispose();
        }

        _events.Closed();
        _closed.TrySetResult();
    }

    /// <summary>Sends what is queued; if the socket takes no more, or has failed, the driver is woken.</summary>
    public void Flush()
    {
        if (_queue.Flush())
            return;
        bool wakes;
        lock (_gate)
            wakes = _driver.MustWake();
        if (wakes)
            _driver.Wake();
    }

    // The name service has another address for the program.
    private void MoveTo(Endpoint server, IReadOnlyList<byte[]> addresses)
    {
        Endpoint before;
        bool wakes;
        lock (_gate)
        {
            before = Server;
            if (IsDisposed || server == before)
                return;
            _socket.MoveTo(server, addresses);
            _transport.Server = server;
            wakes = _driver.MustWake();
        }

        _events.Moved(before, server);
        if (wakes)
            _driver.Wake();
    }

    // Under the gate. Returns whether the driver must be woken for this call.
    private bool Register(PendingCall call, TimeSpan timeout)
    {
        Check(call.Message.Length);
        if (_calls.Count >= _options.MaxInFlight)
            throw new RpcException($"{_options.MaxInFlight} calls are in flight already: wait for some, or raise MaxInFlight");
        if (!_recovery.IsRepeatable(call))
            NoticeClosedConnection();
        if (_calls.Count == 0)
            _socket.BeginOutage();
        _socket.Hurry(isFirst: _calls.Count == 0);
        _calls.Add(call);
        _timers.Set(call, timeout);
        _socket.AllowFor(Milliseconds.Of(timeout));
        _counters.Calls++;
        if (_socket.State == ClientSocketState.Connected)
            _queue.Add(call);
        return (NeedsReconnect || call.Due < Turn.SleepsUntil) && _driver.MustWake();
    }

    private void Check(int length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, typeof(RpcClient));
        _transport.MakeRoom(_socket.Descriptor, length - RecordMarking.HeaderLength);
        if (_queue.PendingBytes + length > _options.MaxUnsent)
            throw new RpcException($"{_options.MaxUnsent} bytes wait to be sent, and the server takes none: wait, or raise MaxUnsent");
    }

    // Under the gate, before a call that must not be sent twice: a connection that the server has closed is not used for it, as the
    // client would not know whether it was run. With calls in flight the driver waits for just this, and does the rest.
    private void NoticeClosedConnection()
    {
        if (!_queue.CanSend || _isDatagram || _calls.Count > 0 || !_socket.IsClosedByServer())
            return;
        _queue.Fail(EPIPE);
        _socket.BeginOutage();
    }
}
