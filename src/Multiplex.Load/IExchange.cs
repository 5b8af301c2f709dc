namespace Multiplex.Load;

/// <summary>What a reply was worth.</summary>
public enum ReplyVerdict
{
    /// <summary>It is not whole yet.</summary>
    Incomplete,

    /// <summary>It is the right one, byte for byte.</summary>
    Right,

    /// <summary>It is whole and wrong.</summary>
    Wrong,

    /// <summary>It is so wrong that the end of it cannot be told: the connection is of no more use.</summary>
    Unreadable,
}

/// <summary>A conversation from the client's side: makes requests and checks the replies. One instance for each client thread.</summary>
public interface IExchange
{
    /// <summary>Appends the request of this number.</summary>
    void Write(OutputBuffer batch, uint sequence);

    /// <summary>Checks the reply at the front of what has been received against the request of this number.</summary>
    /// <param name="received">What has been received and not yet consumed.</param>
    /// <param name="sequence">The request that the reply must answer.</param>
    /// <param name="length">The reply's length in bytes.</param>
    ReplyVerdict Check(ReadOnlySpan<byte> received, uint sequence, out int length);
}
