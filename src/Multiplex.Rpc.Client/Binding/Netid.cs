using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Binding;

/// <summary>A transport by the name that a name service has for it, a "network identifier": RFC 5665 section 5, netconfig(5).</summary>
/// <param name="Name">The name, such as "tcp6".</param>
/// <param name="Kind">The kind of endpoint that it stands for.</param>
/// <param name="Semantics">NC_TPI_CLTS (1) for datagrams, NC_TPI_COTS_ORD (3) for streams.</param>
/// <param name="ProtocolFamily">The family's name in netconfig(5).</param>
/// <param name="Protocol">The protocol's name there; "-" for none.</param>
public sealed record Netid(string Name, EndpointKind Kind, uint Semantics, string ProtocolFamily, string Protocol)
{
    private const uint Connectionless = 1, ConnectionOriented = 3;

    /// <summary>TCP over IPv4.</summary>
    public static Netid Tcp { get; } = new("tcp", EndpointKind.Tcp, ConnectionOriented, "inet", "tcp");

    /// <summary>UDP over IPv4.</summary>
    public static Netid Udp { get; } = new("udp", EndpointKind.Udp, Connectionless, "inet", "udp");

    /// <summary>TCP over IPv6.</summary>
    public static Netid Tcp6 { get; } = new("tcp6", EndpointKind.Tcp, ConnectionOriented, "inet6", "tcp");

    /// <summary>UDP over IPv6.</summary>
    public static Netid Udp6 { get; } = new("udp6", EndpointKind.Udp, Connectionless, "inet6", "udp");

    /// <summary>UNIX-domain streams.</summary>
    public static Netid Local { get; } = new("local", EndpointKind.Unix, ConnectionOriented, "loopback", "-");

    /// <summary>All of them. The other kinds of endpoint have no netid, and so cannot be registered.</summary>
    public static IReadOnlyList<Netid> All { get; } = [Tcp, Udp, Tcp6, Udp6, Local];

    /// <summary>Whether its addresses are IPv6.</summary>
    public bool IsIPv6 => ProtocolFamily == "inet6";

    /// <summary>The number that portmap version 2 has for it, IPPROTO_TCP or IPPROTO_UDP; 0 when it has no such transport.</summary>
    public uint PortmapProtocol => ProtocolFamily != "inet" ? 0u : Kind == EndpointKind.Tcp ? (uint)IPPROTO_TCP : IPPROTO_UDP;

    /// <summary>The netid of this name, or null.</summary>
    public static Netid? Find(string name) => All.FirstOrDefault(netid => netid.Name == name);

    /// <summary>The netid of this number of portmap version 2, or null.</summary>
    public static Netid? OfPortmap(uint protocol) => All.FirstOrDefault(netid => netid.PortmapProtocol == protocol && protocol != 0);

    /// <summary>The netid of an endpoint whose host is a numeric address; null when there is none for its kind.</summary>
    public static Netid? Of(Endpoint endpoint) =>
        All.FirstOrDefault(netid => netid.Kind == endpoint.Kind && netid.IsIPv6 == endpoint.Host.Contains(':'));

    /// <inheritdoc/>
    public override string ToString() => Name;
}
