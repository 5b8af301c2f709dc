using System.Buffers.Binary;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>Who calls a name service: from where, and with which rights.</summary>
internal readonly record struct NameServiceCaller
{
    /// <summary>Whose registrations those are that came over TCP or UDP, from this machine.</summary>
    public const string Unknown = "unknown";

    private const int IPv4Offset = 4, IPv6Offset = 8, IPv6Length = 16;

    /// <summary>The transport that the call came by.</summary>
    public Netid Netid { get; private init; }

    /// <summary>Whether it came from this machine: by a UNIX-domain socket, or from a loopback address.</summary>
    public bool IsLocal { get; private init; }

    /// <summary>Who owns what this caller registers.</summary>
    public string Owner { get; private init; }

    /// <summary>The caller of a call.</summary>
    public static NameServiceCaller Of(in RpcCall call)
    {
        Peer peer = call.Peer;
        if (!peer.Kind.IsInternet())
            return new() { Netid = Netid.Local, IsLocal = true, Owner = Unknown };
        bool isStream = peer.Kind.IsStream();
        return IPv4Of(peer.Address) is { } address
            ? new() { Netid = isStream ? Netid.Tcp : Netid.Udp, IsLocal = address >> 24 == INADDR_LOOPBACK >> 24, Owner = Unknown }
            : new() { Netid = isStream ? Netid.Tcp6 : Netid.Udp6, IsLocal = IsIPv6Loopback(peer.Address), Owner = Unknown };
    }

    // Of an IPv4 address, also one that an IPv6 socket shows as ::ffff:a.b.c.d; else null.
    private static uint? IPv4Of(ReadOnlySpan<byte> address)
    {
        if (AddressLookup.FamilyOf(address) == AF_INET)
            return BinaryPrimitives.ReadUInt32BigEndian(address[IPv4Offset..]);
        ReadOnlySpan<byte> host = address.Slice(IPv6Offset, IPv6Length);
        return host.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            ? BinaryPrimitives.ReadUInt32BigEndian(host[12..])
            : null;
    }

    private static bool IsIPv6Loopback(ReadOnlySpan<byte> address) =>
        address.Slice(IPv6Offset, IPv6Length).SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}
