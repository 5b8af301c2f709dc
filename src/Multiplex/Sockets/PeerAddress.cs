using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>The peer of an accepted connection, kept in no more memory than its address has bytes.</summary>
public readonly struct PeerAddress
{
    /// <summary>The longest socket address: a sockaddr_storage.</summary>
    public const int MaxLength = 128;

    // What accept(2) gives for a UNIX-domain client without a name, which is nearly every one: the family alone.
    private static readonly byte[] s_unnamed = [(byte)AF_UNIX, 0];

    private readonly EndpointKind _kind;
    private readonly byte[]? _address;
    private readonly ulong _connection;
    private readonly UnixPeer? _unix;

    private PeerAddress(EndpointKind kind, byte[] address, ulong connection, UnixPeer? unix)
    {
        _kind = kind;
        _address = address;
        _connection = connection;
        _unix = unix;
    }

    /// <summary>The peer in the form that protocols take it.</summary>
    public Peer Peer => new(_kind, _address, _connection, _unix);

    /// <summary>Keeps a copy of this raw socket address, and of a UNIX-domain connection who is at its other end.</summary>
    /// <param name="kind">The kind of socket.</param>
    /// <param name="address">What accept(2) gave.</param>
    /// <param name="descriptor">The connection.</param>
    public static PeerAddress Of(EndpointKind kind, ReadOnlySpan<byte> address, int descriptor)
    {
        getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, out ulong connection);   // 0 where there is none
        return kind.IsInternet()
            ? new(kind, address.ToArray(), connection, null)
            : new(kind, address.Length <= s_unnamed.Length ? s_unnamed : address.ToArray(), connection, UnixPeer.Of(descriptor));
    }
}
