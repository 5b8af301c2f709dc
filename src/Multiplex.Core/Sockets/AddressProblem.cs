using Multiplex.Interop;
using Multiplex.Sockets.Names;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>The classic failures of addresses and connections, each explained: why in plain words, and what would help.</summary>
internal static class AddressProblem
{
    private const int FirstUnprivilegedPort = 1024;

    /// <summary>The value of a call that was made for an endpoint.</summary>
    /// <exception cref="SyscallException">The call failed; the message says what failed, with which errno, why, and what would help.</exception>
    public static int OrThrow(this SyscallResult result, string call, Endpoint endpoint) =>
        result.IsError ? throw Of(call, result.Errno, endpoint) : (int)result.Value;

    /// <summary>The failure of a call that was made for an endpoint.</summary>
    public static SyscallException Of(string call, int errno, Endpoint endpoint) =>
        new(call, errno, endpoint.ToString(), call == "bind" ? ExplainBind(errno, endpoint) : Explain(errno, endpoint));

    /// <summary>The failure of a lookup, in getaddrinfo(3)'s own words.</summary>
    /// <param name="status">An EAI_ number.</param>
    /// <param name="endpoint">What was looked up.</param>
    public static IOException OfLookup(int status, Endpoint endpoint)
    {
        (string name, string explanation) = status switch
        {
            EAI_NONAME => ("EAI_NONAME", "no such host or service: correct the name, or write a number"),
            EAI_SERVICE => ("EAI_SERVICE", "no such service for this kind of socket: correct the name, or write the port's number"),
            EAI_AGAIN => ("EAI_AGAIN", "no name server answered: try again later, or write the host's address"),
            EAI_FAIL => ("EAI_FAIL", "the name server failed: try again later, or write the host's address"),
            _ => ("getaddrinfo(3)", $"status {status}"),
        };
        return new($"getaddrinfo {endpoint}: {gai_strerror(status)} ({name}): {explanation}");
    }

    private static string? ExplainBind(int errno, Endpoint endpoint) => errno switch
    {
        EACCES when endpoint.Kind.IsInternet() =>
            $"a port below {FirstUnprivilegedPort} needs privilege (CAP_NET_BIND_SERVICE): choose a higher one, or run with that",
        EACCES => "no permission to make a file there: choose another directory",
        EADDRINUSE when endpoint.Kind.IsInternet() =>
            "another socket has this address: stop its server, or choose another port (0 lets the kernel choose)",
        EADDRINUSE when IsPathOfFile(endpoint) => "the file there is no socket: choose another path, or remove it",
        EADDRINUSE => "another server is there: stop it, or choose another name",
        EADDRNOTAVAIL => "this machine has no such address: bind one of its own, or * for all of them",
        ENOENT => "a directory of the path is not there: make it, or correct the path",
        _ => Explain(errno, endpoint),
    };

    private static string? Explain(int errno, Endpoint endpoint) => errno switch
    {
        ECONNREFUSED when IsPathOfFile(endpoint) => "the file there is no socket: correct the path",
        ECONNREFUSED when endpoint.Kind.IsInternet() => "no server listens there: start it, or correct host and port",
        ECONNREFUSED => "no server listens there: start it, or correct the name",
        ENOENT => "no server has made this path: start the server, or correct the path",
        ENOTDIR => "a part of the path is no directory: correct the path",
        EPROTOTYPE => "the socket there is of another type: write unix:, unixpacket: or unixgram: as its server does",
        EACCES => "no permission to write to it: ask its owner, or run as its user",
        EAGAIN => "the server's queue of connections is full: it accepts too slowly, or its --backlog is too short",
        ETIMEDOUT => "nothing answered: the host is down, or a firewall drops what is sent to it",
        ENETUNREACH => "this machine has no route to that network: correct the address, or the routes",
        EHOSTUNREACH => "no way to that host: it is down, or a router or firewall turns away what is sent to it",
        EADDRNOTAVAIL => "no port is left for one more connection: make fewer, or widen net.ipv4.ip_local_port_range",
        EAFNOSUPPORT => "this machine's kernel lacks this family of addresses: for IPv6, write an IPv4 address",
        EMFILE => "this process may open no more descriptors: raise its limit (ulimit -n)",
        EMSGSIZE => "the message is longer than this kind of socket takes in one piece: send less",
        _ => null,
    };

    // connect(2) and bind(2) report a file that is no socket like a socket without a listener.
    private static bool IsPathOfFile(Endpoint endpoint) =>
        BoundSocket.HasPath(endpoint) && File.Exists(endpoint.Path) && !SocketName.IsSocket(endpoint.Path);
}
