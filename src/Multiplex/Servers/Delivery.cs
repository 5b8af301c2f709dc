using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// Whether what was sent has arrived. To close a TCP socket while bytes of the peer are unread resets the connection and
/// drops what the peer has not acknowledged: a server that stops while its clients go on sending would lose replies.
/// </summary>
internal static class Delivery
{
    private const int LookAgainMilliseconds = 10;

    /// <summary>Whether the peer's kernel has acknowledged every byte. A UNIX-domain peer has them at once.</summary>
    public static bool IsComplete(int descriptor, EndpointKind kind) =>
        kind != EndpointKind.Tcp || ioctl(descriptor, SIOCOUTQ, out int unacknowledged).IsError || unacknowledged == 0;

    /// <summary>Waits for that, as long as a stop may wait for one peer.</summary>
    public static void Await(int descriptor, EndpointKind kind, ServerOptions options)
    {
        long deadline = Environment.TickCount64 + (long)options.DrainStall.TotalMilliseconds;
        while (!IsComplete(descriptor, kind) && Environment.TickCount64 < deadline)
            poll([], LookAgainMilliseconds);
    }
}
