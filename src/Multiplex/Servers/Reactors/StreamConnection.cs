using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Reactors;

/// <summary>A stream: a batch of whole requests is answered at a time, and its replies are sent with one call.</summary>
internal sealed class StreamConnection(int descriptor, PeerAddress peer) : ReactorConnection(descriptor, peer)
{
    private HeldRequests _held;
    private FramingProgress _framing;

    /// <inheritdoc/>
    public override long Memory => base.Memory + _held.Memory;

    /// <inheritdoc/>
    public override void Release()
    {
        base.Release();
        _held.Set(default);
    }

    /// <inheritdoc/>
    protected override bool Receive(ReactorLoan loan, out bool nothingThere)
    {
        byte[] buffer = _held.BufferForMore(loan.ReadBuffer);
        SyscallResult result = recv(Descriptor, buffer.AsSpan(_held.Length), 0);
        if (result.Value <= 0)
            return OnNoBytes(result, loan, out nothingThere);
        nothingThere = false;
        LastMoved = loan.Now;
        return Answer(buffer.AsSpan(0, _held.Length + (int)result.Value), loan);
    }

    // Once the peer has taken half of what it may owe.
    protected override bool AnswerWaiting(ReactorLoan loan) =>
        !RequestsWait || Owed > loan.Options.MaxPendingOutput / 2 || Answer(_held.Bytes, loan);

    // Answers batch after batch until a request is incomplete, or the peer does not take the replies.
    private bool Answer(ReadOnlySpan<byte> received, ReactorLoan loan)
    {
        bool wasThrottled = IsThrottled(loan.Options);
        PumpStop stop;
        do
        {
            stop = RequestPump.Consume(
                loan.Protocol, received, ref _framing, Peer, loan.Replies, loan.Options.MaxPendingOutput, out int consumed, loan.Limit);
            received = received[consumed..];
            bool sent = loan.Replies.Length == 0 || SendOrOwe(loan.Replies.Written, loan);
            loan.Replies.Clear(OutputBuffer.UsuallyKept);
            if (!sent)
                return false;
        }
        while (stop == PumpStop.OutputFull && Owed == 0);

        if (stop == PumpStop.Malformed)
        {
            loan.Counters.Increment(Counter.ProtocolErrors);
            Closing = true;
            received = default;
        }

        RequestsWait = stop is PumpStop.OutputFull or PumpStop.Paused;
        if (!wasThrottled && IsThrottled(loan.Options))
            loan.Counters.Increment(Counter.Throttled);
        _held.Set(received);
        return true;
    }
}
