using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>The active side: connects a socket to an endpoint.</summary>
public static class Connector
{
    // The family alone asks the kernel for a name of the abstract namespace: unix(7), "Autobind feature".
    private static readonly byte[] s_anyName = [(byte)AF_UNIX, 0];

    /// <summary>socket(2), connect(2): tries the endpoint's addresses in order until one answers.</summary>
    /// <param name="endpoint">Where to connect to.</param>
    /// <returns>
    /// A blocking socket that is connected, with TCP_NODELAY set. A datagram socket has no connection: its peer is settled, and
    /// it has a name that it can be answered at. Whether anybody is at a UDP address shows only when something is sent there.
    /// </returns>
    /// <exception cref="SyscallException">No address answered; the failure of the last one, such as ECONNREFUSED.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static int Connect(Endpoint endpoint) => Connect(endpoint, AddressLookup.Find(endpoint, passive: false));

    /// <summary>As <see cref="Connect(Endpoint)"/>, for addresses that have been looked up already.</summary>
    public static int Connect(Endpoint endpoint, IReadOnlyList<byte[]> addresses)
    {
        SyscallResult result = SyscallResult.Failed(EADDRNOTAVAIL);
        foreach (byte[] address in addresses)
        {
            result = socket(AddressLookup.FamilyOf(address), endpoint.Kind.SocketType() | SOCK_CLOEXEC, 0);
            if (result.Is(EAFNOSUPPORT))
                continue;   // such as IPv6 on a machine without it
            int fd = result.OrThrow("socket", endpoint);
            result = endpoint.Kind == EndpointKind.UnixGram ? bind(fd, s_anyName) : default;   // without a name, no answer
            if (!result.IsError)
                result = connect(fd, address);
            if (result.Is(EINTR))
                result = AwaitConnection(fd);
            if (!result.IsError)
            {
                if (endpoint.Kind == EndpointKind.Tcp)
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1).OrThrow("setsockopt TCP_NODELAY");
                return fd;
            }

            close(fd);
        }

        throw AddressProblem.Of("connect", result.Errno, endpoint);
    }

    // A connect(2) that a signal interrupts goes on by itself; writability tells when it is done, SO_ERROR how: connect(2).
    private static SyscallResult AwaitConnection(int fd)
    {
        pollfd entry = new() { fd = fd, events = POLLOUT };
        SyscallResult ready;
        do
        {
            ready = poll(new Span<pollfd>(ref entry), -1);
        }
        while (ready.Is(EINTR));
        if (ready.IsError)
            return ready;
        SyscallResult asked = getsockopt(fd, SOL_SOCKET, SO_ERROR, out int error);
        return asked.IsError || error == 0 ? asked : SyscallResult.Failed(error);
    }
}
