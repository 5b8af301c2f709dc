using System.Buffers.Binary;
using System.Globalization;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>The caller of a name service: its address and its rights.</summary>
internal readonly record struct NameServiceCaller
{
    /// <summary>Owns what callers on this machine register over TCP or UDP, unless they are the superuser.</summary>
    public const string Unknown = "unknown";


    private static readonly byte[] s_mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];
    private static readonly byte[] s_ipv6Loopback = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    /// <summary>The transport that the call came by.</summary>
    public Netid Netid { get; private init; }

    /// <summary>Whether it came from this machine: by a UNIX-domain socket, or from a loopback address.</summary>
    public bool IsLocal { get; private init; }

    /// <summary>The owner of what this caller registers.</summary>
    public string Owner { get; private init; }

    /// <summary>The first port that needs no privilege: net.ipv4.ip_unprivileged_port_start, which containers often have at 0; at most 1024.</summary>
    public static int UsualFirstUnprivilegedPort()
    {
        const string Setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        return File.Exists(Setting) && int.TryParse(File.ReadAllText(Setting), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int first)
            ? Math.Min(first, IPPORT_RESERVED)
            : IPPORT_RESERVED;
    }

    /// <summary>The caller of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="firstUnprivilegedPort">From a lower port over the loopback interface, the caller is the superuser.</param>
    public static NameServiceCaller Of(in RpcCall call, int firstUnprivilegedPort = 0)
    {
        Peer peer = call.Peer;
        if (!peer.Kind.IsInternet())
            return new() { Netid = Netid.Local, IsLocal = true, Owner = OwnerOf(peer.Unix) };
        bool isStream = peer.Kind.IsStream();
        string owner = peer.Port < firstUnprivilegedPort ? RegistrationTable.Superuser : Unknown;   // only local callers own anything
        return IPv4Of(peer.Host) is { } address
            ? new() { Netid = isStream ? Netid.Tcp : Netid.Udp, IsLocal = address >> 24 == INADDR_LOOPBACK >> 24, Owner = owner }
            : new() { Netid = isStream ? Netid.Tcp6 : Netid.Udp6, IsLocal = peer.Host.StartsWith(s_ipv6Loopback), Owner = owner };
    }

    // As the kernel reports it. Root may remove all registrations.
    private static string OwnerOf(UnixPeer? user) => user switch
    {
        null => Unknown,
        { UserId: 0 } => RegistrationTable.Superuser,
        _ => $"{user.Value.UserId}",
    };

    // Of an IPv4 address, also one that an IPv6 socket shows as ::ffff:a.b.c.d; else null.
    private static uint? IPv4Of(ReadOnlySpan<byte> host) =>
        host.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(host)
        : host.StartsWith(s_mapped) ? BinaryPrimitives.ReadUInt32BigEndian(host[s_mapped.Length..])
        : null;
}
