using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The first lesson: what socket(2) returns, which kinds of socket there are, and how a socket is like a file.</summary>
internal static class Lesson01_Sockets
{
    public static Lesson Lesson { get; } = new(
        "sockets",
        "an endpoint of communication is a file descriptor",
        [
            new("What does socket(2) return?",
                "A file descriptor: a small number that is the process's name for an endpoint in the kernel. On an error it returns -1, and errno "
                + "says why. The descriptor can be read, written, duplicated and closed as that of a file. It has no position: lseek(2) fails."),
            new("Which kinds of socket are there?",
                "A stream has a connection, is reliable and has no boundaries. A datagram socket has no connection; each message stays whole, and may be "
                + "lost. A seqpacket socket has a connection, is reliable and keeps each message whole."),
        ],
        [
            new("socket(2) makes one endpoint", OneEndpoint),
            new("Not everything can be made", WhatCannotBeMade),
            new("Two endpoints make a connection", TwoEndpoints),
            new("A socket descriptor is a file descriptor", AFileDescriptor),
            new("dup(2) makes a second descriptor of the same socket", ASecondDescriptor),
            new("Flags in the type", Flags),
        ]);

    private static void OneEndpoint(Trace t)
    {
        t.Say("A family (IPv4, IPv6 or UNIX), a type, and a protocol. Protocol 0 is the default for the family and the type.");
        int stream = t.socket(AF_INET, SOCK_STREAM, 0);
        t.getsockopt(stream, SO_PROTOCOL);
        t.Say("So a stream over IPv4 is TCP, and a datagram over IPv4 is UDP:");
        int datagram = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.getsockopt(datagram, SO_PROTOCOL);
        t.Say("UNIX-domain sockets connect processes of one machine. There is a seqpacket socket too:");
        int packets = t.socket(AF_UNIX, SOCK_SEQPACKET, 0);
        t.getsockopt(packets, SO_TYPE);
    }

    private static void WhatCannotBeMade(Trace t)
    {
        t.socket(999, SOCK_STREAM, 0, new(EAFNOSUPPORT, "the kernel has no family 999"));
        t.socket(AF_INET, SOCK_STREAM, IPPROTO_UDP, new(EPROTONOSUPPORT, "UDP is a protocol of datagrams, not of streams"));
    }

    private static void TwoEndpoints(Trace t)
    {
        t.Say("socketpair(2) makes two sockets that are connected to each other. Both can send: the connection is duplex.");
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.send(one, "there"u8);
        t.send(other, "back"u8);
        t.recv(other, 64);
        t.recv(one, 64);
    }

    private static void AFileDescriptor(Trace t)
    {
        t.Say("read(2) and write(2) work on a socket. They are recv(2) and send(2) without flags.");
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.write(one, "as a file"u8);
        t.read(other, 64);
        t.lseek(one, 0, new(ESPIPE, "a socket has no position to move to"));
        t.Say("But a file is not a socket:");
        int file = t.open("/dev/null", O_RDWR);
        t.listen(file, 1, new(ENOTSOCK, "only a socket can wait for connections"));
    }

    private static void ASecondDescriptor(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        int copy = t.dup(one);
        t.send(one, "by one, "u8);
        t.send(copy, "by both"u8);
        t.recv(other, 64);
        t.Say("The socket lives until its last descriptor is closed:");
        t.close(one);
        t.send(copy, "still there"u8);
        t.recv(other, 64);
    }

    private static void Flags(Trace t)
    {
        t.Say("SOCK_NONBLOCK: no call on the socket waits. SOCK_CLOEXEC: execve(2) closes it.");
        int fd = t.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int flags = t.fcntl_getfl(fd);
        Trace.Check((flags & O_NONBLOCK) != 0, "SOCK_NONBLOCK sets O_NONBLOCK");
    }
}
