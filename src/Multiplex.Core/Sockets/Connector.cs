using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>The active side: connects a socket to an endpoint.</summary>
public static class Connector
{
    // The family alone asks the kernel for a name of the abstract namespace: unix(7), "Autobind feature".
    private static readonly byte[] s_anyName = [(byte)AF_UNIX, 0];

    /// <summary>socket(2), connect(2): tries the endpoint's addresses in order until one answers; over TCP the next one soon beside the one before.</summary>
    /// <param name="endpoint">Where to connect to.</param>
    /// <returns>
    /// A blocking socket that is connected, with TCP_NODELAY set. A datagram socket has no connection: its peer is settled, and
    /// it has a name that it can be answered at. Whether there is a server at a UDP address shows only when something is sent there.
    /// </returns>
    /// <exception cref="SyscallException">No address answered; the failure of the last one, such as ECONNREFUSED.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static int Connect(Endpoint endpoint) => Connect(endpoint, AddressLookup.Find(endpoint, passive: false));

    /// <summary>As <see cref="Connect(Endpoint)"/>, for addresses that have been looked up already.</summary>
    /// <param name="endpoint">What they are the addresses of.</param>
    /// <param name="addresses">Raw socket addresses, in the order to try them.</param>
    /// <param name="timeout">How long that may take, all addresses together; null leaves it to the kernel.</param>
    public static int Connect(Endpoint endpoint, IReadOnlyList<byte[]> addresses, TimeSpan? timeout = null) =>
        Connect(endpoint, addresses, timeout, out _);

    /// <summary>As <see cref="Connect(Endpoint, IReadOnlyList{byte[]}, TimeSpan?)"/>; says which address has answered.</summary>
    /// <param name="endpoint">What they are the addresses of.</param>
    /// <param name="addresses">Raw socket addresses, in the order to try them.</param>
    /// <param name="timeout">How long that may take, all addresses together; null leaves it to the kernel.</param>
    /// <param name="index">Receives the index of the address that the socket is connected to.</param>
    public static int Connect(Endpoint endpoint, IReadOnlyList<byte[]> addresses, TimeSpan? timeout, out int index)
    {
        if (endpoint.Kind != EndpointKind.Tcp || addresses.Count == 1)
            return ConnectInOrder(endpoint, addresses, timeout, out index).OrThrow("connect", endpoint);
        int descriptor = new ConnectionRace(endpoint, addresses, timeout).Run(out index).OrThrow("connect", endpoint);
        fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL).OrThrow("fcntl F_GETFL") & ~O_NONBLOCK).OrThrow("fcntl F_SETFL");
        return descriptor;
    }

    // Of these only a lone TCP address or a UNIX-domain one, whose server's queue may be full, keeps connect(2) waiting.
    private static SyscallResult ConnectInOrder(Endpoint endpoint, IReadOnlyList<byte[]> addresses, TimeSpan? timeout, out int index)
    {
        SyscallResult result = SyscallResult.Failed(EADDRNOTAVAIL);
        for (index = 0; index < addresses.Count; index++)
        {
            result = Try(endpoint, addresses[index], 0, timeout, usesReservedPort: false, out int fd);
            if (result.Is(EINTR))
                result = AwaitConnection(fd, -1);
            if (!result.IsError)
                return SyscallResult.Of(Ready(endpoint, fd));
            if (fd >= 0)
                close(fd);
        }

        index = -1;
        return result.Is(EINPROGRESS) ? SyscallResult.Failed(ETIMEDOUT) : result;   // what connect(2) says when SO_SNDTIMEO is over
    }

    /// <summary>socket(2), connect(2) to one address without waiting.</summary>
    /// <param name="endpoint">What it is the address of.</param>
    /// <param name="address">A raw socket address.</param>
    /// <param name="descriptor">Receives a non-blocking socket, to be closed also after an error; -1 when there is none.</param>
    /// <returns>An errno; EINPROGRESS when it is not done yet: once the socket is writable, ask <see cref="Finish"/>.</returns>
    public static SyscallResult Begin(Endpoint endpoint, ReadOnlySpan<byte> address, out int descriptor) =>
        Begin(endpoint, address, usesReservedPort: false, out descriptor);

    /// <summary>As <see cref="Begin(Endpoint, ReadOnlySpan{byte}, out int)"/>; if asked for, the socket is bound to a reserved port, see <see cref="ReservedPort"/>.</summary>
    internal static SyscallResult Begin(Endpoint endpoint, ReadOnlySpan<byte> address, bool usesReservedPort, out int descriptor)
    {
        SyscallResult result = Try(endpoint, address, SOCK_NONBLOCK, timeout: null, usesReservedPort, out descriptor);
        for (int i = 1; i < ReservedPort.Count && usesReservedPort && result.Is(EADDRNOTAVAIL); i++)
        {
            close(descriptor);   // an older connection to this server holds the port
            result = Try(endpoint, address, SOCK_NONBLOCK, timeout: null, usesReservedPort, out descriptor);
        }

        if (!result.IsError)
            Ready(endpoint, descriptor);
        return result;
    }

    /// <summary>What has become of a connection that was begun.</summary>
    /// <returns>An errno; EINPROGRESS while it is not done.</returns>
    public static SyscallResult Finish(Endpoint endpoint, int descriptor)
    {
        SyscallResult result = AwaitConnection(descriptor, 0);
        if (!result.IsError)
            Ready(endpoint, descriptor);
        return result;
    }

    private static SyscallResult Try(Endpoint endpoint, ReadOnlySpan<byte> address, int flags, TimeSpan? timeout, bool usesReservedPort, out int descriptor)
    {
        descriptor = -1;
        SyscallResult result = socket(AddressLookup.FamilyOf(address), endpoint.Kind.SocketType() | SOCK_CLOEXEC | flags, 0);
        if (result.IsError)
            return result;   // such as EAFNOSUPPORT: IPv6 on a machine without it
        descriptor = (int)result.Value;
        if (timeout is { } limit && limit > TimeSpan.Zero)
        {
            timeval most = new() { tv_sec = (long)limit.TotalSeconds, tv_usec = limit.Microseconds + (1000L * limit.Milliseconds) };
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, most).OrThrow("setsockopt SO_SNDTIMEO");
        }

        result = endpoint.Kind == EndpointKind.UnixGram ? bind(descriptor, s_anyName)   // without a name, no answer
            : usesReservedPort && endpoint.Kind.IsInternet() ? ReservedPort.Bind(descriptor, endpoint.Kind, address)
            : default;
        return result.IsError ? result : connect(descriptor, address);
    }

    private static int Ready(Endpoint endpoint, int fd)
    {
        if (endpoint.Kind == EndpointKind.Tcp)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
        return fd;
    }

    // A connect(2) that a signal interrupts goes on by itself; the socket becomes writable when it is done, and SO_ERROR has the result: connect(2).
    private static SyscallResult AwaitConnection(int fd, int timeout)
    {
        pollfd entry = new() { fd = fd, events = POLLOUT };
        SyscallResult ready;
        do
        {
            ready = poll(new Span<pollfd>(ref entry), timeout);
        }
        while (ready.Is(EINTR));
        if (ready.IsError)
            return ready;
        if (ready.Value == 0)
            return SyscallResult.Failed(EINPROGRESS);
        SyscallResult asked = getsockopt(fd, SOL_SOCKET, SO_ERROR, out int error);
        return asked.IsError || error == 0 ? asked : SyscallResult.Failed(error);
    }
}
