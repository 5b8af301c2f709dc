using Multiplex.Sockets;

namespace Multiplex;

/// <summary>Who sent a request, as the server saw it.</summary>
/// <param name="kind">The kind of endpoint that the request came in by.</param>
/// <param name="address">The raw socket address of the peer; a UNIX-domain client that did not bind has no more than a family.</param>
public readonly ref struct Peer(EndpointKind kind, ReadOnlySpan<byte> address)
{
    /// <summary>The kind of endpoint that the request came in by.</summary>
    public EndpointKind Kind { get; } = kind;

    /// <summary>The raw socket address of the peer: a sockaddr_in, sockaddr_in6 or sockaddr_un.</summary>
    public ReadOnlySpan<byte> Address { get; } = address;

    /// <summary>Writes the peer as an endpoint, such as "tcp://127.0.0.1:51234", in UTF-8 and without allocation.</summary>
    /// <returns>How many bytes were written; what does not fit is cut off.</returns>
    public int Format(Span<byte> utf8) => AddressText.Format(Kind, Address, utf8);

    /// <summary>The peer as an endpoint, such as "tcp://127.0.0.1:51234".</summary>
    public override string ToString() => AddressText.Format(Kind, Address);
}
