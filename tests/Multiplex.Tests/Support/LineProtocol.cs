using System.Text;

namespace Multiplex.Tests.Support;

/// <summary>A request is a line; the reply is the same in capitals. "!" is malformed, "?" cannot be answered, "-" gets no reply,
/// and "~" may take long.</summary>
internal sealed class LineProtocol : IProtocol
{
    public ReplyOrder ReplyOrder { get; init; } = ReplyOrder.Calls;

    public int LookedAt { get; private set; }

    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress)
    {
        if (received[0] == '!')
            return FrameResult.Malformed;
        int end = received[progress.Scanned..].IndexOf((byte)'\n');
        LookedAt += end >= 0 ? end + 1 : received.Length - progress.Scanned;
        int length = progress.Scanned + end + 1;
        progress.Scanned = received.Length;
        return end >= 0 ? length : FrameResult.Incomplete;
    }

    public bool IsFrameQuick(ReadOnlySpan<byte> frame) => frame[0] != '~';

    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => AnswerMessage(frame, peer, reply);

    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        if (message[0] == '?')
            return false;
        if (message[0] == '-')
            return true;
        Ascii.ToUpper(message, reply.Append(message.Length), out _);
        return true;
    }
}
