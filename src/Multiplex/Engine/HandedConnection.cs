using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// A connection whose requests are answered by a crew: the reactor finds where each ends and hands it over. Several run at a time; their
/// replies leave in the order of the calls, or, where the protocol says so, as they are ready.
/// </summary>
internal sealed class HandedConnection(int descriptor, PeerAddress peer, CallCrew crew) : ReactorConnection(descriptor, peer), IConnectionState
{
    private const int SentAlone = 64 * 1024;   // a reply that is not copied first, to be sent with others

    private readonly CallFlow _calls = new();
    private HandedCall? _oldest, _newest;   // the calls in progress, where replies leave in their order
    private ReadBuffer _held;
    private FramingProgress _framing;
    private bool _touched;
    private bool _isBroken;
    private bool _isCut;            // a call was no request: the replies behind it are not sent
    private volatile bool _released;

    /// <inheritdoc/>
    public override bool IsDone => _calls.InProgress == 0 && base.IsDone;

    /// <inheritdoc/>
    public override bool IsAtWork => _calls.InProgress > 0;

    /// <summary>Never: what waits does so for a worker.</summary>
    public override bool GoesOn(ServerOptions options) => false;

    /// <summary>Whether the client has gone, for a procedure that runs.</summary>
    public bool HasEnded => _released || HasHungUp;

    /// <summary>The peer, for a call that is run by a worker.</summary>
    public Peer Caller => PeerAddress.PeerOf(this);

    /// <summary>A call has been run; <see cref="SendReplies"/> sends its reply once it is its turn.</summary>
    /// <returns>Whether it is the first since then.</returns>
    public bool Take(HandedCall call, LoopContext loan)
    {
        if (_released)
        {
            crew.Recycle(call);
            return false;
        }

        call.Finish();
        if (loan.Protocol.ReplyOrder == ReplyOrder.Any)
            TakeReply(call, loan);
        else
            TakeRepliesInOrder(loan);
        bool first = !_touched;
        _touched = true;
        return first;
    }

    /// <summary>Sends the replies that have come, and goes on with what has waited for them.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool SendReplies(LoopContext loan)
    {
        _touched = false;
        if (_released)
            return true;
        bool wasThrottled = IsThrottled(loan.Options);
        if (_isBroken || (Owed > 0 && !SendOwed(loan)) || !AnswerWaiting(loan))
            return false;
        if (!wasThrottled && IsThrottled(loan.Options))
            loan.Counters.Increment(Counter.Throttled);
        return true;
    }

    /// <inheritdoc/>
    public override bool Drain(LoopContext loan)
    {
        base.Drain(loan);
        return AnswerWaiting(loan);
    }

    /// <inheritdoc/>
    public override long Memory => base.Memory + _held.Memory + _calls.BytesInProgress;

    /// <inheritdoc/>
    public override void Release()
    {
        base.Release();
        _held.Set(default);
        _released = true;
        for (HandedCall? call = _oldest, next; call is not null; call = next)
        {
            next = call.NextInOrder;
            if (call.IsFinished)
                crew.Recycle(call);
        }

        crew.Drop(_calls);
    }

    /// <inheritdoc/>
    protected override bool Receive(LoopContext loan, out int received)
    {
        // MSG_TRUNC: of a message, the whole length; on a TCP stream it would throw the bytes away, tcp(7).
        bool isStream = Kind.IsStream();
        byte[] buffer = isStream ? _held.BufferForMore(loan.ReceiveBuffer) : loan.MessageBuffer;
        SyscallResult result = recv(Descriptor, buffer.AsSpan(_held.Length), isStream ? 0 : MSG_TRUNC);
        received = (int)Math.Max(0, result.Value);
        if (received == buffer.Length - _held.Length)
            RequestSince = 0;
        return Received(result, buffer, loan);
    }

    /// <inheritdoc/>
    protected override bool AnswerWaiting(LoopContext loan)
    {
        if (RequestsWait && HasRoom(loan))
            Hand(_held.Bytes, loan);

        // While draining: what waits in the kernel until there is room for it has arrived too.
        while (IsDraining && MayRead(loan.Options))
        {
            if (!Read(loan))
                return false;
        }

        return true;
    }

    private bool Received(SyscallResult result, byte[] buffer, LoopContext loan)
    {
        if (result.Value <= 0)
            return OnNoBytes(result, loan);
        LastMoved = loan.Now;
        if (_held.Length + result.Value > buffer.Length)
            Malformed(loan);   // a message that did not fit
        else
            Hand(buffer.AsSpan(0, _held.Length + (int)result.Value), loan);
        return true;
    }

    private void Hand(ReadOnlySpan<byte> received, LoopContext loan)
    {
        bool isRestAwaited = false;
        while (!received.IsEmpty && HasRoom(loan))
        {
            int length = Kind.IsStream() ? loan.Protocol.Frame(received, ref _framing) : received.Length;
            if (length == FrameResult.Incomplete)
            {
                isRestAwaited = true;
                break;
            }

            if (length < 0)
            {
                Malformed(loan);
                received = default;
                break;
            }

            HandedCall call = _held.GiveAway(received[..length]) is { } array
                ? crew.Hand(this, _calls, array, length)
                : crew.Hand(this, _calls, received[..length]);
            if (loan.Protocol.ReplyOrder != ReplyOrder.Any)
                AppendInOrder(call);
            _framing = default;
            RequestSince = 0;
            received = received[length..];
        }

        bool waited = RequestsWait;
        RequestsWait = !HasRoom(loan);
        if (RequestsWait && !waited && crew.Room == 0)
            loan.Counters.Increment(Counter.CallQueueFull);

        if (!isRestAwaited)
            RequestSince = 0;
        else if (RequestSince == 0)
            RequestSince = loan.Now;
        _held.Set(received);
    }

    private void AppendInOrder(HandedCall call)
    {
        if (_oldest is null)
            _oldest = call;
        else
            _newest!.NextInOrder = call;
        _newest = call;
    }

    private void TakeRepliesInOrder(LoopContext loan)
    {
        while (_oldest is { IsFinished: true } call)
        {
            _oldest = call.NextInOrder;
            TakeReply(call, loan);
        }
    }

    private void TakeReply(HandedCall call, LoopContext loan)
    {
        ReadOnlySpan<byte> reply = _isCut ? default : call.Reply.Written;
        if (!call.IsAnswered)
        {
            Malformed(loan);
            _isCut = loan.Protocol.ReplyOrder != ReplyOrder.Any;
        }
        else if (Kind.IsStream() && reply.Length >= SentAlone)
        {
            _isBroken = _isBroken || !SendOrOwe(reply, loan);
        }
        else if (Kind.IsStream())
        {
            _unsent.Append(reply);
        }
        else if (!reply.IsEmpty)
        {
            _unsent.AppendMessage(reply);
        }

        crew.Recycle(call);
    }

    // Replies may be as long as requests: what is in progress counts as pending. A connection that has no call in progress may hand one
    // over however many wait, and so needs no notice when there is room.
    private bool HasRoom(LoopContext loan) =>
        _calls.InProgress == 0
        || (_calls.InProgress < loan.Options.MaxCallsInProgress
            && Owed + _calls.BytesInProgress < loan.Options.MaxPendingOutput
            && crew.Room > 0);

    private void Malformed(LoopContext loan)
    {
        if (!Closing)
            loan.Counters.Increment(Counter.ProtocolErrors);
        Closing = true;
    }
}
