using System.Buffers.Binary;
using Multiplex.Sockets;
using Multiplex.Tls;
using static Multiplex.Interop.Libc;

namespace Multiplex;

/// <summary>The sender of a request, as the server saw it.</summary>
/// <param name="kind">The kind of endpoint that the request came in by.</param>
/// <param name="address">The raw socket address of the peer; a UNIX-domain client that did not bind has no more than a family.</param>
/// <param name="connection">See <see cref="Connection"/>.</param>
/// <param name="unix">See <see cref="Unix"/>.</param>
/// <param name="state">See <see cref="HasEnded"/>.</param>
/// <param name="descriptor">The connection's socket; -1 when there is none.</param>
public readonly ref struct Peer(
    EndpointKind kind,
    ReadOnlySpan<byte> address,
    ulong connection = 0,
    UnixPeer? unix = null,
    IConnectionState? state = null,
    int descriptor = -1)
{
    private const int Ipv6Length = 28;            // sizeof(struct sockaddr_in6)

    /// <summary>The kind of endpoint that the request came in by.</summary>
    public EndpointKind Kind { get; } = kind;

    /// <summary>The raw socket address of the peer: a sockaddr_in, sockaddr_in6 or sockaddr_un.</summary>
    public ReadOnlySpan<byte> Address { get; } = address;

    /// <summary>
    /// A number that no other connection from <see cref="Address"/> has had, SO_COOKIE of socket(7); 0 of a datagram. From a reserved port
    /// it is the same again when the client connects anew: see <see cref="PeerAddress.Of"/>.
    /// </summary>
    public ulong Connection { get; } = connection;

    /// <summary>The process at the other end of a UNIX-domain socket; null of any other socket.</summary>
    public UnixPeer? Unix { get; } = unix;

    /// <summary>
    /// Whether the client is gone, so that no reply can reach it: it has reset the connection, or closed its UNIX-domain socket. A procedure that
    /// takes long asks now and then, and ends early. Where another thread does the I/O, as in hybrid, that one knows; elsewhere it takes a system call,
    /// poll(2). A TCP client that has closed its socket in order looks like one that still reads. Of a datagram it is always false.
    /// </summary>
    public bool HasEnded => state?.HasEnded == true || (descriptor >= 0 && IsOver(descriptor));

    /// <summary>What the TLS handshake established of the client, such as its certificate; null where the connection has no TLS.</summary>
    public TlsPeer? Tls => state?.Tls;

    /// <summary>The port of an Internet address, 1 to 65535; else 0.</summary>
    public int Port => Kind.IsInternet() && Address.Length >= 4 ? BinaryPrimitives.ReadUInt16BigEndian(Address[2..]) : 0;

    /// <summary>
    /// Whether the request came from a port below 1024, which on the peer's machine takes a privilege to bind: ip(7). It means
    /// something only where that machine is trusted.
    /// </summary>
    public bool HasReservedPort => Port is > 0 and < IPPORT_RESERVED;

    /// <summary>The bytes of an Internet address that name the machine, without the port: 4, or 16 and the scope; else empty.</summary>
    public ReadOnlySpan<byte> Host => !Kind.IsInternet() ? default
        : Address.Length >= Ipv6Length && BitConverter.ToUInt16(Address) == AF_INET6 ? Address[8..Ipv6Length]
        : Address.Length >= 8 ? Address[4..8]
        : default;

    /// <summary>Writes the peer as an endpoint, such as "tcp://127.0.0.1:51234", in UTF-8 and without allocation.</summary>
    /// <returns>How many bytes were written; what does not fit is cut off.</returns>
    public int Format(Span<byte> utf8) => AddressText.Format(Kind, Address, utf8);

    /// <summary>The peer as an endpoint, such as "tcp://127.0.0.1:51234".</summary>
    public override string ToString() => AddressText.Format(Kind, Address);

    private static bool IsOver(int descriptor)
    {
        pollfd connection = new() { fd = descriptor };   // nothing is asked for: poll(2) reports errors and hang-ups alone
        return poll(new Span<pollfd>(ref connection), 0).Value > 0;
    }
}

/// <summary>What is known of a connection beside its address: of one that a thread watches while others run its calls, or that has TLS.</summary>
public interface IConnectionState
{
    /// <summary>Whether the peer has reset the connection or closed its socket. May be asked by any thread.</summary>
    bool HasEnded { get; }

    /// <summary>What the TLS handshake established of the peer; null where there was none.</summary>
    TlsPeer? Tls { get; }
}
