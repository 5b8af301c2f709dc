using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Sockets.Datagrams;

/// <summary>A socket that has an address and receives datagrams from any sender: no connections, no order, no guarantee.</summary>
public sealed class DatagramSocket : BoundSocket
{
    private const int BufferSize = 4 << 20;   // the kernel takes what net.core.rmem_max allows

    private DatagramSocket(int descriptor, EndpointKind kind, string asked)
        : base(descriptor, kind, asked) => AskForOrigin();

    private DatagramSocket(int descriptor, EndpointKind kind, string asked, bool isKept)
        : base(descriptor, kind, asked, isKept) => AskForOrigin();

    private DatagramSocket(DatagramSocket original)
        : base(original)
    {
    }

    /// <summary>socket(2), bind(2): the first of the endpoint's addresses that can be bound.</summary>
    /// <param name="endpoint">Where to receive.</param>
    /// <param name="shared">Whether <see cref="Sibling"/> will be called.</param>
    /// <param name="onlyIPv6">Whether an IPv6 socket on every interface is to leave the port of IPv4 to another.</param>
    /// <exception cref="SyscallException">Such as EADDRINUSE, or EACCES for a port below 1024 without the privilege.</exception>
    /// <exception cref="IOException">The host is not known.</exception>
    public static DatagramSocket Open(Endpoint endpoint, bool shared = false, bool onlyIPv6 = false) => Bind(
        endpoint,
        fd => Prepare(fd, endpoint.Kind, onlyIPv6),
        fd =>
        {
            if (shared && endpoint.Kind == EndpointKind.Udp)
                SharePort(fd);
            return new DatagramSocket(fd, endpoint.Kind, endpoint.ToString());
        });

    /// <summary>A bound socket that another process made: its buffers have the size that they were given there.</summary>
    internal static DatagramSocket Adopt(int descriptor, EndpointKind kind, string asked, bool isKept) => new(descriptor, kind, asked, isKept);

    /// <summary>
    /// One more socket at the same address, for another thread. On UDP it has a queue of its own, and the kernel spreads the
    /// senders over them: SO_REUSEPORT of socket(7). A UNIX-domain socket has one queue, and so has one that
    /// another process made.
    /// </summary>
    /// <exception cref="SyscallException">Such as EADDRINUSE: this one was not opened to be shared.</exception>
    public DatagramSocket Sibling() => HasOwnQueues ? (DatagramSocket)NextSibling() : new(this);

    /// <summary>
    /// Takes no more datagrams, in any process that shares the socket; those that are in its queue can still be received. Unlike shutdown(2), which
    /// a UDP socket without a peer refuses, a filter that drops everything does this on every kind: SO_ATTACH_FILTER of socket(7). Not of a socket that
    /// another process keeps.
    /// </summary>
    /// <exception cref="SyscallException">The filter was refused.</exception>
    public unsafe void TakeNoMore()
    {
        if (IsKept)
            return;
        sock_filter dropAll = new() { code = BPF_RET | BPF_K };
        sock_fprog program = new() { len = 1, filter = &dropAll };
        setsockopt(Descriptor, SOL_SOCKET, SO_ATTACH_FILTER, program).OrThrow("setsockopt SO_ATTACH_FILTER");
    }

    private protected override BoundSocket BindSibling() => BindSibling(fd => Prepare(fd, Kind, IsOnlyIPv6), fd => new DatagramSocket(fd, Kind, Asked));

    private void AskForOrigin()
    {
        AskForLocalAddress();
        AskForSender();
    }

    // On every interface, the reply must leave from the address that the datagram was sent to: see DatagramOrigin.
    private void AskForLocalAddress()
    {
        if (Kind == EndpointKind.Udp && Local.Host is "0.0.0.0" or "::")
            setsockopt(Descriptor, IPPROTO_IP, IP_PKTINFO, 1).OrThrow("setsockopt IP_PKTINFO");
        if (Kind == EndpointKind.Udp && Local.Host is "::")
        {
            setsockopt(Descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1).OrThrow("setsockopt IPV6_RECVPKTINFO");
            setsockopt(Descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 1).OrThrow("setsockopt IP_MULTICAST_ALL");   // as an IPv4 socket has it
        }
    }

    // Of a connection SO_PEERCRED has the peer's user; each datagram has its sender's.
    private void AskForSender()
    {
        if (Kind == EndpointKind.UnixGram)
            setsockopt(Descriptor, SOL_SOCKET, SO_PASSCRED, 1).OrThrow("setsockopt SO_PASSCRED");
    }

    private static void Prepare(int fd, EndpointKind kind, bool onlyIPv6)
    {
        LeaveIPv4(fd, onlyIPv6 && kind == EndpointKind.Udp);

        // A burst waits in the socket while a call runs; what does not fit is lost.
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, BufferSize).OrThrow("setsockopt SO_RCVBUF");
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, BufferSize).OrThrow("setsockopt SO_SNDBUF");
    }
}
