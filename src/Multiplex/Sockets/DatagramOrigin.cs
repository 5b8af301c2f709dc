using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>
/// Where a datagram came from: the sender's address, and, of a socket on every interface, which of this machine's addresses
/// it was sent to. The reply leaves from that one: a client that connected its socket takes no other.
/// </summary>
public unsafe struct DatagramOrigin
{
    /// <summary>Bytes for the longest address.</summary>
    public const int AddressRoom = PeerAddress.MaxLength;

    /// <summary>Bytes for one IP_PKTINFO or IPV6_PKTINFO, ip(7) and ipv6(7).</summary>
    public const int ControlRoom = 48;

    /// <summary>The sender's raw socket address.</summary>
    internal fixed byte Address[AddressRoom];

    /// <summary>The control message that has the reply leave from the right address; aligned as cmsg(3) wants.</summary>
    internal fixed byte Control[ControlRoom];

    /// <summary>Bytes of the address that count. A UNIX-domain sender without a name has none, and cannot be answered.</summary>
    public int AddressLength { get; internal set; }

    /// <summary>Bytes of the control message that count.</summary>
    public int ControlLength { get; private set; }

    /// <summary>The sender's raw socket address, as far as it counts.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AddressBytes => MemoryMarshal.CreateReadOnlySpan(in Address[0], AddressLength);

    /// <summary>Whether a reply would reach anybody.</summary>
    public readonly bool CanBeAnswered => AddressLength > sizeof(ushort);

    /// <summary>What recvmmsg(2) has written becomes what sendmmsg(2) takes: the address counts, the interface is routing's choice.</summary>
    internal void KeepLocalAddress(int received)
    {
        ControlLength = 0;
        fixed (byte* control = Control)
        {
            cmsghdr* header = (cmsghdr*)control;
            if (received < sizeof(cmsghdr))
                return;
            if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO)
                ((in_pktinfo*)CMSG_DATA(header))->ipi_ifindex = 0;
            else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO)
                ((in6_pktinfo*)CMSG_DATA(header))->ipi6_ifindex = 0;
            else
                return;
            ControlLength = received;
        }
    }
}
