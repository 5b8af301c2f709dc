using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>Ends a connection and the calls that cannot go on without it, and connects anew for the others.</summary>
/// <remarks>The driver alone calls what changes the connection; properties are read under the gate.</remarks>
internal sealed class Recovery(
    object gate, RpcClientOptions options, PendingCalls calls, SendQueue queue, CallTimers timers, ClientSocket socket, Transport transport, ClientEvents events, Relocation? relocation)
{
    private readonly bool _isDatagram = socket.Server.Kind.IsDatagram();
    private RpcException? _breakReason;   // why the last connection ended, until the next one has answered

    /// <summary>Connections that ended with calls in flight that go on.</summary>
    public long Reconnects { get; private set; }

    /// <summary>Connections that were given up.</summary>
    public long GivenUp { get; private set; }

    /// <summary>
    /// Why the connection is given up now that calls have timed out; null when it is not. Bytes that are not acknowledged may be lost on a path that
    /// loses few, and a datagram from another port is another caller to a server's reply cache: not while a call is under way that must not be run twice.
    /// </summary>
    /// <param name="late">The calls.</param>
    public string? ReasonToGiveUp(List<PendingCall> late)
    {
        if (options.ReconnectAfterTimeouts <= 0 || socket.State != ClientSocketState.Connected)
            return null;
        bool endsNoCall = calls.InOrder().All(call => IsRepeatable(call) || !(call.WasSent || queue.IsSent(call)));
        if (endsNoCall && late.Any(call => call.WasSent) && socket.IsUnacknowledged)
            return "the server's machine acknowledges nothing";
        return timers.TimeoutsInRow >= options.ReconnectAfterTimeouts && (endsNoCall || !_isDatagram)
            ? $"{timers.TimeoutsInRow} calls in a row got no reply"
            : null;
    }

    /// <summary>Whether a call may be sent twice.</summary>
    public bool IsRepeatable(PendingCall call) => call.Procedure.IsIdempotent || options.ServerKeepsReplies;

    /// <summary>The server has sent something. Under the gate.</summary>
    public void Heard()
    {
        timers.ResetTimeouts();
        if (socket.HasHeard)
            return;
        socket.Heard();
        _breakReason = null;
    }

    /// <summary>
    /// Gives up the connection: the server or its machine responds, and yet no call gets a reply. A new connection passes a middlebox that
    /// has forgotten this one.
    /// </summary>
    public void GiveUp(string reason)
    {
        lock (gate)
        {
            GivenUp++;
            if (!socket.HasHeard)
                socket.NextAddress();
        }

        Break(new RpcConnectionException($"{reason}, so the connection was given up"), isGivenUp: true);
    }

    /// <summary>The connection has ended. Calls that may be sent again stay for the next one; the others fail.</summary>
    /// <param name="why">Why it has ended.</param>
    /// <param name="isGivenUp">Whether this client has ended it.</param>
    /// <param name="failsAll">Whether the calls that may be sent again fail too.</param>
    public void Break(RpcException why, bool isGivenUp = false, bool failsAll = false)
    {
        List<PendingCall> failed;
        int kept;
        bool goesOn;
        lock (gate)
        {
            queue.AwaitSender();
            foreach (PendingCall call in calls.InOrder())
                call.WasSent |= queue.IsSent(call);   // which the next connection cannot say
            if (socket.HasHeard)
                socket.BeginOutage();
            goesOn = isGivenUp
                || (!failsAll && why is RpcConnectionException && (_isDatagram ? socket.TryNextAddress() : socket.HasHeard || !socket.IsLongBroken));
            failed = queue.TakeBack(call => !call.IsPaused && (!goesOn || !(_isDatagram || !call.WasSent || IsRepeatable(call))));
            _breakReason = why;
            queue.Close(keepsPosted: goesOn);
            socket.Disconnect();
            timers.ResetTimeouts();
            transport.Reset();
            kept = calls.Count;
            if (kept > 0)
                Reconnects++;
        }

        events.Lost(socket.Server, why.Reason, failed.Count, kept);
        if (isGivenUp || (_isDatagram && !goesOn))
            relocation?.Ask();
        failed.ForEach(call => call.Fail(why));
    }

    /// <summary>Begins to connect anew, if there is no connection and it is time to.</summary>
    public void Reconnect()
    {
        SyscallResult? result;
        lock (gate)
            result = socket.Reconnect();
        if (result is { } outcome)
            ConnectEnded(outcome);
    }

    /// <summary>The outcome of an attempt to connect: EINPROGRESS while it is not known.</summary>
    public void ConnectEnded(SyscallResult result)
    {
        if (result.Is(EINPROGRESS))
            return;
        if (!result.IsError)
        {
            lock (gate)
                Resume();
            events.Connected(socket.Server, socket.Endpoint);
            return;
        }

        List<PendingCall> failed = [];
        SyscallException failure = ClientSocket.Problem(result.Errno, socket.Server, options);
        RpcException why = new RpcConnectionException(failure.Message, failure);
        bool isLast;
        lock (gate)
        {
            RpcTlsException? refusal = socket.TlsFailure;
            isLast = socket.ConnectFailed();
            if (refusal is not null)
                why = refusal;
            else if (_breakReason is not null)
                why = new RpcConnectionException($"{_breakReason.Message}; and no new connection can be made: {failure.Message}", failure);
            if (refusal is not null || (isLast && (_isDatagram || socket.IsLongBroken)))
            {
                failed = queue.TakeBack(call => !call.IsPaused);
                queue.Close(keepsPosted: false);
            }
        }

        events.CannotConnect(socket.Server, why.Reason);
        if (isLast)
            relocation?.Ask();
        failed.ForEach(call => call.Fail(why));
    }

    /// <summary>The failure of a system call, with the server that it was for.</summary>
    public RpcConnectionException Failed(string call, int errno)
    {
        SyscallException failure = AddressProblem.Of(call, errno, socket.Server);
        return new(failure.Message, failure);
    }

    // Under the gate. What was posted meanwhile goes first, then the calls, with the xids that they have had all along.
    private void Resume()
    {
        socket.Connected();
        queue.Open(socket.Descriptor);
        foreach (PendingCall call in calls.InOrder())
        {
            transport.MakeRoom(socket.Descriptor, call.Message.Length - RecordMarking.HeaderLength);
            if (call.IsPaused)
                continue;
            queue.Add(call);
            if (call.WasSent && !call.Procedure.IsIdempotent)
                timers.RepeatUntilAnswered(call);
        }
    }
}
