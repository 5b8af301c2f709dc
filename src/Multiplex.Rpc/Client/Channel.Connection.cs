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
    private const int IdleAfter = 1000;

    private readonly IReadOnlyList<byte[]> _addresses;
    private ConnectionState _state;
    private int _socket = -1;
    private int _address;          // the index of the one in use, or to be tried next
    private int _refused;          // how many have failed one after the other
    private long _connectUntil;
    private long _reconnectAt;
    private long _brokenAt;        // since when there is no connection that has answered
    private int _pause = ShortestPause;
    private long _heardAt;
    private bool _hasHeard;        // on this connection
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
        for (_address = 0; _socket < 0; _address++)
        {
            try
            {
                _socket = Connector.Connect(_server, [_addresses[_address]], _options.ConnectTimeout);
                break;
            }
            catch (SyscallException) when (_address + 1 < _addresses.Count)
            {
                // the next one
            }
        }

        _heardAt = Now;
        _state = ConnectionState.Connected;
    }

    // Under the gate, when nobody drives: an idle connection that the server has closed meanwhile is not used for one more call, of which
    // nobody would know whether it was run.
    private void NoticeClosedConnection()
    {
        if (_state != ConnectionState.Connected || _isDatagram || Now - _heardAt < IdleAfter)
            return;
        SyscallResult next = recv(_socket, stackalloc byte[1], MSG_PEEK | MSG_DONTWAIT);
        if (next.Value != 0 && (!next.IsError || next.Is(EAGAIN)))
            return;
        AwaitSender();
        Disconnect();
    }

    // The driver only. What may be sent again stays for the next connection; the rest fails.
    private void Break(RpcException why)
    {
        List<PendingCall> failed;
        lock (_gate)
        {
            AwaitSender();
            foreach (PendingCall call in _calls.InOrder())
                call.WasSent |= IsSent(call);   // which only this connection knows
            if (_hasHeard)
                _brokenAt = Now;
            bool goesOn = why is RpcConnectionException && (_isDatagram ? MayTryNextAddress() : _hasHeard || !IsLongBroken);
            failed = TakeCalls(call => !goesOn || !MayRepeat(call));
            _breakReason = why;
            bool rests = !_isDatagram && !_hasHeard;   // a server that accepts and closes is not to be asked at once
            Disconnect();
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

    private bool MayRepeat(PendingCall call) =>
        _isDatagram || !call.WasSent || call.Procedure.IsIdempotent || _options.ServerKeepsReplies;

    private void Disconnect()
    {
        close(_socket);
        _socket = -1;
        _state = ConnectionState.Disconnected;
        _reconnectAt = Now;
        _hasHeard = false;
        _wire.Reset();
        ForgetOutput();
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
                _connectUntil = Now + Milliseconds(_options.ConnectTimeout);
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
            ForgetOutput();
        }

        foreach (PendingCall call in failed)
            call.Fail(why);
    }

    // Under the gate. What was posted meanwhile goes first, then the calls, with the xids that they have had all along.
    private void BeginConversation()
    {
        _state = ConnectionState.Connected;
        _heardAt = Now;
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
