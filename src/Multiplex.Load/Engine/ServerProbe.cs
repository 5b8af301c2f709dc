using Multiplex.Interop;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>
/// Finds the address of a host at which the server is. For a stream, connect(2) shows it. For UDP, connect(2) sends nothing and shows nothing:
/// only a datagram to a port without a socket is refused, by ICMP.
/// </summary>
internal static class ServerProbe
{
    private const int LongestWait = 1000;

    /// <summary>The server's address.</summary>
    /// <exception cref="SyscallException">No server is there.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static byte[] Find(LoadOptions options)
    {
        IReadOnlyList<byte[]> addresses = AddressLookup.Find(options.Server, passive: false);
        return options.Server.Kind == EndpointKind.Udp ? FindByDatagram(options, addresses)
            : addresses.Count == 1 ? addresses[0]
            : FindByConnection(options, addresses);
    }

    /// <summary>Sends a request to the addresses in order.</summary>
    /// <returns>The first that answers; otherwise the first that does not refuse it, because silence is not a refusal.</returns>
    /// <exception cref="SyscallException">All of them refuse it.</exception>
    public static byte[] FindByDatagram(LoadOptions options, IReadOnlyList<byte[]> addresses)
    {
        OutputBuffer request = new();
        options.Exchange().Write(request, uint.MaxValue);
        int wait = (int)Math.Min(options.Timeout.TotalMilliseconds, LongestWait);
        int errno = ECONNREFUSED;
        byte[]? silent = null;
        foreach (byte[] address in addresses)
        {
            SyscallResult result = Ask(options.Server, address, request.Written, wait / addresses.Count);
            if (!result.IsError)
                return address;
            if (result.Is(EAGAIN))
                silent ??= address;
            errno = result.Errno;
        }

        return silent ?? throw AddressProblem.Of("load", errno, options.Server);
    }

    private static byte[] FindByConnection(LoadOptions options, IReadOnlyList<byte[]> addresses)
    {
        close(Connector.Connect(options.Server, addresses, options.Timeout, out int index));
        return addresses[index];
    }

    // The result of the first receive: a length, or EAGAIN when nothing came.
    private static SyscallResult Ask(Endpoint server, byte[] address, ReadOnlySpan<byte> request, int wait)
    {
        SyscallResult connected = Connect(server, address);
        if (connected.IsError)
            return connected;
        int socket = (int)connected.Value;
        SyscallResult result = send(socket, request, MSG_NOSIGNAL);
        if (!result.IsError)
        {
            pollfd entry = new() { fd = socket, events = POLLIN };
            poll(new Span<pollfd>(ref entry), wait);
            result = recv(socket, [], MSG_DONTWAIT | MSG_PEEK);
        }

        close(socket);
        return result;
    }

    private static SyscallResult Connect(Endpoint server, byte[] address)
    {
        try
        {
            return SyscallResult.Of(Connector.Connect(server, [address]));
        }
        catch (SyscallException e)
        {
            return SyscallResult.Failed(e.Errno);   // such as ENETUNREACH
        }
    }
}
