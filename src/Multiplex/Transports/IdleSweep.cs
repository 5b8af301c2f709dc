using Multiplex.Engine;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>When a loop looks for connections that are silent or slow, and which of them only seem so.</summary>
internal static class IdleSweep
{
    private const int LeastInterval = 50, MostInterval = 5000;

    /// <summary>Milliseconds from one look to the next: often enough for the limit, and no more.</summary>
    public static long Interval(ServerOptions options) =>
        Math.Clamp((long)Shortest(options).TotalMilliseconds / 8, LeastInterval, MostInterval);

    /// <summary>Whether there is anything to look for.</summary>
    public static bool IsNeeded(ServerOptions options) => Shortest(options) > TimeSpan.Zero;

    /// <summary>The shorter of silence and the time a request may take to arrive, as far as they are limited.</summary>
    public static TimeSpan Shortest(ServerOptions options) =>
        options.RequestTimeout > TimeSpan.Zero && (options.IdleTimeout <= TimeSpan.Zero || options.RequestTimeout < options.IdleTimeout)
            ? options.RequestTimeout
            : options.IdleTimeout;

    /// <summary>
    /// Why a connection is to be closed: it is silent, or a request takes too long to arrive; null if neither. Where nothing is received,
    /// its calls are cancelled once the peer is gone.
    /// </summary>
    /// <param name="session">The connection's.</param>
    /// <param name="descriptor">Its socket.</param>
    /// <param name="isReceiving">Whether the server receives from it.</param>
    /// <param name="now">The time.</param>
    /// <param name="asOf">When the turn began: what has arrived while a long call ran is received in the next.</param>
    /// <param name="options">The limits.</param>
    public static CloseReason? Check(Session session, int descriptor, bool isReceiving, long now, long asOf, ServerOptions options)
    {
        if (session.MayMissTheEnd && SocketState.IsOver(descriptor))
            session.PeerHungUp();
        if (IsSilent(session, now, options) && (!isReceiving || !HasUnreadBytes(descriptor)))
            return CloseReason.IdleTimeout;
        return IsLate(session, isReceiving, asOf, options) ? CloseReason.RequestTimeout : null;
    }

    /// <summary>Whether a connection is idle beyond the limit, and its peer does not wait for the server.</summary>
    public static bool IsSilent(Session session, long now, ServerOptions options) =>
        options.IdleTimeout > TimeSpan.Zero && !session.IsAtWork && session.LastMoved < now - (long)options.IdleTimeout.TotalMilliseconds;

    /// <summary>Whether a request of a connection takes longer to arrive than it may.</summary>
    /// <param name="session">The connection's.</param>
    /// <param name="isReceiving">Whether the server receives from it: if not, the delay is not the peer's, and the time is reset.</param>
    /// <param name="asOf">When the turn began: what has arrived while a long call ran is received in the next.</param>
    /// <param name="options">The limits.</param>
    public static bool IsLate(Session session, bool isReceiving, long asOf, ServerOptions options)
    {
        if (session.RequestSince == 0 || options.RequestTimeout <= TimeSpan.Zero)
            return false;
        if (!isReceiving)
            session.RequestSince = asOf;
        return session.RequestSince <= asOf - (long)options.RequestTimeout.TotalMilliseconds;
    }

    /// <summary>Whether a peer takes none of its replies, while the server stops.</summary>
    public static bool IsStalled(Session session, long asOf, ServerOptions options) =>
        session.LastMoved < asOf - (long)options.DrainStall.TotalMilliseconds
        && !session.IsAtWork && (session.PendingBytes > 0 || session.Closed is not null);

    // Whether the socket has unread bytes: they arrived while a long call ran, or are more than one turn reads, and
    // the peer is not silent. A peer that is not received from, because it takes no replies, is silent all the same.
    private static bool HasUnreadBytes(int fd)
    {
        Span<byte> one = stackalloc byte[1];
        return recv(fd, one, MSG_PEEK | MSG_DONTWAIT).Value > 0;
    }
}
