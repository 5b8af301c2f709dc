using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>A stream: a batch of whole requests is answered in a turn, and its replies are sent with one call.</summary>
internal sealed class StreamConnection(int descriptor, PeerAddress peer) : ReactorConnection(descriptor, peer)
{
    // Short calls that came together are answered within about 0.1 ms; then others have their turn.
    private const int MostInATurn = 512;

    private ReadBuffer _held;
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
    protected override bool Receive(LoopContext loan, out int received)
    {
        byte[] buffer = _held.BufferForMore(loan.ReceiveBuffer);
        Span<byte> room = buffer.AsSpan(_held.Length);
        SyscallResult result = recv(Descriptor, room, 0);
        received = (int)Math.Max(0, result.Value);
        if (received == 0)
            return OnNoBytes(result, loan);
        LastMoved = loan.Now;
        if (received == room.Length)
            RequestSince = 0;
        return Answer(buffer.AsSpan(0, _held.Length + received), loan);
    }

    // Once the peer has taken half of what it may owe.
    protected override bool AnswerWaiting(LoopContext loan) =>
        !RequestsWait || Owed > loan.Options.MaxPendingOutput / 2 || Answer(_held.Bytes, loan);

    // Answers one batch: the share of a turn.
    private bool Answer(ReadOnlySpan<byte> received, LoopContext loan)
    {
        bool wasThrottled = Owed > 0 && IsThrottled(loan.Options);
        ReadOutcome stop = RequestReader.Consume(
            loan.Protocol, received, ref _framing, Peer, loan.Replies, loan.Options.MaxPendingOutput, out int consumed, MostInATurn);
        received = received[consumed..];
        bool sent = loan.Replies.Length == 0 || SendOrOwe(loan.Replies.Written, loan);
        loan.Replies.Clear(OutputBuffer.UsuallyKept);
        if (!sent)
            return false;

        if (stop == ReadOutcome.Malformed)
        {
            loan.Counters.Increment(Counter.ProtocolErrors);
            Closing = true;
            received = default;
        }

        RequestsWait = stop is ReadOutcome.OutputFull or ReadOutcome.Paused;
        if (RequestsWait || received.IsEmpty)
            RequestSince = 0;
        else if (consumed > 0 || RequestSince == 0)
            RequestSince = loan.Now;
        if (!wasThrottled && Owed > 0 && IsThrottled(loan.Options))
            loan.Counters.Increment(Counter.Throttled);
        _held.Set(received);
        return true;
    }
}
