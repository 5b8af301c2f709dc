using Mono.Unix.Native;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>A passive socket: it has an address and a queue of connections, and gives a new socket for each of them.</summary>
public sealed class Listener : IDisposable
{
    private readonly string? _pathToRemove;
    private bool _closed;

    private Listener(int descriptor, EndpointKind kind, Endpoint local)
    {
        Descriptor = descriptor;
        Kind = kind;
        Local = local;
        _pathToRemove = HasPath(local) ? local.Path : null;
    }

    /// <summary>The listening socket, non-blocking, not kept across execve(2).</summary>
    public int Descriptor { get; }

    /// <summary>The kind of its connections.</summary>
    public EndpointKind Kind { get; }

    /// <summary>The address that it has, as getsockname(2) tells: with the port that the kernel chose.</summary>
    public Endpoint Local { get; }

    /// <summary>socket(2), bind(2), listen(2): the first of the endpoint's addresses that can be bound.</summary>
    /// <param name="endpoint">Where to listen.</param>
    /// <param name="backlog">How many connections may wait to be accepted; the kernel caps it at net.core.somaxconn.</param>
    /// <exception cref="SyscallException">Such as EADDRINUSE, or EACCES for a port below 1024 without the privilege.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static Listener Open(Endpoint endpoint, int backlog)
    {
        SyscallException? failure = null;
        foreach (byte[] address in AddressLookup.Find(endpoint, passive: true))
        {
            try
            {
                return Open(endpoint, address, backlog);
            }
            catch (SyscallException e)
            {
                failure ??= e;
            }
        }

        throw failure!;
    }

    /// <summary>accept4(2): takes the next connection; its socket has TCP_NODELAY set and does not outlive execve(2).</summary>
    /// <param name="blocking">Whether reads and writes on the connection are to wait.</param>
    /// <param name="peer">Receives the peer's address.</param>
    /// <returns>The connection's descriptor, or the errno: EAGAIN when none waits.</returns>
    public SyscallResult Accept(bool blocking, out PeerAddress peer)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        SyscallResult result = accept4(
            Descriptor, address, out int length, blocking ? SOCK_CLOEXEC : SOCK_CLOEXEC | SOCK_NONBLOCK);
        peer = result.IsError ? default : PeerAddress.Of(Kind, address[..length]);
        return result;
    }

    /// <summary>Stops listening; the name of a UNIX-domain socket is removed.</summary>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        if (_pathToRemove is not null)
            unlink(_pathToRemove);
        close(Descriptor);
    }

    private static Listener Open(Endpoint endpoint, byte[] address, int backlog)
    {
        int fd = socket(AddressLookup.FamilyOf(address), endpoint.Kind.SocketType() | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
            .OrThrow("socket", endpoint.ToString());
        try
        {
            if (endpoint.Kind == EndpointKind.Tcp)
            {
                // A restart need not wait for old connections in TIME_WAIT; and what listens, accepted sockets inherit.
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1).OrThrow("setsockopt SO_REUSEADDR");
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
            }

            SyscallResult bound = bind(fd, address);
            if (bound.Is(EADDRINUSE) && RemoveStaleName(endpoint, address))
                bound = bind(fd, address);
            bound.OrThrow("bind", endpoint.ToString());
            SyscallResult listening = listen(fd, backlog);
            if (listening.IsError && HasPath(endpoint))
                unlink(endpoint.Path);
            listening.OrThrow("listen", endpoint.ToString());
            return new(fd, endpoint.Kind, LocalEndpoint(fd, endpoint.Kind));
        }
        catch
        {
            close(fd);
            throw;
        }
    }

    private static bool HasPath(Endpoint endpoint) => !endpoint.Kind.IsInternet() && !endpoint.Path.StartsWith('@');

    // A UNIX-domain name outlives its socket. When nobody answers there, connect(2) says ECONNREFUSED, and the name may go.
    // It says so too of a file that never was a socket: that one is somebody's, and stays.
    private static bool RemoveStaleName(Endpoint endpoint, byte[] address)
    {
        if (!HasPath(endpoint) || !IsSocket(endpoint.Path))
            return false;
        SyscallResult probe = socket(AF_UNIX, endpoint.Kind.SocketType() | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (probe.IsError)
            return false;
        bool stale = connect((int)probe.Value, address).Is(ECONNREFUSED);
        close((int)probe.Value);
        return stale && !unlink(endpoint.Path).IsError;
    }

    private static bool IsSocket(string path) =>
        Syscall.lstat(path, out Stat status) == 0 && (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFSOCK;

    private static Endpoint LocalEndpoint(int fd, EndpointKind kind)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        int length = getsockname(fd, address).OrThrow("getsockname");
        return Endpoint.Parse(AddressText.Format(kind, address[..length]));
    }
}
