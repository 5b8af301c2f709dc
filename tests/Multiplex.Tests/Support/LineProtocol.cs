using System.Text;

namespace Multiplex.Tests.Support;

/// <summary>A request is a line; the reply is the same in capitals. "!" is malformed, "?" cannot be answered, "-" gets no reply,
/// "~" may take long, and the reply to "&amp;" comes later.</summary>
internal sealed class LineProtocol : IProtocol
{
    public ReplyOrder ReplyOrder { get; init; } = ReplyOrder.Calls;

    public int LookedAt { get; private set; }

    /// <summary>Requests that were answered, or begun.</summary>
    public int Answered { get; private set; }

    /// <summary>The calls whose replies come later, in their order.</summary>
    public List<LateLine> Late { get; } = [];

    /// <summary>Called with each of them before the protocol returns.</summary>
    public Action<LateLine> OnLate { get; init; } = static _ => { };

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
        Answered++;
        if (message[0] == '?')
            return false;
        if (message[0] == '-')
            return true;
        if (message[0] == '&')
        {
            LateLine late = new(message);
            Late.Add(late);
            OnLate(late);
            reply.Late = late;
            return true;
        }

        Ascii.ToUpper(message, reply.Append(message.Length), out _);
        return true;
    }

    /// <summary>A call that the test completes.</summary>
    internal sealed class LateLine : LateReply
    {
        private readonly byte[] _line;

        public LateLine(ReadOnlySpan<byte> line)
        {
            (_line, Bytes) = (line.ToArray(), line.Length);
            Reply = new();
        }

        /// <summary>Whether the client had gone each time that the call was cancelled.</summary>
        public List<bool> Cancelled { get; } = [];

        public void Answer()
        {
            Ascii.ToUpper(_line, Reply.Append(_line.Length), out _);
            Complete();
        }

        protected internal override void Cancel(bool hasEnded) => Cancelled.Add(hasEnded);
    }
}
