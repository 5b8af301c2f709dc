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

    /// <summary>The address family of a raw socket address.</summary>
    public static int FamilyOf(ReadOnlySpan<byte> address) => System.Runtime.InteropServices.MemoryMarshal.Read<ushort>(address);
}
