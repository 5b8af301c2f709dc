using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>By which of its addresses a machine with several is reached.</summary>
internal static class OwnAddress
{
    /// <summary>
    /// The host of the address that packets to a peer leave from, as the routing table has it: connect(2) of a datagram socket
    /// asks it, and sends nothing.
    /// </summary>
    /// <returns>A numeric address of the peer's family; null when there is no route.</returns>
    public static string? Towards(in Peer peer)
    {
        SyscallResult opened = socket(AddressLookup.FamilyOf(peer.Address), SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (opened.IsError)
            return null;
        int fd = (int)opened.Value;
        Span<byte> own = stackalloc byte[PeerAddress.MaxLength];
        SyscallResult length = connect(fd, peer.Address);
        if (!length.IsError)
            length = getsockname(fd, own);
        close(fd);
        if (length.IsError)
            return null;

        // An IPv6 socket that serves both families shows IPv4 addresses as ::ffff:a.b.c.d.
        const string Mapped = "::ffff:";
        string host = Endpoint.Parse(AddressText.Format(EndpointKind.Udp, own[..(int)length.Value])).Host;
        return host.StartsWith(Mapped, StringComparison.Ordinal) && host.Contains('.') ? host[Mapped.Length..] : host;
    }
}
