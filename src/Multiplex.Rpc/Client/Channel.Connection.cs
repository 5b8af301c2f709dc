using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <content>
/// The connection: made once when the client is, and anew when it breaks and there are calls to send. Datagrams have none, but an
/// address that refuses them: then the next one is tried, as long as none has answered.
/// </content>
internal sealed partial class Channel
{
    private const int ShortestPause = 10, LongestPause = 500;   // milliseconds between attempts
    private const int ShortestUnacknowledged = 5000;            // milliseconds: TCP is to have time for some retransmissions

    private readonly IReadOnlyList<byte[]> _addresses;
    private ConnectionState _state;
    private int _socket = -1;
    private int _address;          // the index of the one in use, or to be tried next
    private int _refused;          // how many have failed one after the other
    private long _connectUntil;
    private long _reconnectAt;
    private long _brokenAt;        // since when there is no connection that has answered
    private int _pause = ShortestPause;
    private bool _hasHeard;        // on this connection
    private int _timeoutsInRow;    // of calls that were sent on it, since something came
    private long _longestTimeout;  // of the calls so far
    private RpcException? _breakReason;

    private enum ConnectionState
    {
        Disconnected,
        Connecting,
        Connected,
    }

    /// <summary>Which of the channel's sockets, one after the other, it has now: a new one may have an old one's number.</summary>
    public int Generation { get; private set; }

    private bool HasWork => _calls.Count > 0 || HasUnsent;

    private void ConnectFirst()
    {
        _socket = Connector.Connect(_server, _addresses, _options.ConnectTimeout, out _address);
        _longestTimeout = Milliseconds(_options.Timeout);
        _state = ConnectionState.Connected;
        FindOutLostFlow();
    }

    // Once connected. Whether the server has gone is found out by probes while nothing is to be sent, and else by what is not acknowledged:
    // bytes that the longest call does not wait for any more.
    private void FindOutLostFlow()
    {
        if (_server.Kind != EndpointKind.Tcp)
            return;
        KeepAlive.Set(_socket, _options.KeepAlive);
        LimitUnacknowledged();
    }

    private void LimitUnacknowledged()
    {
        bool isLimited = _longestTimeout < int.MaxValue;
        if (_state == ConnectionState.Connected && _server.Kind == EndpointKind.Tcp)
            KeepAlive.LimitUnacknowledged(_socket, isLimited ? (int)Math.Max(_longestTimeout, ShortestUnacknowledged) : 0);
    }

    // Under the gate, before a call that must not be sent twice: a connection that the server has closed is not used for it, as the
    // client would not know whether it was run. With calls in flight the driver waits for just this. POLLRDHUP reports the end even while replies are
    // still to be received. The driver finds out the rest.
    private void NoticeClosedConnection()
    {
        if (!CanSend || _isDatagram || _calls.Count > 0)
            return;
        pollfd entry = new() { fd = _socket, events = POLLRDHUP };
        if (poll(new Span<pollfd>(ref entry), 0).Value <= 0)
            return;
        _sendErrno = EPIPE;
        _brokenAt = Now;
    }

    // The driver only. The server is there, or its machine is, and yet no call gets a reply: what a middlebox forgot, a new connection mends.
    private void GiveUpConnection()
    {
        RpcConnectionException why;
        lock (_gate)
        {
            why = new($"call {_server}: {_timeoutsInRow} calls in a row got no reply, so the connection was given up");
            _counters.ConnectionsGivenUp++;
            if (!_hasHeard)
                NextAddress();
        }

        Break(why, isGivenUp: true);
    }

    // A datagram from another port is another caller to a server's reply cache: not while a call is under way that must not be run twice.
    private bool MayGiveUp => _options.ReconnectAfterTimeouts is > 0 and int most && _timeoutsInRow >= most && _state == ConnectionState.Connected
        && (!_isDatagram || _calls.InOrder().All(call => IsRepeatable(call) || !(call.WasSent || IsSent(call))));

    // The driver only. What may be sent again stays for the next connection; the rest fails.
    private void Break(RpcException why, bool isGivenUp = false)
    {
        List<PendingCall> failed;
        lock (_gate)
        {
            AwaitSender();
            foreach (PendingCall call in _calls.InOrder())
                call.WasSent |= IsSent(call);   // which only this connection knows
            if (_hasHeard)
                _brokenAt = Now;
            bool goesOn = isGivenUp || why is RpcConnectionException && (_isDatagram ? MayTryNextAddress() : _hasHeard || !IsLongBroken);
            failed = TakeCalls(call => !goesOn || !MayRepeat(call));
            _breakReason = why;
            bool rests = !_isDatagram && !_hasHeard;   // a server that accepts and closes is not to be asked at once
            Disconnect(keepsPosted: goesOn);
            if (rests)
                Pause();
            if (_calls.Count > 0)
                _counters.Reconnects++;
        }

        foreach (PendingCall call in failed)
            call.Fail(why);
    }

    private bool IsLongBroken => Now - _brokenAt >= Milliseconds(_options.ReconnectFor);

    // That nobody is at a UDP address is not told by connect(2), but after something was sent there.
    private bool MayTryNextAddress()
    {
        bool may = !_hasHeard && _refused + 1 < _addresses.Count;
        if (may)
            NextAddress();
        else
            _refused = 0;
        return may;
    }

    private bool MayRepeat(PendingCall call) => _isDatagram || !call.WasSent || IsRepeatable(call);

    private bool IsRepeatable(PendingCall call) => call.Procedure.IsIdempotent || _options.ServerKeepsReplies;

    private void Disconnect(bool keepsPosted)
    {
        ForgetOutput(keepsPosted);
        close(_socket);
        _socket = -1;
        _state = ConnectionState.Disconnected;
        _reconnectAt = Now;
        _hasHeard = false;
        _timeoutsInRow = 0;
        _wire.Reset();
    }

    private void NextAddress()
    {
        _address = (_address + 1) % _addresses.Count;
        _refused++;
    }

    private void Pause()
    {
        _reconnectAt = Now + _pause;
        _pause = Math.Min(2 * _pause, LongestPause);
    }

    private void Reconnect()
    {
        SyscallResult result = default;
        lock (_gate)
        {
            if (_state != ConnectionState.Disconnected || !HasWork || Now < _reconnectAt || _isDisposed)
                return;
            Generation++;
            result = Connector.Begin(_server, _addresses[_address], out _socket);
            if (result.Is(EINPROGRESS))
            {
                _state = ConnectionState.Connecting;
                _connectUntil = Now + (Milliseconds(_options.ConnectTimeout) / _addresses.Count);
                return;
            }
        }

        Connected(result);
    }

    private void GoOnConnecting(bool writable)
    {
        if (writable)
            Connected(Connector.Finish(_server, _socket));
        else if (Now >= _connectUntil)
            Connected(SyscallResult.Failed(ETIMEDOUT));
    }

    private void Connected(SyscallResult result)
    {
        List<PendingCall> failed;
        RpcConnectionException why;
        lock (_gate)
        {
            if (result.Is(EINPROGRESS))
                return;
            if (!result.IsError)
            {
                BeginConversation();
                return;
            }

            if (_socket >= 0)
                close(_socket);
            _socket = -1;
            _state = ConnectionState.Disconnected;
            NextAddress();
            if (_refused % _addresses.Count != 0)
                return;   // the next address at once
            Pause();
            if (!_isDatagram && !IsLongBroken)
                return;
            why = Unreachable(result.Errno);
            failed = TakeCalls(_ => true);
            ForgetOutput(keepsPosted: false);
        }

        foreach (PendingCall call in failed)
            call.Fail(why);
    }

    // Under the gate. What was posted meanwhile goes first, then the calls, with the xids that they have had all along.
    private void BeginConversation()
    {
        _state = ConnectionState.Connected;
        FindOutLostFlow();
        if (!_isDatagram)
            _refused = 0;
        _queuedBytes = _output.Length;
        foreach (PendingCall call in _calls.InOrder())
        {
            _wire.MakeRoom(_socket, call.Message.Length - RecordMarking.HeaderLength);
            QueueCall(call);
            if (call.WasSent && !call.Procedure.IsIdempotent)
                RepeatUntilAnswered(call);
        }
    }

    // While the server still runs what came over the old connection, it drops the repeat, and its reply goes nowhere. So one repeat is not enough.
    private void RepeatUntilAnswered(PendingCall call)
    {
        call.Repeats = true;
        call.ResendAt = Now + call.Wait;
        _earliest = Math.Min(_earliest, call.Due);
    }

    private void HearFirst()
    {
        _hasHeard = true;
        _pause = ShortestPause;
        _refused = 0;
        _breakReason = null;
    }

    private RpcConnectionException Unreachable(int errno)
    {
        RpcConnectionException failure = Failed("connect", errno);
        return _breakReason is null ? failure : new($"{_breakReason.Message}; and no new connection can be made: {failure.Message}", failure.InnerException);
    }

    private RpcConnectionException Failed(string call, int errno)
    {
        SyscallException failure = AddressProblem.Of(call, errno, _server);
        return new(failure.Message, failure);
    }

    private void CloseForGood()
    {
        lock (_gate)
        {
            AwaitSender();
            if (_isClosed)
                return;
            _isClosed = true;
            if (_socket >= 0)
                close(_socket);
            _socket = -1;
            _state = ConnectionState.Disconnected;
            close(WakeDescriptor);
        }
    }
}
