using System.Buffers.Binary;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <content>A driver's turn: what has come, what is due, what is to be sent. Between turns it waits for the socket, for a time and to be woken.</content>
internal sealed partial class Channel
{
    private readonly bool _isDatagram;
    private long _earliest = long.MaxValue;      // no timer of a call is due before that
    private long _sleepsUntil = long.MaxValue;   // when the driver looks at the timers by itself
    private RpcClientCounters _counters;

    private static long Now => Environment.TickCount64;

    /// <summary>What to wait for: a socket or -1, POLLIN and POLLOUT, and for how many milliseconds, -1 for ever.</summary>
    public (int Socket, short Events, int Timeout) BeforeWait()
    {
        lock (_gate)
        {
            _sleepsUntil = Due();
            int timeout = _isWoken ? 0 : _sleepsUntil == long.MaxValue ? -1 : (int)Math.Clamp(_sleepsUntil - Now, 0, int.MaxValue);
            return _state switch
            {
                ConnectionState.Connected => (_socket, _isBlocked ? (short)(POLLIN | POLLOUT) : POLLIN, timeout),
                ConnectionState.Connecting => (_socket, POLLOUT, timeout),
                _ => (-1, 0, timeout),
            };
        }
    }

    /// <summary>Does all that is to be done now.</summary>
    public void Turn(bool readable, bool writable)
    {
        bool connecting, failed;
        lock (_gate)
        {
            _isInTurn = true;
            _isWoken = false;
            _isBlocked &= !writable;
            connecting = _state == ConnectionState.Connecting;
            failed = _sendErrno != 0;
        }

        if (connecting)
            GoOnConnecting(writable);
        else if (readable || failed)
            Receive();
        RunTimers();
        Reconnect();
        EndTurn();
    }

    private void EndTurn()
    {
        while (true)
        {
            Flush();
            lock (_gate)
            {
                if (_isSending || !CanSend || !HasUnsent)
                {
                    _isInTurn = false;
                    if (_sendErrno != 0 && MustWake())
                        Wake();   // itself: there is something to find out
                    return;
                }
            }
        }
    }

    private void Receive()
    {
        int errno;
        RpcException? end = _wire.Receive(_socket, _deliver);
        lock (_gate)
            errno = _sendErrno;

        // A server may have answered, and closed then: what it had to say has been taken by now.
        if (end is null && errno != 0)
            end = Failed("call", errno);
        if (end is not null)
            Break(end);
    }

    private void Deliver(ReadOnlySpan<byte> message)
    {
        PendingCall? call = null;
        lock (_gate)
        {
            if (!_hasHeard)
                HearFirst();
            _timeoutsInRow = 0;
            if (CallHeader.IsCall(message))
            {
                Refuse(message);   // its xid is of the server's own choice, and may be that of a call in flight
                return;
            }

            if (message.Length >= sizeof(uint))
                call = Take(BinaryPrimitives.ReadUInt32BigEndian(message));
            if (call is null)
                _counters.UnmatchedReplies++;   // late, repeated, or to a call that was given up
        }

        call?.Answer(message);
    }

    private void SetTimers(PendingCall call, TimeSpan timeout)
    {
        long now = Now;
        call.Timeout = timeout;
        call.Deadline = now + Milliseconds(timeout);
        if (Milliseconds(timeout) > _longestTimeout)
        {
            _longestTimeout = Milliseconds(timeout);
            LimitUnacknowledged();
        }

        call.Repeats = _isDatagram;
        call.Wait = Milliseconds(_options.FirstRetry);
        call.ResendAt = now + call.Wait;
        _earliest = Math.Min(_earliest, call.Due);
    }

    // The calls are looked through when the earliest timer may be due: not more often than once in a millisecond, and with timers
    // that are long, hardly ever. That is cheaper than to keep them in order, for nearly every call ends before its timer.
    private void RunTimers()
    {
        List<PendingCall>? late = null;
        bool givesUp = false;
        lock (_gate)
        {
            long now = Now, earliest = long.MaxValue;
            bool isOldest = true;   // of those that the server may be at
            if (now < _earliest)
                return;
            foreach (PendingCall call in _calls.InOrder())
            {
                if (now >= call.Deadline)
                {
                    (late ??= []).Add(call);
                    _timeoutsInRow += isOldest && IsSent(call) ? 1 : 0;
                    call.WasSent |= IsSent(call);
                    continue;
                }

                isOldest &= !IsSent(call);

                if (call.Repeats && now >= call.ResendAt)
                    Repeat(call, now);
                earliest = Math.Min(earliest, call.Due);
            }

            _earliest = earliest;
            late?.ForEach(call => TakeBack(call));
            givesUp = late is not null && MayGiveUp;
        }

        if (givesUp)
            GiveUpConnection();
        foreach (PendingCall call in late ?? [])
            call.Fail(NoReply(call));
    }

    private RpcTimeoutException NoReply(PendingCall call) => new(
        $"call {_server}: no reply in {call.Timeout.TotalSeconds:0.###} s: " + (call.WasSent
            ? "the server is down or hangs, or what was sent is lost"
            : "the call was not sent, as the server takes no bytes or there is no connection"))
    {
        WasSent = call.WasSent,
    };

    private void Repeat(PendingCall call, long now)
    {
        if (!IsSent(call))
        {
            call.ResendAt = now + call.Wait;   // it waits to be sent as it is
            return;
        }

        call.WasSent = true;
        Landed(call);
        call.Wait = Math.Min(2 * call.Wait, Milliseconds(_options.LongestRetry));
        call.ResendAt = now + call.Wait;
        QueueCall(call);
        _counters.Retransmissions++;
    }

    // Under the gate.
    private List<PendingCall> TakeCalls(Func<PendingCall, bool> which)
    {
        List<PendingCall> taken = [.. _calls.InOrder().Where(which)];
        taken.ForEach(call => TakeBack(call));
        return taken;
    }

    private long Due() => Math.Min(
        _calls.Count > 0 ? _earliest : long.MaxValue,
        _state switch
        {
            ConnectionState.Connecting => _connectUntil,
            ConnectionState.Disconnected when HasWork => _reconnectAt,
            _ => long.MaxValue,
        });

    private static long Milliseconds(TimeSpan time) =>
        time == System.Threading.Timeout.InfiniteTimeSpan ? int.MaxValue : (long)Math.Min(Math.Ceiling(time.TotalMilliseconds), int.MaxValue);
}
