using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>Beyond the third lesson: how connect fails, and what happens to connections past the queue of a listener.</summary>
public class Lesson03_ConnectionsThatFailTests : DescriptorFixture
{
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
        connect(UnixSocket(), NameOf(listener)).OrThrow("connect");   // Linux queues one more than the length given
        int hasty = UnixSocket(SOCK_STREAM | SOCK_NONBLOCK);
        Assert.That(connect(hasty, NameOf(listener)).Errno, Is.EqualTo(EAGAIN));
        int patient = UnixSocket();
        Background<SyscallResult> waiting = Background.Run(() => connect(patient, NameOf(listener)));
        Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(waiting.Result().IsError, Is.False, "an accept made room");
    }

    [Test]
    public void A_connect_without_any_answer_fails_with_ETIMEDOUT()
    {
        // As with a machine that is down; by default the request is repeated for two minutes.
        int listener = FullListener();
        int late = TcpSocket();
        setsockopt(late, IPPROTO_TCP, TCP_SYNCNT, 1).OrThrow("setsockopt");
        Assert.That(connect(late, NameOf(listener)).Errno, Is.EqualTo(ETIMEDOUT));
    }

    // On Linux a queue of length one has room for two; requests that find it full are dropped.
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
