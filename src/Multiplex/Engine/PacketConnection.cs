using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// A connection that keeps the boundaries of messages (seqpacket): each message is one request, each reply one message.
/// An empty message looks like the end of the connection: recv(2) returns 0 for both.
/// </summary>
internal sealed class PacketConnection(int descriptor, PeerAddress peer) : ReactorConnection(descriptor, peer)
{
    /// <inheritdoc/>
    protected override bool Receive(LoopContext loan, out int received)
    {
        // MSG_TRUNC: the result is the message's length, also when the buffer is shorter.
        SyscallResult result = recv(Descriptor, loan.MessageBuffer, MSG_TRUNC);
        int length = received = (int)Math.Max(0, result.Value);
        if (length == 0)
            return OnNoBytes(result, loan);
        LastMoved = loan.Now;
        if (length > loan.MessageBuffer.Length || !loan.Protocol.AnswerMessage(loan.MessageBuffer.AsSpan(0, length), Peer, loan.Replies))
        {
            loan.Counters.Increment(Counter.ProtocolErrors);
            loan.Replies.Clear(OutputBuffer.UsuallyKept);
            Closing = true;
            return true;
        }

        bool sent = Send(loan);
        loan.Replies.Clear(OutputBuffer.UsuallyKept);
        return sent;
    }

    /// <inheritdoc/>
    protected override bool AnswerWaiting(LoopContext loan) => true;   // each message is answered when it is read

    private bool Send(LoopContext loan)
    {
        ReadOnlySpan<byte> reply = loan.Replies.Written;
        if (reply.IsEmpty)
            return true;
        if (Owed == 0)
        {
            SyscallResult result = send(Descriptor, reply, MSG_NOSIGNAL);
            if (!result.Is(EAGAIN))
                return !result.IsError || Broken(loan);
        }

        bool wasThrottled = IsThrottled(loan.Options);
        _unsent.AppendMessage(reply);
        if (!wasThrottled && IsThrottled(loan.Options))
            loan.Counters.Increment(Counter.Throttled);
        return true;
    }
}
