using Multiplex.Sockets;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The third lesson: listen(2), connect(2), accept(2), what names a connection, and how connect(2) fails.</summary>
internal static class Lesson03_Connections
{
    private const int ShortWait = 100;   // ms in which nothing is expected to happen

    public static Lesson Lesson { get; } = new(
        "connections",
        "a listener, a queue, and a new socket for each client",
        [
            new("Why does accept(2) return a new socket?",
                "The listening socket stays free for the next client. It names the server's address and holds the queue of connections; no bytes go "
                + "through it. Each connection needs a descriptor of its own, to be read, written and closed without the others."),
            new("What names a connection?",
                "Five things: the protocol, and the address and the port at each end. All connections of a server have the same protocol, address and "
                + "port at the server's end. They differ in the client's address or port, and the kernel chooses the client's port so that they do."),
            new("What happens when more clients connect than the queue of listen(2) has room for?",
                "Over TCP the request is dropped; the client's kernel repeats it until there is room or the time is up (ETIMEDOUT). Over a UNIX-domain "
                + "socket connect(2) waits, or fails with EAGAIN when the socket is non-blocking."),
        ],
        [
            new("listen(2) makes a socket passive", APassiveSocket),
            new("connect(2) succeeds before accept(2)", ConnectBeforeAccept),
            new("accept(2) returns a new socket and leaves the listener free", ANewSocket),
            new("Five things name a connection", FiveThings),
            new("A full queue", AFullQueue),
            new("How connect(2) fails", HowConnectFails),
        ]);

    private static void APassiveSocket(Trace t)
    {
        int fd = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(fd, Notation.Internet(INADDR_LOOPBACK, 0));
        t.getsockopt(fd, SO_ACCEPTCONN);
        t.accept(fd, new(EINVAL, "the socket does not listen yet"));
        t.listen(fd, 16);
        t.getsockopt(fd, SO_ACCEPTCONN);
    }

    private static void ConnectBeforeAccept(Trace t)
    {
        t.Say("The kernel makes the connection and puts it into the listener's queue. The client can send at once.");
        int listener = Listener(t, 16, out byte[] address);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(client, address);
        t.send(client, "early"u8);
        t.Say("Now the server takes the connection from the queue. The bytes have waited:");
        int server = t.accept(listener);
        t.recv(server, 64);
    }

    private static void ANewSocket(Trace t)
    {
        int listener = Listener(t, 16, out byte[] address);
        int one = t.socket(AF_INET, SOCK_STREAM, 0), two = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(one, address);
        t.connect(two, address);
        int first = t.accept(listener), second = t.accept(listener);
        t.Say("Two clients, two new descriptors. Each connection has its own bytes; closing one leaves the other, and the listener still listens:");
        t.send(one, "from one"u8);
        t.send(two, "from two"u8);
        t.recv(second, 64);
        t.recv(first, 64);
        t.close(first);
        t.send(second, "answer"u8);
        t.recv(two, 64);
        t.getsockopt(listener, SO_ACCEPTCONN);
        t.Say("The listener itself carries no bytes:");
        t.recv(listener, 64, 0, new(ENOTCONN, "a listener has no peer; each new socket has one"));
    }

    private static void FiveThings(Trace t)
    {
        int listener = Listener(t, 16, out byte[] address);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(client, address);
        int server = t.accept(listener, out byte[] acceptedName);
        t.Say("The protocol is TCP. Both ends agree on the two addresses and the two ports:");
        byte[] clientName = t.getsockname(client), clientPeer = t.getpeername(client);
        byte[] serverName = t.getsockname(server), serverPeer = t.getpeername(server);
        Trace.Check(Same(clientName, serverPeer) && Same(clientPeer, serverName) && Same(acceptedName, clientName), "both ends name the same connection");
        t.Say("A second connection to the same server differs in the client's port alone:");
        int another = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(another, address);
        byte[] anotherName = t.getsockname(another);
        Trace.Check(!Same(anotherName, clientName), "the two connections differ");
    }

    private static void AFullQueue(Trace t)
    {
        t.Say("Linux takes one connection more than the length says. So these two fill the queue:");
        int listener = Listener(t, 1, out byte[] address);
        t.connect(t.socket(AF_INET, SOCK_STREAM, 0), address);
        t.connect(t.socket(AF_INET, SOCK_STREAM, 0), address);
        t.Say("The third is neither refused nor connected. A blocking connect(2) would wait; this socket is non-blocking:");
        int late = t.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        t.connect(late, address, new(EINPROGRESS, "the connection is being made; poll(2) tells when it is"));
        int[] before = t.poll(ShortWait, (late, POLLOUT));
        t.accept(listener);
        t.Say("There is room now. TCP repeats the request after a second, and the connection is made:");
        int[] after = t.poll((int)Trace.LongestWait.TotalMilliseconds, (late, POLLOUT));
        int error = t.getsockopt(late, SO_ERROR);
        Trace.Check(before[0] == 0 && after[0] == POLLOUT && error == 0, "the third connection is made once there is room");
    }

    private static void HowConnectFails(Trace t)
    {
        int held = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(held, Notation.Internet(INADDR_LOOPBACK, 0));
        byte[] address = t.getsockname(held);
        t.connect(t.socket(AF_INET, SOCK_STREAM, 0), address, new(ECONNREFUSED, "the machine answers, and no socket listens at this port"));
        t.connect(t.socket(AF_INET, SOCK_STREAM, 0), Notation.Internet(INADDR_BROADCAST, 80), new(ENETUNREACH, "no route leads to this address"));
        t.connect(t.socket(AF_UNIX, SOCK_STREAM, 0), AddressText.OfPath("/nowhere/at/all"), new(ENOENT, "there is no such path"));
        t.Say("From a machine that is down comes no answer at all. TCP repeats the request for about two minutes, and connect(2) fails with ETIMEDOUT.");
        int listener = Listener(t, 16, out byte[] open);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.getpeername(client, new(ENOTCONN, "there is no connection yet"));
        t.connect(client, open);
        t.connect(client, open, new(EISCONN, "the socket has its connection already"));
        t.close(listener);
    }

    private static int Listener(Trace t, int backlog, out byte[] address)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, backlog);
        address = t.getsockname(listener);
        return listener;
    }

    private static bool Same(byte[] one, byte[] other) => one.AsSpan().SequenceEqual(other);
}
