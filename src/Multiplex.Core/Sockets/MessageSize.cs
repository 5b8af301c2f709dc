using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>How long a message may be on the sockets that keep its boundaries: it is sent whole, or refused with EMSGSIZE.</summary>
public static class MessageSize
{
    /// <summary>UDP over IPv4: 65,535 bytes less a header of 20 and one of 8, ip(7), udp(7).</summary>
    public const int MaxUdp = 65_507;

    /// <summary>The longest message that a server takes: the protocol's longest payload, and room for what surrounds it.</summary>
    public const int LongestTaken = (1 << 20) + (64 * 1024);

    // What the kernel keeps of a UNIX-domain socket's SO_SNDBUF for itself: unix_dgram_sendmsg().
    private const int UnixOverhead = 32;

    /// <summary>The longest message in bytes: a datagram's own limit, or the largest SO_SNDBUF that the kernel grants.</summary>
    public static int Limit(EndpointKind kind)
    {
        if (kind.IsStream())
            return int.MaxValue;
        if (kind.IsInternet())
            return MaxUdp;
        int probe = socket(AF_UNIX, kind.SocketType() | SOCK_CLOEXEC, 0).OrThrow("socket");
        setsockopt(probe, SOL_SOCKET, SO_SNDBUF, int.MaxValue / 2);   // capped at net.core.wmem_max, and doubled: socket(7)
        int limit = Limit(probe);
        close(probe);
        return limit;
    }

    /// <summary>Raises SO_SNDBUF where a message of this length needs it.</summary>
    public static void MakeRoom(int fd, int length)
    {
        if (Limit(fd) < length)
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, length);
    }

    private static int Limit(int fd)
    {
        getsockopt(fd, SOL_SOCKET, SO_SNDBUF, out int granted).OrThrow("getsockopt SO_SNDBUF");
        return granted - UnixOverhead;
    }
}
