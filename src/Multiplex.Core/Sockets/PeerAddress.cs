using System.IO.Hashing;
using Multiplex.Interop;
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
    private readonly int _descriptor;

    private PeerAddress(EndpointKind kind, byte[] address, int descriptor, ulong connection, UnixPeer? unix)
    {
        _kind = kind;
        _descriptor = descriptor;
        _address = address;
        _connection = connection;
        _unix = unix;
    }

    /// <summary>The peer in the form that protocols take it.</summary>
    public Peer Peer => new(_kind, _address, _connection, _unix, descriptor: _descriptor);

    /// <summary>The same, for a call that runs while another thread sees how the connection is.</summary>
    public Peer PeerOf(IConnectionState connection) => new(_kind, _address, _connection, _unix, connection);

    /// <summary>The same, where the connection has TLS.</summary>
    public Peer SecuredPeer(IConnectionState connection) => new(_kind, _address, _connection, _unix, connection, _descriptor);

    /// <summary>Keeps a copy of this raw socket address, and of a UNIX-domain connection which process is at its other end.</summary>
    /// <param name="kind">The kind of socket.</param>
    /// <param name="address">What accept(2) gave.</param>
    /// <param name="descriptor">The connection.</param>
    public static PeerAddress Of(EndpointKind kind, ReadOnlySpan<byte> address, int descriptor)
    {
        ulong connection = new Peer(kind, address).HasReservedPort ? NumberOfPlace(descriptor) : NumberOf(descriptor);
        return kind.IsInternet()
            ? new(kind, address.ToArray(), descriptor, connection, null)
            : new(kind, address.Length <= s_unnamed.Length ? s_unnamed : address.ToArray(), descriptor, connection, UnixPeer.Of(descriptor));
    }

    /// <summary>The client for which this peer, a proxy, has made the connection. Nothing is known of the client's process, for the kernel knows the proxy's.</summary>
    /// <param name="kind">The kind of the client's address.</param>
    /// <param name="client">The client's raw socket address.</param>
    /// <param name="server">The raw address to which the client connected.</param>
    internal PeerAddress Behind(EndpointKind kind, byte[] client, ReadOnlySpan<byte> server)
    {
        ulong connection = new Peer(kind, client).HasReservedPort ? XxHash3.HashToUInt64(server) : NumberOf(_descriptor);
        return new(kind, client.Length <= s_unnamed.Length ? s_unnamed : client, _descriptor, connection, null);
    }

    // 0 where the kernel has none, before Linux 4.6
    private static ulong NumberOf(int descriptor)
    {
        getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, out ulong connection);
        return connection;
    }

    // A client that binds a reserved port, such as Linux' NFS client, keeps it over a reconnect, so that its repeated calls are known
    // again. Such a connection has a number of its local address, for the client may have another from the same port to another one.
    private static ulong NumberOfPlace(int descriptor)
    {
        Span<byte> local = stackalloc byte[MaxLength];
        SyscallResult length = getsockname(descriptor, local);
        return length.IsError ? NumberOf(descriptor) : XxHash3.HashToUInt64(local[..(int)length.Value]);
    }
}
