using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, fourth step: listen, connect, accept, and who is at each end.</summary>
public class Step04_Connections : DescriptorFixture
{
    [Test]
    public void Listen_makes_a_socket_passive()
    {
        int fd = TcpSocket();
        bind(fd, Loopback(0)).OrThrow("bind");
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, out int before).OrThrow("getsockopt");
        listen(fd, 1).OrThrow("listen");
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, out int after).OrThrow("getsockopt");
        Assert.That((before, after), Is.EqualTo((0, 1)));
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
    public void Accept_wants_a_socket_that_listens() =>
        Assert.That(accept4(TcpSocket(), new byte[128], out _, 0).Errno, Is.EqualTo(EINVAL));

    [Test]
    public void Accept_makes_a_new_socket_and_leaves_the_listener_free()
    {
        int listener = TcpListener();
        int[] clients = [TcpSocket(), TcpSocket()];
        foreach (int client in clients)
            connect(client, NameOf(listener)).OrThrow("connect");
        int first = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        int second = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That((int[])[listener, first, second, .. clients], Is.Unique);
        getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, out int stillListens).OrThrow("getsockopt");
        Assert.That(stillListens, Is.EqualTo(1));
    }

    [Test]
    public void Connect_succeeds_before_accept_because_the_kernel_queues_connections()
    {
        int listener = TcpListener();
        int client = TcpSocket();
        connect(client, NameOf(listener)).OrThrow("connect");
        send(client, "early"u8, 0).OrThrow("send");
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(ReadExactly(server, 5), Is.EqualTo("early"u8.ToArray()));
    }

    [Test]
    public void A_non_blocking_accept_with_nobody_waiting_fails_with_EAGAIN() =>
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
    public void Both_ends_agree_on_the_five_things_that_identify_a_connection()
    {
        int listener = TcpListener();
        int client = TcpSocket();
        connect(client, NameOf(listener)).OrThrow("connect");
        byte[] told = new byte[128];
        int server = Own(accept4(listener, told, out int length, SOCK_CLOEXEC));
        Assert.Multiple(() =>
        {
            // The protocol is TCP at both ends; then the address and port of each.
            Assert.That(NameOf(client), Is.EqualTo(PeerOf(server)), "the client's address");
            Assert.That(PeerOf(client), Is.EqualTo(NameOf(server)), "the server's address");
            Assert.That(told[..length], Is.EqualTo(NameOf(client)), "accept tells the client's address too");
            Assert.That(NameOf(server), Is.EqualTo(NameOf(listener)), "the connection has the listener's address and port");
            Assert.That(PortIn(NameOf(client)), Is.Not.Zero, "the kernel chose the client's port");
        });
    }

    [Test]
    public void Two_connections_of_one_client_machine_differ_in_the_clients_port_alone()
    {
        int listener = TcpListener();
        int[] clients = [TcpSocket(), TcpSocket()];
        foreach (int client in clients)
            connect(client, NameOf(listener)).OrThrow("connect");
        Assert.That(PeerOf(clients[0]), Is.EqualTo(PeerOf(clients[1])));
        Assert.That(PortIn(NameOf(clients[0])), Is.Not.EqualTo(PortIn(NameOf(clients[1]))));
    }

    [Test]
    public void A_socket_that_is_not_connected_has_no_peer() =>
        Assert.That(getpeername(TcpSocket(), new byte[128]).Errno, Is.EqualTo(ENOTCONN));

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
        Assert.That(bind(TcpSocket(), address).Errno, Is.EqualTo(EADDRINUSE), "without the option nobody joins them");
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
