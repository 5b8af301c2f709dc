using Multiplex.Interop;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Adopted;

/// <summary>A descriptor of a socket that another process made, bound and, where it has connections, listening: what it is, the kernel says.</summary>
public static class AdoptedSocket
{
    private const int Mptcp = 262;   // TCP over several paths; to its users it is TCP

    /// <summary>
    /// Makes a <see cref="Listener"/> or a <see cref="DatagramSocket"/> of it, non-blocking and not kept across execve(2). O_NONBLOCK belongs to the
    /// open socket, and so to the other process too.
    /// </summary>
    /// <param name="descriptor">The descriptor, which the socket owns from now on; on failure it stays the caller's.</param>
    /// <param name="asked">Its name, for messages and <see cref="BoundSocket.Asked"/>.</param>
    /// <param name="isKept">See <see cref="BoundSocket.IsKept"/>.</param>
    /// <param name="keepAlive">Of TCP: after how much silence a connection is probed; null is the usual, zero is never.</param>
    /// <exception cref="IOException">It is no socket, of a kind that is not served, without an address, or a connection.</exception>
    /// <exception cref="SyscallException">An option was refused.</exception>
    public static BoundSocket Of(int descriptor, string asked, bool isKept, TimeSpan? keepAlive = null)
    {
        EndpointKind kind = KindOf(descriptor, asked);
        if (kind.IsDatagram())
        {
            RequireAddress(descriptor, kind, asked);
            return DatagramSocket.Adopt(descriptor, kind, asked, isKept);
        }

        if (Option(descriptor, SO_ACCEPTCONN) != 0)
            return Listener.Adopt(descriptor, kind, asked, keepAlive ?? KeepAlive.Usual, isKept);
        Span<byte> peer = stackalloc byte[PeerAddress.MaxLength];
        throw new IOException(getpeername(descriptor, peer).IsError
            ? $"{asked}: the socket is not listening: call listen(2) before it is passed"
            : $"{asked}: the socket is a connection, as with Accept=yes: pass the listening socket, Accept=no");
    }

    private static EndpointKind KindOf(int descriptor, string asked)
    {
        SyscallResult result = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, out int type);
        if (result.Is(ENOTSOCK))
            throw new IOException($"{asked}: descriptor {descriptor} is no socket");
        result.OrThrow("getsockopt SO_TYPE", asked);
        return (Option(descriptor, SO_DOMAIN), type, Option(descriptor, SO_PROTOCOL)) switch
        {
            (AF_INET or AF_INET6, SOCK_STREAM, IPPROTO_TCP or Mptcp) => EndpointKind.Tcp,
            (AF_INET or AF_INET6, SOCK_DGRAM, IPPROTO_UDP) => EndpointKind.Udp,
            (AF_UNIX, SOCK_STREAM, _) => EndpointKind.Unix,
            (AF_UNIX, SOCK_SEQPACKET, _) => EndpointKind.UnixPacket,
            (AF_UNIX, SOCK_DGRAM, _) => EndpointKind.UnixGram,
            (int family, _, int protocol) => throw new IOException(
                $"{asked}: a socket of family {family}, type {type} and protocol {protocol} is not served: pass one of TCP, of UDP, or a UNIX-domain one"),
        };
    }

    private static void RequireAddress(int descriptor, EndpointKind kind, string asked)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        int length = getsockname(descriptor, address).OrThrow("getsockname", asked);
        if (!kind.IsInternet() && length <= sizeof(ushort))
            throw new IOException($"{asked}: the socket has no address: call bind(2) before it is passed");
    }

    private static int Option(int descriptor, int name)
    {
        getsockopt(descriptor, SOL_SOCKET, name, out int value).OrThrow("getsockopt");
        return value;
    }
}
