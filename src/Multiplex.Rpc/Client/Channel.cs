using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// A client's socket and the calls in flight over it. One thread at a time drives it: waits for the socket, receives,
/// runs the timers, connects anew. That is a thread which blocks for a call of its own, if there is one, for then
/// nobody has to be woken when its reply comes (leader and followers); else the event loop.
/// </summary>
/// <remarks>
/// This file: how calls come in. <c>Channel.Driving.cs</c>: who drives. <c>Channel.Turn.cs</c>, <c>Channel.Sending.cs</c>,
/// <c>Channel.Connection.cs</c>: what a driver does. Everything that changes is guarded by the gate; system calls, but for
/// short ones, and what belongs to callers run outside of it.
/// </remarks>
internal sealed partial class Channel : IDisposable
{
    private readonly object _gate = new();   // not a Lock: Monitor.Wait is needed
    private readonly PendingCalls _calls = new();
    private readonly Endpoint _server;
    private readonly RpcClientOptions _options;
    private readonly RpcEventLoop _loop;
    private readonly Wire _wire;
    private readonly ReplyHandler _deliver;
    private bool _isDisposed;
    private bool _isClosed;      // and nobody drives any more

    /// <summary>Connects to the server. Blocks.</summary>
    /// <exception cref="SyscallException">Nobody is there.</exception>
    public Channel(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options)
    {
        _server = server;
        _addresses = addresses;
        _options = options;
        _loop = options.EventLoop ?? RpcEventLoop.Shared;
        _wire = Wire.For(server, options.MaxReply);
        _deliver = Deliver;
        _isDatagram = server.Kind.IsDatagram();
        WakeDescriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");
        try
        {
            ConnectFirst();
        }
        catch
        {
            close(WakeDescriptor);
            if (_socket >= 0)
                close(_socket);
            throw;
        }
    }

    /// <summary>Readable when the driver is to look here.</summary>
    public int WakeDescriptor { get; }

    /// <summary>What has happened so far.</summary>
    public RpcClientCounters Counters
    {
        get
        {
            lock (_gate)
                return _counters;
        }
    }

    /// <summary>The server's address that is in use, or is to be tried next.</summary>
    public Endpoint Address
    {
        get
        {
            lock (_gate)
                return Endpoint.Parse(AddressText.Format(_server.Kind, _addresses[_address]));
        }
    }

    /// <summary>Whether there is a connection, as far as is known.</summary>
    public bool IsConnected
    {
        get
        {
            lock (_gate)
                return _state == ConnectionState.Connected;
        }
    }

    /// <summary>Sends a call and blocks until it is done.</summary>
    public void Run(PendingCall call, TimeSpan timeout)
    {
        if (_loop.IsCurrentThread)
            throw new InvalidOperationException("a continuation that runs on the event loop must not block for a call: await it");
        call.HasWaiter = true;
        bool leads, wakes;
        lock (_gate)
        {
            wakes = Register(call, timeout);
            leads = _driver == Driver.None;
            if (leads)
                _driver = Driver.Caller;
            else
                _callerWaits = true;
        }

        Flush();
        if (wakes)
            Wake();
        if (leads || call.AwaitEndOrPromotion())
            Lead(call);
    }

    /// <summary>Sends a call; the event loop, or a thread that drives already, sees to the rest.</summary>
    public void Start(PendingCall call, TimeSpan timeout)
    {
        bool attaches, flushes, wakes;
        lock (_gate)
        {
            // With calls in flight the driver wakes up soon anyway, and sends at once all that has come together by then.
            flushes = _calls.Count == 0 && !_isInTurn;
            wakes = Register(call, timeout) | (!flushes && MustWake());
            attaches = _driver == Driver.None;
            if (attaches)
                _driver = Driver.Loop;
        }

        Drive(attaches, flushes, wakes);
    }

    /// <summary>Sends a call that nobody waits for.</summary>
    /// <param name="message">The call as a record; receives its xid.</param>
    /// <param name="flush">Whether to send it now, or with the next call that is.</param>
    public void Post(OutputBuffer message, bool flush)
    {
        const int BatchedAtMost = 64 * 1024;
        bool attaches, wakes = false;
        lock (_gate)
        {
            Check(message.Length);
            if (flush || _output.Length == 0)
                NoticeClosedConnection();
            PendingCall.SetXid(message, _calls.NewXid());
            Queue(message);
            flush |= _output.Length > BatchedAtMost;
            attaches = flush && _driver == Driver.None;
            if (attaches)
                _driver = Driver.Loop;   // somebody must take the replies that come nevertheless
            else if (_state != ConnectionState.Connected || _sendErrno != 0)
                wakes = flush && MustWake();
        }

        Drive(attaches, flush, wakes);
    }

    /// <summary>Sends what was batched.</summary>
    public void FlushBatched()
    {
        bool attaches;
        lock (_gate)
        {
            NoticeClosedConnection();
            attaches = _driver == Driver.None && HasUnsent;
            if (attaches)
                _driver = Driver.Loop;
        }

        Drive(attaches, flushes: true, wakes: false);
    }

    /// <summary>Takes a call back: its reply, if one comes, is nobody's.</summary>
    /// <returns>False when the call is done, or about to be.</returns>
    public bool TryWithdraw(PendingCall call)
    {
        lock (_gate)
            return TakeBack(call);
    }

    /// <summary>Closes the socket; calls in flight fail.</summary>
    public void Dispose()
    {
        List<PendingCall> failed;
        bool closes, wakes;
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            failed = TakeCalls(_ => true);
            closes = _driver == Driver.None;
            wakes = MustWake();
        }

        foreach (PendingCall call in failed)
            call.Fail(new ObjectDisposedException(nameof(RpcClient), "the client was closed before the call was answered"));
        if (closes)
            CloseForGood();
        else if (wakes)
            Wake();
    }

    // Under the gate. Returns whether the driver must be woken for this call.
    private bool Register(PendingCall call, TimeSpan timeout)
    {
        Check(call.Message.Length);
        if (_calls.Count >= _options.MaxInFlight)
            throw new RpcException($"{_options.MaxInFlight} calls are in flight already: wait for some, or raise MaxInFlight");
        if (!IsRepeatable(call))
            NoticeClosedConnection();
        if (_calls.Count == 0)
            _brokenAt = Now;
        _calls.Add(call);
        SetTimers(call, timeout);
        _counters.Calls++;
        if (_state == ConnectionState.Connected)
            QueueCall(call);
        return (_state != ConnectionState.Connected || _sendErrno != 0 || call.Due < _sleepsUntil) && MustWake();
    }

    private void Check(int length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, typeof(RpcClient));
        _wire.MakeRoom(_socket, length - RecordMarking.HeaderLength);
        if (UnsentBytes - _withdrawnBytes + length > _options.MaxUnsent)
            throw new RpcException($"{_options.MaxUnsent} bytes wait to be sent, and the server takes none: wait, or raise MaxUnsent");
    }
}
