using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>
/// Where a datagram came from: the sender's address, and, of a socket on every interface, which of this machine's addresses
/// it was sent to. The reply leaves from that one: a client that connected its socket takes no other.
/// </summary>
internal unsafe struct DatagramOrigin
{
    /// <summary>Bytes for the longest address.</summary>
    public const int AddressRoom = PeerAddress.MaxLength;

    /// <summary>Bytes for an IP_PKTINFO beside an IPV6_PKTINFO, ip(7) and ipv6(7), and a UDP_GRO, udp(7); an SCM_CREDENTIALS, unix(7), is shorter.</summary>
    public const int ControlRoom = 104;

    /// <summary>The sender's raw socket address.</summary>
    internal fixed byte Address[AddressRoom];

    /// <summary>The control message that has the reply leave from the right address; aligned as cmsg(3) wants.</summary>
    internal fixed byte Control[ControlRoom];

    /// <summary>Bytes of the address that count. A UNIX-domain sender without a name has none, and cannot be answered.</summary>
    public int AddressLength { get; internal set; }

    /// <summary>Bytes of the control message that count.</summary>
    public int ControlLength { get; private set; }

    /// <summary>Of a message that is several datagrams, the length of each but the last; 0: it is one. UDP_GRO of udp(7).</summary>
    public int SegmentLength { get; private set; }

    /// <summary>The sender's raw socket address, as far as it counts.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> AddressBytes => MemoryMarshal.CreateReadOnlySpan(in Address[0], AddressLength);

    /// <summary>The sending process, of a UNIX-domain datagram, as the kernel reports it: SCM_CREDENTIALS of unix(7), with the real user and group.</summary>
    public UnixPeer? Unix { get; private set; }

    /// <summary>A number for the sender's address. Seeded for each process: no sender can find an address that has another's number.</summary>
    public readonly ulong Key
    {
        get
        {
            HashCode high = default, low = default;
            high.AddBytes(AddressBytes);
            low.Add(1);
            low.AddBytes(AddressBytes);
            return ((ulong)(uint)high.ToHashCode() << 32) | (uint)low.ToHashCode();
        }
    }

    /// <summary>Whether it has an address that a reply can be sent to.</summary>
    public readonly bool CanBeAnswered => AddressLength > sizeof(ushort);

    /// <summary>Whether replies go to the same address as those of another, from the same one.</summary>
    public readonly bool LeadsAs(in DatagramOrigin other) =>
        AddressBytes.SequenceEqual(other.AddressBytes) && ControlBytes.SequenceEqual(other.ControlBytes);

    /// <summary>The header of a reply, without the bytes: sendmsg(2).</summary>
    /// <param name="origin">Where the request came from, in memory that stays where it is until then.</param>
    internal static msghdr HeaderTo(DatagramOrigin* origin) => new()
    {
        msg_name = origin->Address,
        msg_namelen = (uint)origin->AddressLength,
        msg_control = origin->ControlLength > 0 ? origin->Control : null,
        msg_controllen = (nuint)origin->ControlLength,
    };

    /// <summary>The sender in the form that protocols take it.</summary>
    /// <param name="kind">The kind of the socket.</param>
    [UnscopedRef]
    public readonly Peer Peer(EndpointKind kind) => new(kind, AddressBytes, unix: Unix);

    /// <summary>What recvmmsg(2) has written becomes what sendmmsg(2) takes: the address counts, the interface is routing's choice.</summary>
    /// <remarks>
    /// No reply may leave from a broadcast or multicast address. IP_PKTINFO has an address of this machine beside the one in the
    /// datagram's header. IPV6_PKTINFO has the latter alone, so it is used only of IPv6, and unless that is a multicast address.
    /// </remarks>
    /// <param name="received">Bytes of control messages.</param>
    internal void ReadControl(int received)
    {
        (ControlLength, SegmentLength, Unix) = (0, 0, null);
        fixed (byte* control = Control)
        {
            msghdr message = new() { msg_control = control, msg_controllen = (nuint)received };
            cmsghdr* source = null;
            for (cmsghdr* header = CMSG_FIRSTHDR(message); header != null; header = CMSG_NXTHDR(message, header))
            {
                byte* data = CMSG_DATA(header);
                switch (header->cmsg_level, header->cmsg_type)
                {
                    case (IPPROTO_IP, IP_PKTINFO):
                        ((in_pktinfo*)data)->ipi_ifindex = 0;
                        source = header;
                        break;
                    case (IPPROTO_IPV6, IPV6_PKTINFO) when IsIPv6Source(data):
                        ((in6_pktinfo*)data)->ipi6_ifindex = 0;
                        source = header;
                        break;
                    case (SOL_UDP, UDP_GRO):
                        SegmentLength = *(int*)data;
                        break;
                    case (SOL_SOCKET, SCM_CREDENTIALS):
                        ucred* sender = (ucred*)data;
                        Unix = new(sender->pid, sender->uid, sender->gid);
                        break;
                }
            }

            if (source == null)
                return;
            ControlLength = (int)source->cmsg_len;
            new Span<byte>(source, ControlLength).CopyTo(new(control, ControlLength));
        }
    }

    [UnscopedRef]
    private readonly ReadOnlySpan<byte> ControlBytes => MemoryMarshal.CreateReadOnlySpan(in Control[0], ControlLength);

    // in6_pktinfo begins with the address.
    private static bool IsIPv6Source(byte* address)
    {
        const byte Multicast = 0xFF;   // ff00::/8, RFC 4291 section 2.7
        ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];   // ::ffff:a.b.c.d, section 2.5.5.2
        return address[0] != Multicast && !new ReadOnlySpan<byte>(address, mapped.Length).SequenceEqual(mapped);
    }
}
