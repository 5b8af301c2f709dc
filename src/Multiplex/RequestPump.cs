namespace Multiplex;

/// <summary>Why <see cref="RequestPump.Consume"/> stopped.</summary>
public enum PumpStop
{
    /// <summary>Every whole request is answered; more bytes are needed.</summary>
    NeedsInput,

    /// <summary>The replies passed the mark; there may be whole requests left.</summary>
    OutputFull,

    /// <summary>The server is to stop, and the time for this batch is over; there may be whole requests left.</summary>
    Paused,

    /// <summary>A protocol error: send what replies there are, then close this connection.</summary>
    Malformed,
}

/// <summary>Runs a protocol over the bytes of one stream: what every model does between a read and a write.</summary>
public static class RequestPump
{
    /// <summary>Answers the whole requests at the front of <paramref name="received"/>.</summary>
    /// <param name="protocol">What the bytes mean.</param>
    /// <param name="received">What has been received and not yet consumed.</param>
    /// <param name="progress">The connection's framing state; belongs to the bytes that are left over.</param>
    /// <param name="peer">Who sent them.</param>
    /// <param name="reply">Where the replies are appended: a whole batch, to be sent with one call.</param>
    /// <param name="mark">How many bytes of replies are enough for now.</param>
    /// <param name="consumed">How many bytes at the front are done with.</param>
    /// <param name="limit">When to leave the rest of a batch for later; null for never. The first request is always answered.</param>
    public static PumpStop Consume(
        IProtocol protocol,
        ReadOnlySpan<byte> received,
        ref FramingProgress progress,
        in Peer peer,
        OutputBuffer reply,
        int mark,
        out int consumed,
        BatchLimit? limit = null)
    {
        consumed = 0;
        while (consumed < received.Length)
        {
            if (reply.Length >= mark)
                return PumpStop.OutputFull;
            if (consumed > 0 && limit is { IsReached: true })
                return PumpStop.Paused;
            ReadOnlySpan<byte> rest = received[consumed..];
            int length = protocol.Frame(rest, ref progress);
            if (length == FrameResult.Incomplete)
                return PumpStop.NeedsInput;
            if (length < 0 || !protocol.AnswerFrame(rest[..length], peer, reply))
                return PumpStop.Malformed;
            progress = default;
            consumed += length;
        }

        return PumpStop.NeedsInput;
    }
}

/// <summary>
/// Keeps a batch of long calls from holding up a stop: a thread that answers a batch sees nothing else meanwhile. While
/// no stop has been requested, to ask costs one read of memory.
/// </summary>
/// <param name="stop">The wish that the server stop.</param>
public sealed class BatchLimit(StopSignal stop)
{
    /// <summary>Until when a batch may go on once a stop has been requested, in milliseconds of <see cref="Environment.TickCount64"/>; 0 is not at all.</summary>
    public long Until { get; set; }

    /// <summary>Whether the rest of a batch is to be left for later.</summary>
    public bool IsReached => stop.IsPending && Environment.TickCount64 >= Until;
}
