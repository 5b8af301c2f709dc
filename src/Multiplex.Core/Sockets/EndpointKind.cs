using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets;

/// <summary>The kinds of socket, by family and type.</summary>
public enum EndpointKind
{
    /// <summary>TCP over IPv4 or IPv6: a stream between machines.</summary>
    Tcp,

    /// <summary>UDP over IPv4 or IPv6: datagrams between machines.</summary>
    Udp,

    /// <summary>A UNIX-domain stream: like TCP, within the machine.</summary>
    Unix,

    /// <summary>UNIX-domain seqpacket: connections that keep the boundaries of messages.</summary>
    UnixPacket,

    /// <summary>UNIX-domain datagrams.</summary>
    UnixGram,
}

/// <summary>What follows from an endpoint's kind.</summary>
public static class EndpointKindExtensions
{
    /// <summary>How an endpoint of this kind begins, up to and including the colon.</summary>
    public static string Prefix(this EndpointKind kind) => kind switch
    {
        EndpointKind.Tcp => "tcp:",
        EndpointKind.Udp => "udp:",
        EndpointKind.Unix => "unix:",
        EndpointKind.UnixPacket => "unixpacket:",
        _ => "unixgram:",
    };

    /// <summary>SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.</summary>
    public static int SocketType(this EndpointKind kind) => kind switch
    {
        EndpointKind.Tcp or EndpointKind.Unix => SOCK_STREAM,
        EndpointKind.UnixPacket => SOCK_SEQPACKET,
        _ => SOCK_DGRAM,
    };

    /// <summary>Whether it is reached by host and port; else by a path or an abstract name of this machine.</summary>
    public static bool IsInternet(this EndpointKind kind) => kind is EndpointKind.Tcp or EndpointKind.Udp;

    /// <summary>Whether there are no connections.</summary>
    public static bool IsDatagram(this EndpointKind kind) => kind.SocketType() == SOCK_DGRAM;

    /// <summary>Whether bytes flow without boundaries.</summary>
    public static bool IsStream(this EndpointKind kind) => kind is EndpointKind.Tcp or EndpointKind.Unix;
}
