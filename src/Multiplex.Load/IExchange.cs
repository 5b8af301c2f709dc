namespace Multiplex.Load;

/// <summary>What a reply was worth.</summary>
public enum ReplyVerdict
{
    /// <summary>It is not whole yet; of a message, which comes whole or not at all: it is too short.</summary>
    Incomplete,

    /// <summary>It is the right one, byte for byte.</summary>
    Right,

    /// <summary>It is whole and wrong.</summary>
    Wrong,

    /// <summary>It is so wrong that its end cannot be told, and the stream is of no more use; or, of a message, what it answers.</summary>
    Unreadable,
}

/// <summary>
/// A conversation from the client's side: makes requests and checks the replies, on one kind of socket. One instance for each
/// client thread.
/// </summary>
public interface IExchange
{
    /// <summary>How long a request is at most, in bytes.</summary>
    int LongestRequest { get; }

    /// <summary>Appends the request of this number.</summary>
    void Write(OutputBuffer batch, uint sequence);

    /// <summary>Checks the reply at the front of what has been received.</summary>
    /// <param name="received">A stream: what has been received and not yet consumed. Otherwise: one message.</param>
    /// <param name="due">The request whose reply is due: the one that replies answer where they do not say themselves.</param>
    /// <param name="length">The reply's length in bytes.</param>
    /// <param name="sequence">The request that the reply answers. The caller knows whether that was asked, and is not answered yet.</param>
    ReplyVerdict Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence);
}
