using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// How the kernel detects a TCP connection whose peer vanished without FIN or RST: tcp(7). A silent one is probed; one with bytes that are not
/// acknowledged ends when they have been so for a time.
/// </summary>
public static class KeepAlive
{
    private const int Probes = 6;

    /// <summary>The usual silence before the first probe: a minute. A peer that answers none is given up after two.</summary>
    public static TimeSpan Usual { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether <see cref="Set"/> takes a time.</summary>
    public static bool IsInRange(TimeSpan silence) => silence == TimeSpan.Zero || (silence >= TimeSpan.FromSeconds(1) && silence <= TimeSpan.FromHours(9));

    /// <summary>
    /// SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT. After <paramref name="silence"/> the kernel sends a probe, then five
    /// more, each after a sixth of that time (at least a second), until one is answered. The connections of a listener inherit it.
    /// </summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="silence">From 1 second to 9 hours, in whole seconds; zero sends no probes.</param>
    /// <exception cref="SyscallException">Such as EINVAL: the time is out of range.</exception>
    public static void Set(int socket, TimeSpan silence)
    {
        if (silence == TimeSpan.Zero)
            return;
        int seconds = (int)Math.Ceiling(silence.TotalSeconds);
        setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, 1).OrThrow("setsockopt SO_KEEPALIVE");
        setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds).OrThrow("setsockopt TCP_KEEPIDLE");
        setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, Math.Max(seconds / Probes, 1)).OrThrow("setsockopt TCP_KEEPINTVL");
        setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, Probes).OrThrow("setsockopt TCP_KEEPCNT");
    }

    /// <summary>
    /// Whether the kernel has sent bytes again and nothing has been acknowledged since: tcpi_retransmits of TCP_INFO. A server that hangs does not
    /// do that, as its kernel acknowledges.
    /// </summary>
    /// <param name="socket">A TCP socket.</param>
    public static bool IsUnacknowledged(int socket)
    {
        const int Retransmits = 2;   // the offset in struct tcp_info, of which the kernel copies as much as is asked for
        return !getsockopt(socket, IPPROTO_TCP, TCP_INFO, out ulong head).IsError && BitConverter.GetBytes(head)[Retransmits] > 0;
    }

    /// <summary>TCP_USER_TIMEOUT: how long bytes may be neither acknowledged nor taken by the peer before the kernel ends the connection with ETIMEDOUT.</summary>
    /// <param name="socket">A TCP socket.</param>
    /// <param name="milliseconds">The time; 0 leaves it to the kernel, which retransmits for about 15 minutes (tcp_retries2).</param>
    public static void LimitUnacknowledged(int socket, int milliseconds) =>
        setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds).OrThrow("setsockopt TCP_USER_TIMEOUT");
}
