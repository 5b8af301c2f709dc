using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// ip(7), ipv6(7)
public static partial class Libc
{
    public const uint INADDR_ANY = 0;
    public const uint INADDR_LOOPBACK = 0x7f000001;
    public const int IPPROTO_IP = 0;
    public const int IPPROTO_TCP = 6;
    public const int IPPROTO_UDP = 17;
    public const int IPPROTO_IPV6 = 41;
    public const int IPV6_V6ONLY = 26;
    public const int INET6_ADDRSTRLEN = 46;

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
