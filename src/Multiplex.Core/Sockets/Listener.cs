using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>A passive socket: it has an address and a queue of connections, and gives a new socket for each of them.</summary>
public sealed class Listener : BoundSocket
{
    private readonly int _backlog;
    private readonly TimeSpan _keepAlive;

    private Listener(int descriptor, EndpointKind kind, string asked, int backlog, TimeSpan keepAlive)
        : base(descriptor, kind, asked) => (_backlog, _keepAlive) = (backlog, keepAlive);

    private Listener(int descriptor, EndpointKind kind, string asked, TimeSpan keepAlive, bool isKept)
        : base(descriptor, kind, asked, isKept) => _keepAlive = keepAlive;

    private Listener(Listener original)
        : base(original) => (_backlog, _keepAlive) = (original._backlog, original._keepAlive);

    /// <summary>socket(2), bind(2), listen(2): the first of the endpoint's addresses that can be bound.</summary>
    /// <param name="endpoint">Where to listen.</param>
    /// <param name="backlog">How many connections may wait to be accepted; the kernel caps it at net.core.somaxconn.</param>
    /// <param name="shared">Whether <see cref="Sibling"/> will be called.</param>
    /// <param name="onlyIPv6">Whether an IPv6 socket on every interface is to leave the port of IPv4 to another.</param>
    /// <param name="keepAlive">Of TCP: after how much silence a connection is probed, see <see cref="KeepAlive"/>; null is the usual, zero is never.</param>
    /// <exception cref="SyscallException">Such as EADDRINUSE, or EACCES for a port below 1024 without the privilege.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static Listener Open(Endpoint endpoint, int backlog, bool shared = false, bool onlyIPv6 = false, TimeSpan? keepAlive = null)
    {
        TimeSpan silence = keepAlive ?? KeepAlive.Usual;
        return Bind(endpoint, fd => PrepareStream(fd, endpoint.Kind, onlyIPv6, silence), fd => Listen(fd, endpoint, endpoint.ToString(), backlog, shared, silence));
    }

    /// <summary>A listening socket that another process made: its queue has the length that it was given there.</summary>
    internal static Listener Adopt(int descriptor, EndpointKind kind, string asked, TimeSpan keepAlive, bool isKept)
    {
        if (kind == EndpointKind.Tcp)
            ForConnections(descriptor, keepAlive);
        return new(descriptor, kind, asked, keepAlive, isKept);
    }

    /// <summary>
    /// One more listener at the same address, for another thread. On TCP it has a queue of its own, and the kernel spreads
    /// the connections over them: SO_REUSEPORT of socket(7). UNIX-domain listeners share one
    /// queue, and so do those that another process made: in a queue that ends with this server, connections would be lost.
    /// </summary>
    /// <exception cref="SyscallException">Such as EADDRINUSE: this one was not opened to be shared.</exception>
    public Listener Sibling() => HasOwnQueues ? (Listener)NextSibling() : new(this);

    /// <summary>accept4(2): takes the next connection; its socket has TCP_NODELAY set and does not outlive execve(2).</summary>
    /// <param name="connectionBlocks">Whether reads and writes on the connection are to wait.</param>
    /// <param name="peer">Receives the peer's address.</param>
    /// <returns>The connection's descriptor, or the errno: EAGAIN when none waits; of a listener that waits, EINTR.</returns>
    public SyscallResult Accept(bool connectionBlocks, out PeerAddress peer)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        SyscallResult result = accept4_once(
            Descriptor, address, out int length, connectionBlocks ? SOCK_CLOEXEC : SOCK_CLOEXEC | SOCK_NONBLOCK);
        peer = result.IsError ? default : PeerAddress.Of(Kind, address[..length], (int)result.Value);
        return result;
    }

    /// <summary>
    /// Stops listening for every process that has this socket, which close(2) would do for the last one only. One that another process keeps is left as
    /// it is: connections in its queue would be refused.
    /// </summary>
    public void Shutdown()
    {
        if (!IsKept)
            shutdown(Descriptor, SHUT_RDWR);
    }

    private protected override BoundSocket BindSibling() =>
        BindSibling(fd => PrepareStream(fd, Kind, IsOnlyIPv6, _keepAlive), fd => Listen(fd, Local, Asked, _backlog, shared: false, _keepAlive));

    private static void PrepareStream(int fd, EndpointKind kind, bool onlyIPv6, TimeSpan keepAlive)
    {
        if (kind != EndpointKind.Tcp)
            return;
        LeaveIPv4(fd, onlyIPv6);

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1).OrThrow("setsockopt SO_REUSEADDR");   // a restart need not wait for old connections in TIME_WAIT
        ForConnections(fd, keepAlive);
    }

    // What the listener has, accepted sockets inherit.
    private static void ForConnections(int fd, TimeSpan keepAlive)
    {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
        KeepAlive.Set(fd, keepAlive);
    }

    private static Listener Listen(int fd, Endpoint endpoint, string asked, int backlog, bool shared, TimeSpan keepAlive)
    {
        // After bind(2), so that an address which another server has is refused; before listen(2), so that siblings may join.
        if (shared && endpoint.Kind == EndpointKind.Tcp)
            SharePort(fd);
        listen(fd, backlog).OrThrow("listen", endpoint);
        return new(fd, endpoint.Kind, asked, backlog, keepAlive);
    }
}
