using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>
/// Which of a host's addresses a UDP server is at. connect(2) does not tell, as it sends nothing: only a datagram that nobody
/// takes is refused, by ICMP.
/// </summary>
internal static class DatagramProbe
{
    private const int LongestWait = 1000;

    /// <summary>Sends a request to the addresses in order.</summary>
    /// <returns>The first that does not refuse it; silence is no refusal.</returns>
    /// <exception cref="SyscallException">All of them refuse it: nobody is there.</exception>
    public static byte[] Find(LoadOptions options, IReadOnlyList<byte[]> addresses)
    {
        OutputBuffer request = new();
        options.Exchange().Write(request, uint.MaxValue);
        int wait = (int)Math.Min(options.Timeout.TotalMilliseconds, LongestWait);
        int errno = ECONNREFUSED;
        foreach (byte[] address in addresses)
        {
            SyscallResult result = Try(options.Server, address, request.Written, wait);
            if (!result.IsError || result.Is(EAGAIN))
                return address;
            errno = result.Errno;
        }

        throw AddressProblem.Of("load", errno, options.Server);
    }

    // What the first receive says: a length, or EAGAIN when nothing came.
    private static SyscallResult Try(Endpoint server, byte[] address, ReadOnlySpan<byte> request, int wait)
    {
        int socket;
        try
        {
            socket = Connector.Connect(server, [address]);
        }
        catch (SyscallException e)
        {
            return SyscallResult.Failed(e.Errno);   // such as ENETUNREACH
        }

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
}
