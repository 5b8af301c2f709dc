using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// A connection whose requests are answered by a crew: the reactor finds where each ends and hands it over. Where replies
/// say what they answer, many are in progress at a time and come back as they are ready; else one at a time.
/// </summary>
internal sealed class HandedConnection(int descriptor, PeerAddress peer, CallCrew crew) : ReactorConnection(descriptor, peer)
{
    private const int SentAlone = 64 * 1024;   // a reply that is not copied first, to be sent with others

    private HeldRequests _held;
    private FramingProgress _framing;
    private int _inProgress;
    private int _bytesInProgress;
    private bool _touched;
    private bool _isBroken;
    private bool _released;
    private int _drainReads = -1;   // not draining

    /// <inheritdoc/>
    public override bool IsDone => _inProgress == 0 && base.IsDone;

    /// <inheritdoc/>
    public override bool IsAtWork => _inProgress > 0;

    /// <summary>A reply has come; <see cref="SendReplies"/> sends it.</summary>
    /// <returns>Whether it is the first since then.</returns>
    public bool Take(HandedCall call, ReactorLoan loan)
    {
        _inProgress--;
        _bytesInProgress -= call.RequestLength;
        if (_released)
            return false;
        if (!call.IsAnswered)
            Malformed(loan);
        else if (Kind.IsStream() && call.Reply.Length >= SentAlone)
            _isBroken |= !SendOrOwe(call.Reply.Written, loan);
        else if (Kind.IsStream())
            _unsent.Append(call.Reply.Written);
        else if (call.Reply.Length > 0)
            _unsent.AppendMessage(call.Reply.Written);
        bool first = !_touched;
        _touched = true;
        return first;
    }

    /// <summary>Sends the replies that have come, and goes on with what has waited for them.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool SendReplies(ReactorLoan loan)
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
    public override bool Drain(ReactorLoan loan)
    {
        _drainReads = LastReads;
        return AnswerWaiting(loan);
    }

    /// <inheritdoc/>
    public override void Release()
    {
        base.Release();
        _held.Set(default);
        _released = true;
    }

    /// <inheritdoc/>
    protected override bool Receive(ReactorLoan loan, out bool nothingThere)
    {
        // MSG_TRUNC: of a message, the whole length; on a TCP stream it would throw the bytes away, tcp(7).
        bool isStream = Kind.IsStream();
        byte[] buffer = isStream ? _held.BufferForMore(loan.ReadBuffer) : loan.PacketBuffer;
        SyscallResult result = recv(Descriptor, buffer.AsSpan(_held.Length), isStream ? 0 : MSG_TRUNC);
        return Received(result, buffer, loan, out nothingThere);
    }

    /// <inheritdoc/>
    protected override bool AnswerWaiting(ReactorLoan loan)
    {
        if (RequestsWait && HasRoom(loan))
            Hand(_held.Bytes, loan);

        // While draining: what waits in the kernel until there is room for it has arrived too.
        while (_drainReads >= 0 && MayRead(loan.Options))
        {
            if (!Receive(loan, out bool nothingThere))
                return false;
            InputEnded |= nothingThere || --_drainReads <= 0;
        }

        return true;
    }

    private bool Received(SyscallResult result, byte[] buffer, ReactorLoan loan, out bool nothingThere)
    {
        if (result.Value <= 0)
            return OnNoBytes(result, loan, out nothingThere);
        nothingThere = false;
        LastMoved = loan.Now;
        if (_held.Length + result.Value > buffer.Length)
            Malformed(loan);   // a message that did not fit
        else
            Hand(buffer.AsSpan(0, _held.Length + (int)result.Value), loan);
        return true;
    }

    private void Hand(ReadOnlySpan<byte> received, ReactorLoan loan)
    {
        while (!received.IsEmpty && HasRoom(loan))
        {
            int length = Kind.IsStream() ? loan.Protocol.Frame(received, ref _framing) : received.Length;
            if (length == FrameResult.Incomplete)
                break;
            if (length < 0)
            {
                Malformed(loan);
                received = default;
                break;
            }

            if (_held.GiveAway(received[..length]) is { } array)
                crew.Hand(this, array, length);
            else
                crew.Hand(this, received[..length]);
            _inProgress++;
            _bytesInProgress += length;
            _framing = default;
            received = received[length..];
        }

        RequestsWait = !HasRoom(loan);
        _held.Set(received);
    }

    // Replies may be as long as requests: what is in progress counts as owed.
    private bool HasRoom(ReactorLoan loan) =>
        _inProgress == 0
        || (_inProgress < (loan.Protocol.AnswersInAnyOrder ? loan.Options.MaxCallsInProgress : 1)
            && Owed + _bytesInProgress < loan.Options.MaxPendingOutput);

    private void Malformed(ReactorLoan loan)
    {
        if (!Closing)
            loan.Counters.Increment(Counter.ProtocolErrors);
        Closing = true;
    }
}
