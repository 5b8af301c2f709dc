using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>What a <see cref="ClientSocket"/> is.</summary>
internal enum ClientSocketState
{
    Disconnected,
    Connecting,
    Connected,
}

/// <summary>
/// A client's socket, and which of the server's addresses it is connected to. It is connected when the client is made, and anew when the
/// connection has ended. A datagram socket has no connection, but an address that refuses datagrams: the next address is tried, as long as
/// none has answered.
/// </summary>
/// <remarks>All members are called under the connection's gate, or by the driver while no other thread uses the socket.</remarks>
/// <param name="server">The server.</param>
/// <param name="addresses">Its addresses.</param>
/// <param name="options">The client's options.</param>
/// <param name="tls">TLS on the connections; null for none.</param>
internal sealed class ClientSocket(Endpoint server, IReadOnlyList<byte[]> addresses, RpcClientOptions options, ClientTls? tls = null)
{
    private const int ShortestPause = 10, LongestPause = 500;   // milliseconds between attempts
    private const int ShortestUnacknowledged = 5000;            // milliseconds: TCP is to have time for some retransmissions

    private readonly bool _isDatagram = server.Kind.IsDatagram();
    private int _address;          // the index of the one in use, or to be tried next
    private int _failures;         // addresses that failed one after the other
    private long _connectUntil;
    private long _connectSince;
    private bool _isStale;         // the attempt to connect is to be begun anew
    private long _reconnectAt;
    private long _brokenAt;        // since when there is no connection that has answered
    private int _pause = ShortestPause;
    private bool _isSecuring;      // connected, and TLS is not there yet
    private long _longestTimeout = Milliseconds.Of(options.Timeout);   // of the calls so far

    /// <summary>The socket, or -1 while there is none.</summary>
    public int Descriptor { get; private set; } = -1;

    /// <summary>Called before a socket is closed.</summary>
    public Action? Closing { get; set; }

    /// <summary>Whether it is connected.</summary>
    public ClientSocketState State { get; private set; }

    /// <summary>Why there is no TLS, if one of the two sides refuses it.</summary>
    public RpcTlsException? TlsFailure => tls?.Failure;

    /// <summary>Whether the server has sent anything over it.</summary>
    public bool HasHeard { get; private set; }

    /// <summary>The server.</summary>
    public Endpoint Server => server;

    /// <summary>The server's address that is in use, or is to be tried next.</summary>
    public byte[] Address => addresses[_address];

    /// <summary>The same as an endpoint.</summary>
    public Endpoint Endpoint => Endpoint.Parse(AddressText.Format(server.Kind, Address));

    /// <summary>Whether calls have had no connection for longer than they may wait for one.</summary>
    public bool IsLongBroken => Now - _brokenAt >= Milliseconds.Of(options.ReconnectFor);

    private static long Now => Environment.TickCount64;

    /// <summary>Takes the client's first socket, which is connected.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="address">The index of the address that it is connected to.</param>
    public void Adopt(int descriptor, int address)
    {
        (Descriptor, _address) = (descriptor, address);
        if (tls is not null)
            Secure(tls);
        Connected();
    }

    /// <summary>The failure to connect.</summary>
    public static SyscallException Problem(int errno, Endpoint server, RpcClientOptions options) =>
        options.BindReservedPort && server.Kind.IsInternet() && errno is EACCES or EADDRINUSE
            ? ReservedPort.Problem(errno)
            : AddressProblem.Of("connect", errno, server);

    /// <summary>Begins to connect anew, if it is time to.</summary>
    /// <returns>The outcome, EINPROGRESS while it is not known; null when it is not time yet.</returns>
    public SyscallResult? Reconnect()
    {
        if (State != ClientSocketState.Disconnected || Now < _reconnectAt)
            return null;
        SyscallResult result = Connector.Begin(server, Address, options.BindReservedPort, out int descriptor);
        Descriptor = descriptor;
        if (!result.IsError && tls is not null)
            result = BeginTls(tls);
        if (result.Is(EINPROGRESS))
        {
            State = ClientSocketState.Connecting;
            _connectSince = Now;
            _connectUntil = Now + (Milliseconds.Of(options.ConnectTimeout) / addresses.Count);
        }

        return result;
    }

    /// <summary>The outcome of <see cref="Reconnect"/>: EINPROGRESS while it is not known.</summary>
    /// <param name="writable">Whether the socket is writable.</param>
    public SyscallResult Outcome(bool writable)
    {
        SyscallResult result = _isSecuring ? tls!.Proceed(Descriptor)
            : writable ? Connector.Finish(server, Descriptor)
            : SyscallResult.Failed(EINPROGRESS);
        if (!result.IsError && tls is not null && !_isSecuring)
            result = BeginTls(tls);
        return result.Is(EINPROGRESS) && Now >= _connectUntil ? SyscallResult.Failed(ETIMEDOUT) : result;
    }

    /// <summary>It is connected.</summary>
    public void Connected()
    {
        State = ClientSocketState.Connected;
        _isSecuring = false;
        DetectLostFlow();
        if (!_isDatagram)
            _failures = 0;
    }

    /// <summary>The address accepts no connection: the next one is to be tried, at once if it has not been tried yet.</summary>
    /// <returns>Whether all addresses have been tried.</returns>
    public bool ConnectFailed()
    {
        CloseDescriptor();
        NextAddress();
        if (_failures % addresses.Count != 0)
            return false;
        Pause();
        return true;
    }

    /// <summary>Closes the socket; the next one is to be connected at once, or after a pause when the server closed this one without a reply.</summary>
    public void Disconnect()
    {
        bool pauses = !_isDatagram && !HasHeard;
        CloseDescriptor();
        _reconnectAt = Now;
        HasHeard = false;
        if (pauses)
            Pause();
    }

    /// <summary>Closes the socket for good, or because it could not be connected.</summary>
    /// <param name="resets">
    /// Whether a TCP connection is reset, unless bytes are still to be sent, such as one-way calls: a FIN says no more than that no calls follow,
    /// and the server would go on with those in flight.
    /// </param>
    public void CloseDescriptor(bool resets = false)
    {
        if (Descriptor >= 0)
        {
            Closing?.Invoke();
            tls?.Close(Descriptor);
            if (resets && server.Kind == EndpointKind.Tcp && !ioctl(Descriptor, SIOCOUTQNSD, out int unsent).IsError && unsent == 0)
                setsockopt(Descriptor, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 });
            close(Descriptor);
        }

        Descriptor = -1;
        _isSecuring = false;
        State = ClientSocketState.Disconnected;
    }

    /// <summary>The server has sent something.</summary>
    public void Heard()
    {
        HasHeard = true;
        _pause = ShortestPause;
        _failures = 0;
    }

    /// <summary>
    /// A call waits for the connection: the pause before the next attempt is a short one, and an attempt that is old is begun anew, as the kernel may have sent its
    /// SYN while the server could not be reached, and the pauses between its retransmissions grow.
    /// </summary>
    /// <param name="isFirst">Whether no other call waits: then none has been waiting for the pause.</param>
    public void Hurry(bool isFirst)
    {
        const int OldAttempt = 1000;   // milliseconds: after that the first SYN is sent again, RFC 6298
        if (State == ClientSocketState.Disconnected && isFirst)
            _reconnectAt = Math.Min(_reconnectAt, Now + ShortestPause);
        else if (State == ClientSocketState.Connecting && !_isDatagram && Now - _connectSince >= OldAttempt)
            _isStale = true;
    }

    /// <summary>Ends an attempt that is to be begun anew, unless it has succeeded or failed.</summary>
    /// <param name="isOver">Whether it has.</param>
    public void DropStaleAttempt(bool isOver)
    {
        if (_isStale && !isOver && State == ClientSocketState.Connecting)
        {
            CloseDescriptor();
            NextAddress();
            _reconnectAt = Now;
        }

        _isStale = false;
    }

    /// <summary>Whether the peer acknowledges nothing.</summary>
    public bool IsUnacknowledged => State == ClientSocketState.Connected && server.Kind == EndpointKind.Tcp && KeepAlive.IsUnacknowledged(Descriptor);

    /// <summary>The server has other addresses from now on: the next connection is to be made there, and an attempt in progress is begun anew.</summary>
    public void MoveTo(Endpoint place, IReadOnlyList<byte[]> placeAddresses)
    {
        (server, addresses) = (place, placeAddresses);
        _address = _failures = 0;
        _reconnectAt = Now;
        _isStale = State == ClientSocketState.Connecting;
    }

    /// <summary>Calls wait from now on for a connection.</summary>
    public void BeginOutage() => _brokenAt = Now;

    /// <summary>The next address is to be connected to.</summary>
    public void NextAddress()
    {
        _address = (_address + 1) % addresses.Count;
        _failures++;
    }

    /// <summary>Tries the next address of a datagram socket. connect(2) reports no UDP server that is not there; the first datagram does.</summary>
    /// <returns>False when one has answered, or when all have been tried.</returns>
    public bool TryNextAddress()
    {
        bool may = !HasHeard && _failures + 1 < addresses.Count;
        if (may)
            NextAddress();
        else
            _failures = 0;
        return may;
    }

    /// <summary>Whether the server has shut down its side: POLLRDHUP reports that even while replies are still to be received.</summary>
    public bool IsClosedByServer()
    {
        pollfd entry = new() { fd = Descriptor, events = POLLRDHUP };
        return poll(new Span<pollfd>(ref entry), 0).Value > 0;
    }

    /// <summary>A call may wait this long, and bytes may stay unacknowledged as long.</summary>
    /// <param name="timeout">Milliseconds.</param>
    public void AllowFor(long timeout)
    {
        if (timeout <= _longestTimeout)
            return;
        _longestTimeout = timeout;
        LimitUnacknowledged();
    }

    /// <summary>What to wait for.</summary>
    /// <param name="isBlocked">Whether its buffer is full.</param>
    public Interest Wants(bool isBlocked) => State switch
    {
        ClientSocketState.Connected => isBlocked ? Interest.Readable | Interest.Writable : Interest.Readable,
        ClientSocketState.Connecting => _isSecuring ? tls!.Wants : Interest.Writable,
        _ => Interest.None,
    };

    /// <summary>When it has something to do by itself, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    /// <param name="isNeeded">Whether there is anything to send or to receive.</param>
    public long Due(bool isNeeded) => State switch
    {
        ClientSocketState.Connecting => _isStale ? 0 : _connectUntil,
        ClientSocketState.Disconnected when isNeeded => _reconnectAt,
        _ => long.MaxValue,
    };

    private SyscallResult BeginTls(ClientTls secure)
    {
        _isSecuring = true;
        secure.Begin();
        return secure.Proceed(Descriptor);
    }

    // For the first time. Blocks.
    private void Secure(ClientTls secure)
    {
        long until = Now + Milliseconds.Of(options.ConnectTimeout);
        for (SyscallResult result = BeginTls(secure); result.IsError; result = secure.Proceed(Descriptor))
        {
            if (secure.Failure is { } failure)
                throw failure;
            if (!result.Is(EINPROGRESS) || Now >= until)
                throw AddressProblem.Of("connect with TLS", result.Is(EINPROGRESS) ? ETIMEDOUT : result.Errno, server);
            short events = (secure.Wants & Interest.Writable) != 0 ? (short)(POLLIN | POLLOUT) : POLLIN;
            pollfd entry = new() { fd = Descriptor, events = events };
            poll(new Span<pollfd>(ref entry), (int)Math.Clamp(until - Now, 0, int.MaxValue));
        }
    }

    // Probes detect that the server is gone while nothing is to be sent, and TCP_USER_TIMEOUT while bytes are not acknowledged: for longer
    // than the longest call waits.
    private void DetectLostFlow()
    {
        if (server.Kind != EndpointKind.Tcp)
            return;
        KeepAlive.Set(Descriptor, options.KeepAlive);
        LimitUnacknowledged();
    }

    private void LimitUnacknowledged()
    {
        bool isLimited = _longestTimeout < int.MaxValue;
        if (State == ClientSocketState.Connected && server.Kind == EndpointKind.Tcp)
            KeepAlive.LimitUnacknowledged(Descriptor, isLimited ? (int)Math.Max(_longestTimeout, ShortestUnacknowledged) : 0);
    }

    private void Pause()
    {
        _reconnectAt = Now + _pause;
        _pause = Math.Min(2 * _pause, LongestPause);
    }
}
