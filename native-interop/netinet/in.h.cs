using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// ip(7), ipv6(7)
public static partial class Libc
{
    public const uint INADDR_ANY = 0;
    public const uint INADDR_LOOPBACK = 0x7f000001;
    public const uint INADDR_BROADCAST = 0xffffffff;
    public const int IPPROTO_IP = 0;
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_UDP = 17;
    public const int IPPROTO_IPV6 = 41;
    public const int IPPROTO_SCTP = 132;
    public const int IPPORT_RESERVED = 1024;
    public const int IP_PKTINFO = 8;
    public const int IP_MULTICAST_ALL = 49;
    public const int IPV6_V6ONLY = 26;
    public const int IPV6_RECVPKTINFO = 49;
    public const int IPV6_PKTINFO = 50;

    /// <summary>Address of an IPv4 socket; port and address are in network byte order.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    public struct sockaddr_in
    {
        public ushort sin_family;
        public ushort sin_port;
        public in_addr sin_addr;
    }

    /// <summary>An IPv4 address in network byte order.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct in_addr
    {
        public uint s_addr;
    }

    /// <summary>IP_PKTINFO of ip(7): by which interface a datagram came, and to which address; or shall leave from.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct in_pktinfo
    {
        public int ipi_ifindex;
        public in_addr ipi_spec_dst;
        public in_addr ipi_addr;
    }

    /// <summary>IPV6_PKTINFO of ipv6(7), likewise.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct in6_pktinfo
    {
        public in6_addr ipi6_addr;
        public uint ipi6_ifindex;
    }

    /// <summary>Address of an IPv6 socket; port, flow information and address are in network byte order.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sockaddr_in6
    {
        public ushort sin6_family;
        public ushort sin6_port;
        public uint sin6_flowinfo;
        public in6_addr sin6_addr;
        public uint sin6_scope_id;
    }

    /// <summary>An IPv6 address: sixteen bytes.</summary>
    [InlineArray(16)]
    public struct in6_addr
    {
        private byte _first;
    }
}
