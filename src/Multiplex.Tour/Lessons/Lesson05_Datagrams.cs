using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The fifth lesson: datagrams keep their boundaries, need no connection, and may be lost.</summary>
internal static class Lesson05_Datagrams
{
    public static Lesson Lesson { get; } = new(
        "datagrams",
        "whole messages, no connection, no promise",
        [
            new("What happens to a datagram that is longer than the receiver's buffer?",
                "The receiver gets the beginning; the rest is lost, and the next call returns the next datagram. With the flag MSG_TRUNC recv(2) returns "
                + "the datagram's full length, so that the receiver knows. On a stream the rest would wait for the next read."),
            new("Does the sender learn that a datagram was lost?",
                "No. sendto(2) succeeds once the datagram has left. A receiver without room drops it in silence. When no socket has the port, a sender that "
                + "called connect(2) gets ECONNREFUSED at a later call; a sender that did not learns nothing. A program that needs to know asks for a reply and "
                + "repeats its request."),
        ],
        [
            new("A question and an answer, without a connection", QuestionAndAnswer),
            new("Two datagrams are two", Boundaries),
            new("A datagram longer than the buffer", TooLong),
            new("An empty datagram, and the longest one", EmptyAndLongest),
            new("A datagram to a port that no socket has", NoSocketThere),
            new("A receiver without room", NoRoom),
        ]);

    private static void QuestionAndAnswer(Trace t)
    {
        int server = Bound(t, out byte[] address);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.sendto(client, "question"u8, address);
        t.Say("recvfrom(2) tells the sender's address, and sendto(2) answers to it. One socket serves every client:");
        t.recvfrom(server, 64, out byte[] sender);
        t.sendto(server, "answer"u8, sender);
        t.recv(client, 64);
        t.Say("Without connect(2) the socket has no address to send to:");
        t.send(client, "x"u8, 0, new(EDESTADDRREQ, "say where: sendto(2), or connect(2) before send(2)"));
    }

    private static void Boundaries(Trace t)
    {
        int server = Bound(t, out byte[] address);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.sendto(client, "first"u8, address);
        t.sendto(client, "second"u8, address);
        t.Say("The buffer has room for both. Each call returns one all the same:");
        t.recv(server, 64);
        t.recv(server, 64);
    }

    private static void TooLong(Trace t)
    {
        int server = Bound(t, out byte[] address);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.sendto(client, "too long"u8, address);
        t.sendto(client, "next"u8, address);
        t.Say("The buffer has 3 bytes. With MSG_TRUNC the result is the length of the datagram:");
        t.recv(server, 3, MSG_TRUNC);
        t.Say("\" long\" is lost: the next call returns the next datagram.");
        byte[] next = t.recv(server, 3);
        Trace.Check(next.AsSpan().SequenceEqual("nex"u8), "the rest of the first datagram is lost");
    }

    private static void EmptyAndLongest(Trace t)
    {
        int server = Bound(t, out byte[] address);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.Say("A datagram of no bytes is a datagram. On a stream 0 would be the end of file:");
        t.sendto(client, default, address);
        t.recv(server, 64);
        const int Longest = 65535 - 20 - 8;
        t.Say($"The longest has {Longest} bytes: 65535 less the headers of IPv4 (20) and UDP (8).");
        byte[] tooLong = new byte[Longest + 1];
        tooLong.AsSpan().Fill((byte)'x');
        t.sendto(client, tooLong, address, new(EMSGSIZE, "a datagram goes whole or not at all"));
    }

    private static void NoSocketThere(Trace t)
    {
        t.Say("This port belongs to a socket that is connected to itself, so no other sender reaches it:");
        int held = Bound(t, out byte[] address);
        t.connect(held, address);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.sendto(client, "anyone?"u8, address);
        t.recv(client, 64, MSG_DONTWAIT, new(EAGAIN, "no answer, and no error either"));
        t.Say("connect(2) on a datagram socket sends nothing: it sets the peer's address. The kernel can then tell the error:");
        int connected = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.connect(connected, address);
        t.send(connected, "anyone?"u8);
        t.recv(connected, 64, 0, new(ECONNREFUSED, "the other machine has answered that no socket has this port (ICMP)"));
    }

    private static void NoRoom(Trace t)
    {
        const int Count = 500, Length = 1000;
        int server = Bound(t, out byte[] address);
        t.setsockopt(server, SO_RCVBUF, 4096);
        int client = t.socket(AF_INET, SOCK_DGRAM, 0);
        int sent = 0, received = 0;
        byte[] datagram = new byte[Length];
        while (sent < Count && sendto(client, datagram, 0, address).Value == Length)
            sent++;
        while (!recv(server, datagram, MSG_DONTWAIT).IsError)
            received++;
        t.Show($"sendto({client}, ..., {Length}, ...) = {Length}, called {sent} times");
        t.Show($"recv({server}, ..., {Length}, MSG_DONTWAIT) = {Length}, {received} times, then EAGAIN");
        Trace.Check(sent == Count && received > 0 && received < Count, "every datagram was sent and some were lost");
        t.Say("Every call of the sender succeeded. The receiver's kernel dropped what its buffer had no room for.");
    }

    private static int Bound(Trace t, out byte[] address)
    {
        int fd = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.bind(fd, Notation.Internet(INADDR_LOOPBACK, 0));
        address = t.getsockname(fd);
        return fd;
    }
}
