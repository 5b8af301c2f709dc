namespace Multiplex.Sockets;

/// <summary>The peer of an accepted connection, kept in no more memory than its address has bytes.</summary>
public readonly struct PeerAddress
{
    /// <summary>The longest socket address: a sockaddr_storage.</summary>
    public const int MaxLength = 128;

    // What accept(2) gives for a UNIX-domain client without a name, which is nearly every one: the family alone.
    private static readonly byte[] s_unnamed = [(byte)Interop.Libc.AF_UNIX, 0];

    private readonly EndpointKind _kind;
    private readonly byte[]? _address;
    private readonly UnixPeer? _unix;

    private PeerAddress(EndpointKind kind, byte[] address, UnixPeer? unix)
    {
        _kind = kind;
        _address = address;
        _unix = unix;
    }

    /// <summary>The peer in the form that protocols take it.</summary>
    public Peer Peer => new(_kind, _address, _unix);

    /// <summary>Keeps a copy of this raw socket address, and of a UNIX-domain connection who is at its other end.</summary>
    /// <param name="kind">The kind of socket.</param>
    /// <param name="address">What accept(2) gave.</param>
    /// <param name="descriptor">The connection.</param>
    public static PeerAddress Of(EndpointKind kind, ReadOnlySpan<byte> address, int descriptor) => kind.IsInternet()
        ? new(kind, address.ToArray(), null)
        : new(kind, address.Length <= s_unnamed.Length ? s_unnamed : address.ToArray(), UnixPeer.Of(descriptor));
}
