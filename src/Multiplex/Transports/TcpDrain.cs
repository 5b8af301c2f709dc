using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// Drains a connection before it is closed: discards what the peer still sends, until the peer's kernel has acknowledged what was sent to it. To close a
/// TCP socket while bytes of the peer are unread resets the connection and drops what the peer has not acknowledged; to close a UNIX-domain socket then
/// makes the peer see a reset before its last replies. A server that stops while its clients go on sending would lose replies that it has sent.
/// </summary>
internal static class TcpDrain
{
    private const int DiscardedAtOnce = 4096;

    /// <summary>Discards what has arrived.</summary>
    /// <returns>Bytes that the peer's kernel has not acknowledged: 0 if it has them all, or the connection has ended.</returns>
    public static int Advance(int descriptor, EndpointKind kind)
    {
        DiscardInput(descriptor, kind);
        if (kind != EndpointKind.Tcp || ioctl(descriptor, SIOCOUTQ, out int unacknowledged).IsError || unacknowledged == 0)
            return 0;
        return SocketState.IsOver(descriptor) ? 0 : unacknowledged;
    }

    /// <summary>Discards what has arrived. An acknowledgement counts as movement, like bytes that are sent.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="session">The connection's.</param>
    /// <param name="before">The bytes that were outstanding at the last look.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether the peer's kernel has acknowledged all that was sent: the connection can be closed.</returns>
    public static bool TryFinish(int descriptor, Session session, ref int before, long now)
    {
        int outstanding = Advance(descriptor, session.Kind);
        if (outstanding < before)
            (before, session.LastMoved) = (outstanding, now);
        return outstanding == 0;
    }

    // Bytes that arrive now are not answered. A UNIX-domain peer can be stopped from sending.
    private static void DiscardInput(int descriptor, EndpointKind kind)
    {
        if (!kind.IsInternet())
            shutdown(descriptor, SHUT_RD);
        Span<byte> discarded = stackalloc byte[DiscardedAtOnce];
        for (int unread = SocketState.UnreadBytes(descriptor); unread > 0;)
        {
            SyscallResult result = recv(descriptor, discarded, MSG_DONTWAIT | MSG_TRUNC);
            if (result.Value <= 0)
                return;
            unread -= (int)result.Value;
        }
    }
}
