using System.Collections.Immutable;

namespace Multiplex.Load.Workload;

/// <summary>The result of checking a reply.</summary>
public enum ReplyOutcome
{
    /// <summary>It is incomplete; for a message, which arrives whole: it is too short.</summary>
    Incomplete,

    /// <summary>It is the right one, byte for byte.</summary>
    Right,

    /// <summary>It is complete and wrong.</summary>
    Wrong,

    /// <summary>It is complete and a call from the server, not a reply: RFC 5531 lets both sides of a connection call.</summary>
    Call,

    /// <summary>It is malformed: on a stream, its end cannot be found, so the stream is of no further use; for a message, its request cannot be found.</summary>
    Unreadable,
}

/// <summary>
/// The client's side of a protocol on one kind of socket: makes requests and checks replies. Each client thread has its own instance.
/// </summary>
/// <remarks>A class, not an interface: each request needs two calls, and in a native binary a virtual call takes fewer instructions.</remarks>
public abstract class Exchange
{
    /// <summary>The length of the longest request in bytes.</summary>
    public abstract int LongestRequest { get; }

    /// <summary>The length of the longest reply in bytes; if that is below 64 KiB, any number below 64 KiB.</summary>
    public virtual int LongestReply => LongestRequest;

    /// <summary>The wrong replies that report a failure of the protocol: their number, by the name of the failure.</summary>
    public virtual IReadOnlyDictionary<string, long> Failures => ImmutableDictionary<string, long>.Empty;

    /// <summary>Whether the server may send calls of its own, <see cref="ReplyOutcome.Call"/>, also while no reply is due.</summary>
    public virtual bool HasCallsOfServer => false;

    /// <summary>Appends the request of this number.</summary>
    public abstract void Write(OutputBuffer batch, uint sequence);

    /// <summary>Checks the reply at the front of what has been received.</summary>
    /// <param name="received">A stream: what has been received and not yet consumed. Otherwise: one message.</param>
    /// <param name="due">The request whose reply is due next: the reply belongs to it when the reply itself does not identify its request.</param>
    /// <param name="length">The reply's length in bytes.</param>
    /// <param name="sequence">The request that the reply answers. The caller knows whether it is in flight.</param>
    public abstract ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence);
}
