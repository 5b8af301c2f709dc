using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The third lesson, connections, and what goes beyond it: listen, connect, accept, and what identifies a connection.</summary>
public class Lesson03_ConnectionsTests : DescriptorFixture
{
    [Test]
    public void Listen_makes_a_socket_passive_and_accept_wants_one_that_is()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "listen(2) makes a socket passive");
        Assert.That(
            step.Calls("getsockopt").Select(line => line.Text[line.Text.IndexOf("SO_", StringComparison.Ordinal)..]),
            Is.EqualTo(new[] { "SO_ACCEPTCONN, [0], [4]) = 0", "SO_ACCEPTCONN, [1], [4]) = 0" }));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("accept4", EINVAL) }));
    }

    [Test]
    public void Connect_succeeds_before_accept_because_the_kernel_queues_connections()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "connect(2) succeeds before accept(2)");
        Assert.That(step.Received, Is.EqualTo(new[] { "early" }));
        Assert.That(step.Lines.Select(line => line.Call).Where(call => call is "connect" or "send" or "accept4"), Is.EqualTo(new[] { "connect", "send", "accept4" }));
    }

    [Test]
    public void Accept_makes_a_new_socket_and_leaves_the_listener_free()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "accept(2) returns a new socket and leaves the listener free");
        Assert.That((int[])[.. step.Results("socket"), .. step.Results("accept4")], Is.Unique.And.Length.EqualTo(5), "a listener, two clients, two connections");
        Assert.That(step.Received[..3], Is.EqualTo(new[] { "from two", "from one", "answer" }));
        Assert.That(step.Calls("getsockopt").Single().Text, Does.EndWith("<listener>, SOL_SOCKET, SO_ACCEPTCONN, [1], [4]) = 0"), "it listens still");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("recv", ENOTCONN) }), "the listener has no peer");
    }

    [Test]
    public void Both_ends_agree_on_the_five_things_that_identify_a_connection_and_a_second_one_differs_in_the_clients_port_alone()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "Five things name a connection");
        byte[][] names = step.Names(), peers = step.Names("getpeername");
        (byte[] listener, byte[] client, byte[] server, byte[] second) = (names[0], names[1], names[2], names[3]);
        Assert.Multiple(() =>
        {
            // The protocol is TCP at both ends; then the address and port of each.
            Assert.That(client, Is.EqualTo(peers[1]), "the client's address");
            Assert.That(peers[0], Is.EqualTo(server), "the server's address");
            Assert.That(step.Calls("accept4").Single().Text, Does.Contain($"htons({PortIn(client)})"), "accept tells the client's address too");
            Assert.That(server, Is.EqualTo(listener), "the connection has the listener's address and port");
            Assert.That(PortIn(client), Is.Not.Zero, "the kernel chose the client's port");
            Assert.That(second, Is.EqualTo(Loopback(PortIn(second))));
            Assert.That(PortIn(second), Is.Not.EqualTo(PortIn(client)));
            Assert.That(step.Calls("connect").Select(line => line.Text.Split('{')[1]).Distinct().Count(), Is.EqualTo(1), "both called one address");
        });
    }

    [Test]
    public void Past_the_queue_a_request_is_neither_refused_nor_connected_until_there_is_room()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "A full queue");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("connect", EINPROGRESS) }));
        Assert.That(step.Results("poll"), Is.EqualTo(new[] { 0, 1 }));
        Assert.That(step.Calls("getsockopt").Single().Text, Does.EndWith("SO_ERROR, [0], [4]) = 0"), "connected, once the request was repeated");
    }

    [Test]
    public void Each_failure_of_connect_has_its_errno()
    {
        LessonRun step = LessonRun.Of(Lesson03_Connections.Lesson, "How connect(2) fails");
        Assert.That(
            step.Errors,
            Is.EqualTo(new[] { ("connect", ECONNREFUSED), ("connect", ENETUNREACH), ("connect", ENOENT), ("getpeername", ENOTCONN), ("connect", EISCONN) }));
    }

    [Test]
    public void Listen_without_bind_gets_a_port_from_the_kernel()
    {
        int fd = TcpSocket();
        listen(fd, 1).OrThrow("listen");
        Assert.That(PortIn(NameOf(fd)), Is.Not.Zero);
    }

    [Test]
    public void Datagram_sockets_have_no_connections_to_listen_for()
    {
        int fd = BoundUdpSocket();
        Assert.That(listen(fd, 1).Errno, Is.EqualTo(EOPNOTSUPP));
        Assert.That(accept4(fd, new byte[128], out _, 0).Errno, Is.EqualTo(EOPNOTSUPP));
    }

    [Test]
    public void A_non_blocking_accept_without_a_pending_connection_fails_with_EAGAIN() =>
        Assert.That(accept4(TcpListener(SOCK_NONBLOCK), new byte[128], out _, 0).Errno, Is.EqualTo(EAGAIN));

    [Test]
    public void A_non_blocking_connect_succeeds_later_and_writability_tells()
    {
        int listener = TcpListener();
        int client = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        SyscallResult begun = connect(client, NameOf(listener));
        Assert.That(begun.Errno, Is.EqualTo(EINPROGRESS).Or.Zero);   // over the loopback interface it may be done at once
        pollfd entry = new() { fd = client, events = POLLOUT };
        Assert.That(poll(new Span<pollfd>(ref entry), 30_000).OrThrow("poll"), Is.EqualTo(1));
        getsockopt(client, SOL_SOCKET, SO_ERROR, out int error).OrThrow("getsockopt");
        Assert.That(error, Is.Zero);
        Assert.That(connect(client, NameOf(listener)).Errno, Is.Zero.Or.EqualTo(EISCONN));
    }

    [Test]
    public void Accepted_sockets_inherit_TCP_NODELAY_from_the_listener()
    {
        int listener = TcpListener();
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, 1).OrThrow("setsockopt");
        int client = TcpSocket();
        connect(client, NameOf(listener)).OrThrow("connect");
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        getsockopt(client, IPPROTO_TCP, TCP_NODELAY, out int notInherited).OrThrow("getsockopt");
        getsockopt(server, IPPROTO_TCP, TCP_NODELAY, out int inherited).OrThrow("getsockopt");
        Assert.That(notInherited, Is.Zero, "it is not simply the default");
        Assert.That(inherited, Is.Not.Zero);
    }

    [Test]
    public void Accepted_sockets_do_not_inherit_being_non_blocking()
    {
        int listener = TcpListener(SOCK_NONBLOCK);
        connect(TcpSocket(), NameOf(listener)).OrThrow("connect");
        int blocking = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(fcntl(blocking, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.Zero);
        connect(TcpSocket(), NameOf(listener)).OrThrow("connect");
        int nonBlocking = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC | SOCK_NONBLOCK));
        Assert.That(fcntl(nonBlocking, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.EqualTo(O_NONBLOCK));
    }

    [Test]
    public void With_SO_REUSEPORT_two_listeners_share_a_port_and_connections_are_spread_over_them()
    {
        int[] listeners = [ReusablePort(0, out byte[] address), 0];
        Assert.That(bind(TcpSocket(), address).Errno, Is.EqualTo(EADDRINUSE), "without the option no socket joins them");
        listeners[1] = ReusablePort(PortIn(address), out _);
        for (int i = 0; i < 64; i++)
            connect(TcpSocket(), address).OrThrow("connect");
        int[] counts = [CountWaiting(listeners[0]), CountWaiting(listeners[1])];
        Assert.That(counts.Sum(), Is.EqualTo(64));
        Assert.That(counts, Is.All.Positive, "the kernel goes by a hash of both addresses and ports");
    }

    private int ReusablePort(ushort port, out byte[] address)
    {
        int listener = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, 1).OrThrow("setsockopt");
        bind(listener, Loopback(port)).OrThrow("bind");
        listen(listener, 64).OrThrow("listen");
        address = NameOf(listener);
        return listener;
    }

    private int CountWaiting(int listener)
    {
        int count = 0;
        while (accept4(listener, new byte[128], out _, SOCK_CLOEXEC) is { IsError: false } connection)
        {
            Own(connection);
            count++;
        }

        return count;
    }
}
