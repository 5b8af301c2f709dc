using System.Buffers.Binary;
using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Client;

/// <summary>
/// The work of the thread that drives a connection: before each wait it asks what to wait for; then it has a turn, in which it receives, runs the timers,
/// connects anew and sends.
/// </summary>
/// <remarks>For the driver alone, but for properties, which are read under the gate.</remarks>
internal sealed class ConnectionTurn
{
    private readonly ClientConnection _connection;
    private readonly object _gate;
    private readonly SendQueue _queue;
    private readonly CallTimers _timers;
    private readonly ClientSocket _socket;
    private readonly DriverRole _driver;
    private readonly Recovery _recovery;
    private readonly Transport _transport;
    private readonly ReplyHandler _deliver;

    /// <summary>The turns of a connection, of which the others are parts.</summary>
    public ConnectionTurn(
        ClientConnection connection, object gate, SendQueue queue, CallTimers timers, ClientSocket socket, DriverRole driver, Recovery recovery, Transport transport)
    {
        (_connection, _gate, _queue, _timers, _socket) = (connection, gate, queue, timers, socket);
        (_driver, _recovery, _transport) = (driver, recovery, transport);
        _deliver = Deliver;
    }

    /// <summary>When the driver ends its wait by itself, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long SleepsUntil { get; private set; } = long.MaxValue;

    /// <summary>Replies to no call in flight.</summary>
    public long UnmatchedReplies { get; private set; }

    /// <summary>Calls that the server made.</summary>
    public long CallsRefused { get; private set; }

    /// <summary>Calls that timed out or were cancelled, and whose replies have not come: the server may still be running them.</summary>
    public int Abandoned { get; set; }

    /// <summary>A socket or -1, what to wait for, and until when, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public (int Socket, Interest Interest, long Until) BeforeWait()
    {
        lock (_gate)
        {
            SleepsUntil = Math.Min(_timers.Due, _socket.Due(_connection.HasWork));
            return (_socket.Descriptor, _socket.Wants(_queue.IsBlocked), SleepsUntil);
        }
    }

    /// <summary>The driver cannot wait for the socket. Calls in flight fail.</summary>
    public void CannotWait(SyscallException why) => _recovery.Break(new RpcConnectionException(why.Message, why), failsAll: true);

    /// <summary>Does all that is to be done now.</summary>
    public void Run(bool readable, bool writable)
    {
        bool connecting, failed;
        lock (_gate)
        {
            _driver.BeginTurn();
            if (writable)
                _queue.Unblock();
            _socket.DropStaleAttempt(writable);
            connecting = _socket.State == ClientSocketState.Connecting;
            failed = _queue.Errno != 0;
        }

        if (connecting)
            _recovery.ConnectEnded(_socket.Outcome(writable));
        else if (readable || failed)
            Receive();
        RunTimers();
        bool isNeeded;
        lock (_gate)
            isNeeded = _connection is { HasWork: true, IsDisposed: false };
        if (isNeeded)
            _recovery.Reconnect();
        End();
    }

    private void Receive()
    {
        int errno;
        RpcException? end = _transport.Receive(_socket.Descriptor, _deliver);
        lock (_gate)
            errno = _queue.Errno;

        // A server may have replied and then closed the connection: its replies have been received by now.
        if (end is null && errno != 0)
            end = _recovery.Failed("send", errno);
        if (end is not null)
            _recovery.Break(end);
    }

    private void Deliver(ReadOnlySpan<byte> message)
    {
        PendingCall? call = null;
        lock (_gate)
        {
            _recovery.Heard();
            if (CallHeader.IsCall(message))
            {
                // Its xid is of the server's own choice, and may be that of a call in flight.
                CallsRefused++;
                _queue.Refuse(message);
                return;
            }

            if (message.Length >= sizeof(uint))
                call = _queue.Take(BinaryPrimitives.ReadUInt32BigEndian(message));
            if (call is null)
            {
                UnmatchedReplies++;
                Abandoned = Math.Max(0, Abandoned - 1);
            }
        }

        call?.Answer(message);
    }

    private void RunTimers()
    {
        List<PendingCall>? late;
        string? givesUpAs;
        lock (_gate)
        {
            late = _timers.Run();
            if (late is null)
                return;
            late.ForEach(call => _queue.TakeBack(call));
            Abandoned += late.Count;
            givesUpAs = _recovery.ReasonToGiveUp(late);
        }

        (int arrived, uint? xid) = _transport.PartialReply;
        if (givesUpAs is not null)
            _recovery.GiveUp(givesUpAs);
        foreach (PendingCall call in late)
            call.Fail(NoReply(call, arrived, xid));
    }

    private void End()
    {
        while (true)
        {
            _connection.Flush();
            lock (_gate)
            {
                if (_queue.NeedsFlush)
                    continue;
                _driver.EndTurn();
                if (_queue.Errno != 0 && _driver.MustWake())
                    _driver.Wake();   // itself: the next turn finds out what has happened
                return;
            }
        }
    }

    private static RpcTimeoutException NoReply(PendingCall call, int arrived, uint? xid)
    {
        string what = !call.WasSent ? "the call was not sent, as the server takes no bytes or there is no connection"
            : arrived > 0 ? $"{arrived} bytes had arrived of {(xid == call.Xid ? "its reply" : "a reply to another call")}, which was not whole"
            : "nothing of a reply had arrived: the server is down or hangs, or what was sent is lost";
        return new($"no reply in {call.Timeout.TotalSeconds:0.###} s: {what}") { WasSent = call.WasSent, ArrivedBytes = arrived };
    }
}
