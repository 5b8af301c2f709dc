using System.Buffers.Binary;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>Who calls a name service: from where, and with which rights.</summary>
internal readonly record struct NameServiceCaller
{
    /// <summary>Whose registrations those are that came over TCP or UDP, from this machine.</summary>
    public const string Unknown = "unknown";

    private static readonly byte[] s_mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
    private static readonly byte[] s_ipv6Loopback = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

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
            return new() { Netid = Netid.Local, IsLocal = true, Owner = OwnerOf(peer.Unix) };
        bool isStream = peer.Kind.IsStream();
        return IPv4Of(peer.Host) is { } address
            ? new() { Netid = isStream ? Netid.Tcp : Netid.Udp, IsLocal = address >> 24 == INADDR_LOOPBACK >> 24, Owner = Unknown }
            : new() { Netid = isStream ? Netid.Tcp6 : Netid.Udp6, IsLocal = peer.Host.StartsWith(s_ipv6Loopback), Owner = Unknown };
    }

    // By the kernel's word. Root may remove everybody's.
    private static string OwnerOf(UnixPeer? user) => user switch
    {
        null => Unknown,
        { UserId: 0 } => RegistrationTable.Superuser,
        _ => $"{user.UserId}",
    };

    // Of an IPv4 address, also one that an IPv6 socket shows as ::ffff:a.b.c.d; else null.
    private static uint? IPv4Of(ReadOnlySpan<byte> host) =>
        host.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(host)
        : host.StartsWith(s_mapped) ? BinaryPrimitives.ReadUInt32BigEndian(host[s_mapped.Length..])
        : null;
}
