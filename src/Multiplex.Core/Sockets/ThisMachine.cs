using System.Buffers.Binary;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>Which addresses are this machine's.</summary>
internal static class ThisMachine
{
    private const int PortOffset = 2, IPv4Offset = 4, IPv6Offset = 8;   // in sockaddr_in and sockaddr_in6
    private const ushort AnyPort = 9;   // connect(2) of a datagram socket needs one, and sends nothing

    /// <summary>
    /// Whether an Internet address is one of this machine's, on whichever interface: bind(2) says EADDRNOTAVAIL of others. Multicast and
    /// broadcast addresses are none, though a socket may be bound to them.
    /// </summary>
    /// <param name="address">A sockaddr_in or sockaddr_in6; its port does not count.</param>
    /// <returns>False also when there is no descriptor to ask with.</returns>
    public static bool Has(ReadOnlySpan<byte> address)
    {
        if (IsMulticast(address))
            return false;
        SyscallResult opened = socket(AddressLookup.FamilyOf(address), SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (opened.IsError)
            return false;
        int fd = (int)opened.Value;
        Span<byte> own = stackalloc byte[PeerAddress.MaxLength];
        own = own[..address.Length];
        address.CopyTo(own);
        own[PortOffset..IPv4Offset].Clear();
        bool has = !bind(fd, own).IsError;
        BinaryPrimitives.WriteUInt16BigEndian(own[PortOffset..], AnyPort);
        has = has && !connect(fd, own).Is(EACCES);   // a broadcast address, without SO_BROADCAST
        close(fd);
        return has;
    }

    // From 224.0.0.0 up, 255.255.255.255 included, and ff00::/8.
    private static bool IsMulticast(ReadOnlySpan<byte> address)
    {
        const byte FirstOfIPv4 = 224, FirstOfIPv6 = 0xFF;
        ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
        ReadOnlySpan<byte> ipv6 = AddressLookup.FamilyOf(address) == AF_INET6 ? address[IPv6Offset..] : default;
        return ipv6.IsEmpty ? address[IPv4Offset] >= FirstOfIPv4
            : ipv6.StartsWith(mapped) ? ipv6[mapped.Length] >= FirstOfIPv4
            : ipv6[0] == FirstOfIPv6;
    }
}
