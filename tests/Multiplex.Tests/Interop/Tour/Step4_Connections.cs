using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, second step: connect, accept, and who is at each end.</summary>
public class Step2_Connections : DescriptorFixture
{
    [Test]
    public void Connect_to_nobody_fails_with_ECONNREFUSED()
    {
        int held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");   // the port is taken, but nobody listens there
        Assert.That(connect(TcpSocket(), NameOf(held)).Errno, Is.EqualTo(ECONNREFUSED));
    }

    [Test]
    public void Connect_to_a_path_that_does_not_exist_fails_with_ENOENT()
    {
        int fd = Own(socket(AF_UNIX, SOCK_STREAM, 0));
        Assert.That(connect(fd, AddressText.OfPath("/nowhere/at/all")).Errno, Is.EqualTo(ENOENT));
    }

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
    public void Socketpair_makes_both_ends_at_once()
    {
        (int one, int other) = Pair();
        send(one, "there"u8, 0).OrThrow("send");
        send(other, "back"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(other, 5), Is.EqualTo("there"u8.ToArray()));
        Assert.That(ReadExactly(one, 4), Is.EqualTo("back"u8.ToArray()));
    }
}
