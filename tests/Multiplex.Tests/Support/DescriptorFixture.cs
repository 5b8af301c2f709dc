using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Support;

/// <summary>A fixture that works with bare descriptors: each that it owns is closed after the test.</summary>
public abstract class DescriptorFixture
{
    private readonly List<int> _owned = [];

    [TearDown]
    public void Close_what_is_still_open()
    {
        foreach (int fd in _owned)
            close(fd);
        _owned.Clear();
    }

    /// <summary>The descriptor that a call returned; it is closed after the test.</summary>
    protected int Own(SyscallResult result)
    {
        int fd = result.OrThrow("making a descriptor");
        _owned.Add(fd);
        Eventually.LimitWaits(fd);   // descriptors that are no sockets refuse the option, and do not block
        return fd;
    }

    /// <summary>Closes a descriptor before the test ends.</summary>
    protected void CloseNow(int fd)
    {
        Assert.That(_owned.Remove(fd), Is.True, $"descriptor {fd} is the test's own");
        close(fd).OrThrow("close");
    }

    /// <summary>A TCP socket, blocking.</summary>
    protected int TcpSocket() => Own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

    /// <summary>A UDP socket, blocking.</summary>
    protected int UdpSocket() => Own(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

    /// <summary>A UDP socket on the loopback interface, at a port of the kernel's choice.</summary>
    protected int BoundUdpSocket()
    {
        int fd = UdpSocket();
        bind(fd, Loopback(0)).OrThrow("bind");
        return fd;
    }

    /// <summary>A UNIX-domain socket, blocking.</summary>
    protected int UnixSocket(int type = SOCK_STREAM) => Own(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));

    /// <summary>A TCP socket that listens on the loopback interface, at a port of the kernel's choice.</summary>
    protected int TcpListener(int flags = 0)
    {
        int listener = Own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
        bind(listener, Loopback(0)).OrThrow("bind");
        listen(listener, 16).OrThrow("listen");
        return listener;
    }

    /// <summary>A TCP connection: the client's socket, and the socket that accept(2) returned.</summary>
    protected (int Client, int Server) TcpConnection()
    {
        int listener = TcpListener();
        int client = TcpSocket();
        connect(client, NameOf(listener)).OrThrow("connect");
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        CloseNow(listener);
        return (client, server);
    }

    /// <summary>
    /// The raw address of a TCP socket where connection requests get no answer: Linux drops a SYN while the accept queue is full.
    /// </summary>
    protected byte[] SwallowingAddress()
    {
        int full = TcpSocket();
        bind(full, Loopback(0)).OrThrow("bind");
        listen(full, 0).OrThrow("listen");
        connect(TcpSocket(), NameOf(full)).OrThrow("connect");
        return NameOf(full);
    }

    /// <summary>Two UNIX-domain sockets that are connected to each other.</summary>
    protected (int One, int Other) Pair(int type = SOCK_STREAM)
    {
        socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, out int one, out int other).OrThrow("socketpair");
        return (Own(SyscallResult.Of(one)), Own(SyscallResult.Of(other)));
    }

    /// <summary>The raw address 127.0.0.1 with this port.</summary>
    protected static byte[] Loopback(ushort port) => Internet(INADDR_LOOPBACK, port);

    /// <summary>A raw IPv4 address with this port: a sockaddr_in, in network byte order.</summary>
    protected static byte[] Internet(uint host, ushort port)
    {
        sockaddr_in address = new()
        {
            sin_family = AF_INET,
            sin_port = BinaryPrimitives.ReverseEndianness(port),
            sin_addr = new() { s_addr = BinaryPrimitives.ReverseEndianness(host) },
        };
        return MemoryMarshal.AsBytes(new ReadOnlySpan<sockaddr_in>(ref address)).ToArray();
    }

    /// <summary>A UNIX-domain address without a name: bind(2) to it makes the kernel choose an abstract name.</summary>
    protected static byte[] UnixFamilyAlone => BitConverter.GetBytes((ushort)AF_UNIX);

    /// <summary>The port in a raw address.</summary>
    protected static ushort PortIn(ReadOnlySpan<byte> address) => BinaryPrimitives.ReadUInt16BigEndian(address[2..]);

    /// <summary>getsockname(2): the raw address of this end.</summary>
    protected static byte[] NameOf(int fd)
    {
        byte[] address = new byte[128];
        return address[..getsockname(fd, address).OrThrow("getsockname")];
    }

    /// <summary>getpeername(2): the raw address of the other end.</summary>
    protected static byte[] PeerOf(int fd)
    {
        byte[] address = new byte[128];
        return address[..getpeername(fd, address).OrThrow("getpeername")];
    }

    /// <summary>The next message, or the bytes that a stream has.</summary>
    protected static byte[] Receive(int fd, int flags = 0)
    {
        byte[] bytes = new byte[1024];
        return bytes[..recv(fd, bytes, flags).OrThrow("recv")];
    }

    /// <summary>Reads exactly this many bytes, with as many calls as it takes.</summary>
    protected static byte[] ReadExactly(int fd, int count)
    {
        byte[] bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int got = recv(fd, bytes.AsSpan(have), 0).OrThrow("recv");
            Assert.That(got, Is.Positive, "the stream ended early");
            have += got;
        }

        return bytes;
    }
}
