using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>When a loop looks for connections that are silent or slow, and which of them are not silent after all.</summary>
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
    /// Whether bytes of the peer wait in the socket: they came while a long call ran, or were more than one turn brings, and
    /// who sent them is not silent. Whoever is not read from, because it takes no replies, is silent all the same.
    /// </summary>
    public static bool HasUnreadBytes(int fd)
    {
        Span<byte> one = stackalloc byte[1];
        return recv(fd, one, MSG_PEEK | MSG_DONTWAIT).Value > 0;
    }
}
