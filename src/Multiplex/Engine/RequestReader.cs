namespace Multiplex.Engine;

/// <summary>Why <see cref="RequestReader.Consume"/> stopped.</summary>
public enum ReadOutcome
{
    /// <summary>Every whole request is answered; more bytes are needed.</summary>
    NeedsInput,

    /// <summary>The replies passed the mark; there may be whole requests left.</summary>
    OutputFull,

    /// <summary>
    /// A request that may take long is next, or was the last, or there were many. There may be whole requests left: before they are answered, the
    /// replies are to be sent, and the peer to be looked at, for it may be gone.
    /// </summary>
    Paused,

    /// <summary>A protocol error: send what replies there are, then close this connection.</summary>
    Malformed,

    /// <summary>The reply to the last request that is consumed comes later, and stands in <see cref="OutputBuffer.Late"/>. There may be whole requests left.</summary>
    Later,

    /// <summary>The reply to the last request says that TLS begins behind it.</summary>
    StartTls,
}

/// <summary>Runs a protocol over the bytes of one stream: what every model but <c>hybrid</c> does between a read and a write.</summary>
public static class RequestReader
{
    /// <summary>
    /// Answers whole requests at the front of <paramref name="received"/>: all that are quick up to one that is not, or else one that may take
    /// long. See <see cref="IProtocol.IsFrameQuick"/>.
    /// </summary>
    /// <param name="protocol">What the bytes mean.</param>
    /// <param name="received">What has been received and not yet consumed.</param>
    /// <param name="progress">The connection's framing state; belongs to the bytes that are left over.</param>
    /// <param name="peer">The client.</param>
    /// <param name="reply">Where the replies are appended: a whole batch, to be sent with one call.</param>
    /// <param name="mark">How many bytes of replies are enough for now.</param>
    /// <param name="consumed">How many bytes at the front are done with.</param>
    /// <param name="left">How many requests are enough for now. Each that is answered is counted down.</param>
    public static ReadOutcome Consume(
        IProtocol protocol,
        ReadOnlySpan<byte> received,
        ref FramingProgress progress,
        in Peer peer,
        OutputBuffer reply,
        int mark,
        out int consumed,
        ref int left)
    {
        consumed = 0;
        while (consumed < received.Length)
        {
            if (reply.Length >= mark)
                return ReadOutcome.OutputFull;
            ReadOnlySpan<byte> rest = received[consumed..];
            int length = protocol.Frame(rest, ref progress);
            if (length == FrameResult.Incomplete)
                return ReadOutcome.NeedsInput;
            FrameAnswer answer = length < 0
                ? FrameAnswer.Malformed
                : protocol.AnswerInBatch(rest[..length], peer, reply, ifQuick: reply.Length > 0);
            if (answer == FrameAnswer.Malformed)
                return ReadOutcome.Malformed;
            progress = default;   // of a request that was left alone too: it is found again
            if (answer == FrameAnswer.Left)
                return ReadOutcome.Paused;
            consumed += length;
            left--;
            if (answer == FrameAnswer.Later)
                return ReadOutcome.Later;
            if (answer == FrameAnswer.StartTls)
                return ReadOutcome.StartTls;
            if ((answer == FrameAnswer.Long || left == 0) && consumed < received.Length)
                return ReadOutcome.Paused;
        }

        return ReadOutcome.NeedsInput;
    }

    /// <summary>Answers a message, where the boundaries of messages are kept: it is one request.</summary>
    /// <param name="protocol">What the bytes mean.</param>
    /// <param name="message">The message.</param>
    /// <param name="peer">The client.</param>
    /// <param name="reply">Where the reply is appended.</param>
    /// <param name="consumed">Its length.</param>
    internal static ReadOutcome ConsumeMessage(IProtocol protocol, ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply, out int consumed)
    {
        int start = reply.Length;
        consumed = message.Length;
        if (protocol.AnswerMessage(message, peer, reply))
            return reply.Late is null ? ReadOutcome.NeedsInput : ReadOutcome.Later;
        reply.Truncate(start);
        return ReadOutcome.Malformed;
    }
}
