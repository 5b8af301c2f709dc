using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>From an endpoint's names to raw socket addresses, in the order to try them: getaddrinfo(3).</summary>
public static class AddressLookup
{
    /// <summary>The addresses to bind (<paramref name="passive"/>) or to connect to.</summary>
    /// <exception cref="IOException">The host or service is not known; the message says which.</exception>
    public static IReadOnlyList<byte[]> Find(Endpoint endpoint, bool passive)
    {
        if (!endpoint.Kind.IsInternet())
            return [AddressText.OfPath(endpoint.Path)];

        bool anyInterface = endpoint.Host == "*";
        addrinfo hints = new()
        {
            ai_flags = passive ? AI_PASSIVE : 0,

            // INADDR_ANY when listening, and the IPv4 loopback address when connecting, stand for "*".
            ai_family = anyInterface ? AF_INET : AF_UNSPEC,
            ai_socktype = endpoint.Kind.SocketType(),
        };
        int status = getaddrinfo(anyInterface ? null : endpoint.Host, endpoint.Port, hints, out IReadOnlyList<byte[]> addresses);
        return status == 0 && addresses.Count > 0
            ? addresses
            : throw AddressProblem.OfLookup(status, endpoint);
    }

    /// <summary>
    /// The addresses to connect to. getaddrinfo(3) has no form that does not block: a host's name is looked up on a thread of the pool, a numeric
    /// address or a path on the calling one.
    /// </summary>
    /// <param name="endpoint">The server.</param>
    /// <param name="cancellationToken">Ends the wait; the lookup goes on to its own end.</param>
    /// <exception cref="IOException">The host or service is not known; the message says which.</exception>
    public static Task<IReadOnlyList<byte[]>> FindAsync(Endpoint endpoint, CancellationToken cancellationToken = default)
    {
        bool isNumeric = !endpoint.Kind.IsInternet() || endpoint.Host == "*" || System.Net.IPAddress.TryParse(endpoint.Host, out _);
        return isNumeric
            ? Task.FromResult(Find(endpoint, passive: false))
            : Task.Run(() => Find(endpoint, passive: false), cancellationToken).WaitAsync(cancellationToken);
    }

    /// <summary>The address family of a raw socket address.</summary>
    public static int FamilyOf(ReadOnlySpan<byte> address) => System.Runtime.InteropServices.MemoryMarshal.Read<ushort>(address);
}
