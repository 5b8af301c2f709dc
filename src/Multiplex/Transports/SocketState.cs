using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>What the kernel reports of a connection without moving a byte of it.</summary>
internal static class SocketState
{
    /// <summary>Bytes that have arrived and have not been read: of all messages, where boundaries are kept. SIOCINQ of tcp(7) and unix(7).</summary>
    public static int UnreadBytes(int descriptor) => ioctl(descriptor, SIOCINQ, out int unread).IsError ? 0 : unread;

    /// <summary>
    /// Whether the connection has failed, as by a reset: no reply can reach its peer. A UNIX-domain peer that
    /// closes its socket resets it if it leaves replies unread.
    /// </summary>
    public static bool HasFailed(int descriptor) => (Events(descriptor) & POLLERR) != 0;

    /// <summary>Whether nothing can move on the connection any more, in either direction.</summary>
    public static bool IsOver(int descriptor) => (Events(descriptor) & (POLLERR | POLLHUP)) != 0;

    /// <summary>Sends the last bytes of a connection, if there are any and the kernel takes them: whether they arrive does not matter any more.</summary>
    public static void SendLast(int descriptor, ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
            _ = send(descriptor, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    private static short Events(int descriptor)
    {
        pollfd connection = new() { fd = descriptor };
        poll(new Span<pollfd>(ref connection), 0);
        return connection.revents;
    }
}
