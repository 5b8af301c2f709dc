using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>When a loop looks for silent connections, and which of them are not silent after all.</summary>
internal static class IdleSweep
{
    private const int LeastInterval = 50, MostInterval = 5000;

    /// <summary>Milliseconds from one look to the next: often enough for the limit, and no more.</summary>
    public static long Interval(ServerOptions options) =>
        Math.Clamp((long)options.IdleTimeout.TotalMilliseconds / 8, LeastInterval, MostInterval);

    /// <summary>
    /// Whether bytes of the peer wait in the socket: they came while a long call ran, or were more than one turn brings, and
    /// who sent them is not silent. Whoever is not read from, because it takes no replies, is silent all the same.
    /// </summary>
    public static bool HasUnreadBytes(int fd)
    {
        Span<byte> one = stackalloc byte[1];
        return recv(fd, one, MSG_PEEK | MSG_DONTWAIT).Value > 0;
    }
}
