using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace Multiplex.Tour.Lessons;

/// <summary>The seventh lesson: shutdown(2), close(2), resets, TIME_WAIT, and why a server sets SO_REUSEADDR.</summary>
internal static class Lesson07_Endings
{
    public static Lesson Lesson { get; } = new(
        "endings",
        "how a connection ends, and what stays behind",
        [
            new("What does shutdown(SHUT_WR) tell the peer?",
                "That no more bytes will come: the peer reads what was sent before, and then 0, the end of file. The other direction stays open, so the peer "
                + "can still answer. shutdown(2) acts on the connection, for every descriptor of it; close(2) takes away one descriptor, and the "
                + "connection ends with the last."),
            new("What is TIME_WAIT, and which end has it?",
                "The end that closes first keeps the connection's five things for a while after both have closed (60 s on Linux). It repeats the last "
                + "acknowledgement if that was lost, and it keeps late segments of this connection out of a new one with the same five things. The other "
                + "end has nothing left."),
            new("Why does a server need SO_REUSEADDR?",
                "A server that closed connections first has them in TIME_WAIT at its own port. When it is started again, bind(2) to that port fails with "
                + "EADDRINUSE for a minute. With SO_REUSEADDR, set before bind(2) each time, connections in TIME_WAIT are no hindrance. A socket "
                + "that listens there still is."),
        ],
        [
            new("shutdown(2) of writing ends one direction", HalfClose),
            new("close(2) ends the connection with its last descriptor", LastDescriptor),
            new("A send to a peer that has closed", SendToClosed),
            new("A reset", AReset),
            new("TIME_WAIT is at the end that closes first", TimeWait),
            new("A server that closes first cannot bind again", CannotBindAgain),
            new("With SO_REUSEADDR it can", CanBindAgain),
        ]);

    private static void HalfClose(Trace t)
    {
        (int client, int server) = Connection(t);
        t.send(client, "last words"u8);
        t.shutdown(client, SHUT_WR);
        t.Say("The peer reads what was sent, then 0: the end of file.");
        t.recv(server, 64);
        byte[] end = t.recv(server, 64);
        Trace.Check(end.Length == 0, "the peer reads an end of file");
        t.Say("The other direction is open:");
        t.send(server, "reply"u8);
        t.recv(client, 64);
        t.send(client, "more"u8, MSG_NOSIGNAL, new(EPIPE, "this end has said that it sends no more"));
    }

    private static void LastDescriptor(Trace t)
    {
        (int client, int server) = Connection(t);
        int copy = t.dup(client);
        t.close(client);
        t.recv(server, 64, MSG_DONTWAIT, new(EAGAIN, "no end of file: the client has another descriptor"));
        t.Say("shutdown(2) would have ended it for both. The last close(2) does too:");
        t.close(copy);
        byte[] end = t.recv(server, 64);
        Trace.Check(end.Length == 0, "the last close is an end of file");
    }

    private static void SendToClosed(Trace t)
    {
        (int client, int server) = Connection(t);
        t.close(server);
        t.Say("The first send succeeds: this end has seen an end of file, which may be a shutdown(2). The peer's kernel answers it with a reset:");
        t.send(client, "anyone?"u8, MSG_NOSIGNAL);
        t.poll((int)Trace.LongestWait.TotalMilliseconds, (client, 0));
        t.send(client, "anyone?"u8, MSG_NOSIGNAL, new(EPIPE, "the connection is gone; without MSG_NOSIGNAL the signal SIGPIPE would end the process"));
    }

    private static void AReset(Trace t)
    {
        (int client, int server) = Connection(t);
        t.Say("SO_LINGER with 0 seconds makes close(2) throw the connection away. A close(2) with received bytes unread does the same:");
        t.setsockopt(client, new linger { l_onoff = 1, l_linger = 0 });
        t.close(client);
        t.recv(server, 64, 0, new(ECONNRESET, "the connection did not end in order: bytes may be lost"));
    }

    private static void TimeWait(Trace t)
    {
        (int client, int server) = Connection(t);
        byte[] clientName = t.getsockname(client), serverName = t.getsockname(server);
        t.Say("The client closes first:");
        t.close(client);
        t.recv(server, 64);
        t.close(server);
        t.Say("Neither process has a descriptor now. The kernel's table of TCP (/proc/net/tcp) still has a row:");
        IReadOnlyList<TcpConnection> rows = AwaitTimeWait(t, clientName, serverName);
        Trace.Check(rows.Count == 1 && rows[0].LocalPort == Notation.Port(clientName), "the client's end alone is in TIME_WAIT");
        t.Say("It is the client's end: its local port is the client's. Of the server's end nothing is left.");
    }

    private static void CannotBindAgain(Trace t)
    {
        byte[] address = ServerThatClosesFirst(t, reuse: false);
        t.Say("The server is started again, at the same port:");
        int again = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(again, address, new(EADDRINUSE, "the old connection is in TIME_WAIT at this port"));
    }

    private static void CanBindAgain(Trace t)
    {
        byte[] address = ServerThatClosesFirst(t, reuse: true);
        t.Say("The same again. Both sockets, the old and the new, have set the option:");
        int again = t.socket(AF_INET, SOCK_STREAM, 0);
        t.setsockopt(again, SO_REUSEADDR, 1);
        t.bind(again, address);
        t.listen(again, 16);
    }

    private static byte[] ServerThatClosesFirst(Trace t, bool reuse)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        if (reuse)
            t.setsockopt(listener, SO_REUSEADDR, 1);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, 16);
        byte[] address = t.getsockname(listener);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(client, address);
        int server = t.accept(listener, out byte[] peer);
        t.Say("The server closes the connection first, and its listener:");
        t.close(server);
        t.recv(client, 64);
        t.close(client);
        t.close(listener);
        IReadOnlyList<TcpConnection> rows = AwaitTimeWait(t, peer, address);
        Trace.Check(rows.Count == 1 && rows[0].LocalPort == Notation.Port(address), "the server's end is in TIME_WAIT");
        return address;
    }

    // The last acknowledgement may take a moment to arrive.
    private static IReadOnlyList<TcpConnection> AwaitTimeWait(Trace t, byte[] one, byte[] other)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<TcpConnection> rows;
        do
        {
            rows = TcpConnection.Between(Notation.Port(one), Notation.Port(other));
            if (Stopwatch.GetElapsedTime(start) > Trace.LongestWait)
                throw new LessonException($"the connection is not in TIME_WAIT after {Trace.LongestWait.TotalSeconds} s: {string.Join(", ", rows)}");
        }
        while (!rows.Any(row => row.IsTimeWait));
        foreach (TcpConnection row in rows)
            t.Show(row.ToString());
        return rows;
    }

    private static (int Client, int Server) Connection(Trace t)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, 16);
        int client = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(client, t.getsockname(listener));
        int server = t.accept(listener);
        t.close(listener);
        return (client, server);
    }
}
