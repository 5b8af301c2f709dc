using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, fifth step: how connect fails, and what becomes of those past a listener's queue.</summary>
public class Step05_ConnectionsThatFail : DescriptorFixture
{
    [Test]
    public void Connect_to_a_port_where_nobody_listens_fails_with_ECONNREFUSED()
    {
        int held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");   // the port is taken, but nobody listens there
        Assert.That(connect(TcpSocket(), NameOf(held)).Errno, Is.EqualTo(ECONNREFUSED));
    }

    [Test]
    public void Connect_to_a_path_that_does_not_exist_fails_with_ENOENT() =>
        Assert.That(connect(UnixSocket(), AddressText.OfPath("/nowhere/at/all")).Errno, Is.EqualTo(ENOENT));

    [Test]
    public void Connect_to_a_path_that_a_dead_server_left_behind_fails_with_ECONNREFUSED()
    {
        using TemporaryDirectory directory = new();
        byte[] address = AddressText.OfPath(directory["stale"]);
        int dead = UnixSocket();
        bind(dead, address).OrThrow("bind");
        listen(dead, 1).OrThrow("listen");
        connect(UnixSocket(), address).OrThrow("connect");
        CloseNow(dead);
        Assert.That(connect(UnixSocket(), address).Errno, Is.EqualTo(ECONNREFUSED));
    }

    [Test]
    public void Connect_to_a_path_of_another_type_of_socket_fails_with_EPROTOTYPE()
    {
        using TemporaryDirectory directory = new();
        int datagrams = UnixSocket(SOCK_DGRAM);
        bind(datagrams, AddressText.OfPath(directory["s"])).OrThrow("bind");
        Assert.That(connect(UnixSocket(), NameOf(datagrams)).Errno, Is.EqualTo(EPROTOTYPE));
    }

    // A stream cannot go to everybody at once: the kernel has no way there, whatever networks the machine is on.
    [Test]
    public void Connect_to_where_no_way_leads_fails_with_ENETUNREACH() =>
        Assert.That(connect(TcpSocket(), Internet(INADDR_BROADCAST, 80)).Errno, Is.EqualTo(ENETUNREACH));

    [Test]
    public void Connect_twice_fails_with_EISCONN()
    {
        byte[] address = NameOf(TcpListener());
        int client = TcpSocket();
        connect(client, address).OrThrow("connect");
        Assert.That(connect(client, address).Errno, Is.EqualTo(EISCONN));
    }

    [Test]
    public void A_non_blocking_connect_that_is_refused_says_so_in_SO_ERROR_once()
    {
        int held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");
        int client = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(connect(client, NameOf(held)).Errno, Is.EqualTo(EINPROGRESS));
        Assert.That(BecomesWritable(client, 30_000), Is.True, "it is over, one way or the other");
        getsockopt(client, SOL_SOCKET, SO_ERROR, out int error).OrThrow("getsockopt");
        getsockopt(client, SOL_SOCKET, SO_ERROR, out int again).OrThrow("getsockopt");
        Assert.That((error, again), Is.EqualTo((ECONNREFUSED, 0)));
    }

    [Test]
    public void Past_the_queue_of_a_UNIX_listener_connect_waits_or_fails_with_EAGAIN()
    {
        int listener = UnixSocket();
        bind(listener, UnixFamilyAlone).OrThrow("bind");
        listen(listener, 0).OrThrow("listen");
        connect(UnixSocket(), NameOf(listener)).OrThrow("connect");   // one more than the stated length has room
        int hasty = UnixSocket(SOCK_STREAM | SOCK_NONBLOCK);
        Assert.That(connect(hasty, NameOf(listener)).Errno, Is.EqualTo(EAGAIN));
        int patient = UnixSocket();
        Background<SyscallResult> waiting = Background.Run(() => connect(patient, NameOf(listener)));
        Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(waiting.Result().IsError, Is.False, "an accept made room");
    }

    [Test]
    public void Past_the_queue_of_a_TCP_listener_the_request_is_dropped_and_repeated_until_there_is_room()
    {
        int listener = FullListener();
        int late = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(connect(late, NameOf(listener)).Errno, Is.EqualTo(EINPROGRESS));
        Assert.That(BecomesWritable(late, 100), Is.False, "neither refused nor connected");
        Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(BecomesWritable(late, 30_000), Is.True);
        getsockopt(late, SOL_SOCKET, SO_ERROR, out int error).OrThrow("getsockopt");
        Assert.That(error, Is.Zero, "connected, once the request was repeated");
    }

    [Test]
    public void Who_gets_no_answer_to_any_request_fails_with_ETIMEDOUT()
    {
        // As of a machine that is down; the default is to repeat the request for two minutes.
        int listener = FullListener();
        int late = TcpSocket();
        setsockopt(late, IPPROTO_TCP, TCP_SYNCNT, 1).OrThrow("setsockopt");
        Assert.That(connect(late, NameOf(listener)).Errno, Is.EqualTo(ETIMEDOUT));
    }

    // A queue of one has room for two, by the way that Linux counts; requests that find it full are dropped.
    private int FullListener()
    {
        int listener = TcpSocket();
        bind(listener, Loopback(0)).OrThrow("bind");
        listen(listener, 1).OrThrow("listen");
        connect(TcpSocket(), NameOf(listener)).OrThrow("connect");
        connect(TcpSocket(), NameOf(listener)).OrThrow("connect");
        return listener;
    }

    private static bool BecomesWritable(int fd, int timeout)
    {
        pollfd entry = new() { fd = fd, events = POLLOUT };
        return poll(new Span<pollfd>(ref entry), timeout).OrThrow("poll") == 1;
    }
}
