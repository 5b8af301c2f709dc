using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

/// <summary>Each reason why a connection cannot be made has its own message.</summary>
public class ConnectorTests : DescriptorFixture
{
    [Test]
    public void Without_a_listener_the_connection_is_refused()
    {
        int held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");
        Endpoint nobody = Endpoint.Parse(AddressText.Format(EndpointKind.Tcp, NameOf(held)));
        SyscallException? failure = Assert.Throws<SyscallException>(() => Connector.Connect(nobody));
        Assert.That(failure!.Errno, Is.EqualTo(ECONNREFUSED));
        Assert.That(failure.Message, Does.StartWith($"connect {nobody}: Connection refused (ECONNREFUSED): no server listens there"));
    }

    // Two dots make the name invalid, so that no name server is asked.
    [Test]
    public void The_host_is_not_known() => Assert.That(
        () => Connector.Connect(Endpoint.Parse("tcp://no..host:80")),
        Throws.TypeOf<IOException>().With.Message.StartsWith("getaddrinfo tcp://no..host:80: "));

    [Test]
    public void The_service_is_not_known() => Assert.That(
        () => Connector.Connect(Endpoint.Parse("tcp://127.0.0.1:no-such-service")),
        Throws.TypeOf<IOException>().With.Message.StartsWith("getaddrinfo tcp://127.0.0.1:no-such-service: "));

    [Test]
    public void The_path_is_not_there() => Assert.That(
        () => Connector.Connect(Endpoint.Parse("unix:/nowhere/at/all")),
        Throws.TypeOf<SyscallException>()
            .With.Message.StartsWith("connect unix:/nowhere/at/all: No such file or directory (ENOENT): no server has made this path"));

    [Test]
    public void The_path_is_no_socket()
    {
        using TemporaryDirectory directory = new();
        File.WriteAllText(directory["file"], "data");
        Assert.That(
            () => Connector.Connect(Endpoint.Parse($"unix:{directory["file"]}")),
            Throws.TypeOf<SyscallException>().With.Message.Contains("(ECONNREFUSED): the file there is no socket"));
    }

    [Test]
    public void The_server_has_gone_and_left_its_name()
    {
        using TemporaryDirectory directory = new();
        int gone = Own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        bind(gone, AddressText.OfPath(directory["s"])).OrThrow("bind");
        CloseNow(gone);
        Assert.That(
            () => Connector.Connect(Endpoint.Parse($"unixgram:{directory["s"]}")),
            Throws.TypeOf<SyscallException>().With.Message.Contains("(ECONNREFUSED): no server listens there"));
    }

    [Test]
    public void The_socket_is_of_another_type()
    {
        using TemporaryDirectory directory = new();
        using Listener listener = Listener.Open(Endpoint.Parse($"unixpacket:{directory["s"]}"), 16);
        Assert.That(
            () => Connector.Connect(Endpoint.Parse($"unix:{directory["s"]}")),
            Throws.TypeOf<SyscallException>().With.Message.Contains("(EPROTOTYPE): the socket there is of another type"));
    }

    [Test]
    public void The_queue_is_full()
    {
        // A non-blocking UNIX-domain connect fails at once; a blocking one would wait for room in the queue.
        using TemporaryDirectory directory = new();
        using Listener listener = Listener.Open(Endpoint.Parse($"unix:{directory["s"]}"), backlog: 0);
        Own(SyscallResult.Of(Connector.Connect(listener.Local)));
        int late = Own(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(connect(late, AddressText.OfPath(listener.Local.Path)).Errno, Is.EqualTo(EAGAIN));
    }

    [Test]
    public void Addresses_are_tried_in_order_until_one_answers()
    {
        int listener = TcpListener(), held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");
        Endpoint any = Endpoint.Parse("tcp://localhost:0");
        int connected = Own(SyscallResult.Of(Connector.Connect(any, [NameOf(held), NameOf(listener)])));
        Assert.That(PeerOf(connected), Is.EqualTo(NameOf(listener)));
        Assert.That(
            () => Connector.Connect(any, [NameOf(held), NameOf(held)]),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(ECONNREFUSED));
    }

    [Test]
    public void An_address_that_swallows_what_is_sent_to_it_does_not_keep_the_next_one_waiting()
    {
        int listener = TcpListener();
        byte[] swallows = SwallowingAddress();
        Endpoint any = Endpoint.Parse("tcp://localhost:0");
        foreach (TimeSpan? timeout in (TimeSpan?[])[null, Eventually.Deadline])
        {
            int connected = Own(SyscallResult.Of(Connector.Connect(any, [swallows, swallows, NameOf(listener)], timeout, out int index)));
            Assert.That((index, PeerOf(connected)), Is.EqualTo((2, NameOf(listener))));
            Assert.That(fcntl(connected, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.Zero);
        }
    }

    [Test]
    public void The_time_to_connect_is_that_of_all_addresses_together([Values(1, 3)] int addresses)
    {
        byte[] swallows = SwallowingAddress();
        Assert.That(
            () => Connector.Connect(
                Endpoint.Parse("tcp://localhost:0"), [.. Enumerable.Repeat(swallows, addresses)], TimeSpan.FromMilliseconds(100)),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(ETIMEDOUT));
    }

    [Test]
    public void A_UNIX_datagram_client_gets_a_name_so_that_it_can_be_answered()
    {
        int server = Own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        bind(server, [(byte)AF_UNIX, 0]).OrThrow("bind");
        Endpoint endpoint = Endpoint.Parse(AddressText.Format(EndpointKind.UnixGram, NameOf(server)));
        int client = Own(SyscallResult.Of(Connector.Connect(endpoint)));
        Assert.That(AddressText.Format(EndpointKind.UnixGram, NameOf(client)), Does.StartWith("unixgram:@"));
        connect(server, NameOf(client)).OrThrow("connect");
        send(server, "reply"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(client, 5), Is.EqualTo("reply"u8.ToArray()));
    }

    [Test]
    public void Over_UDP_a_missing_server_shows_only_when_something_is_sent()
    {
        int held = Own(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        bind(held, Loopback(0)).OrThrow("bind");
        Endpoint nobody = Endpoint.Parse(AddressText.Format(EndpointKind.Udp, NameOf(held)));
        CloseNow(held);
        int client = Own(SyscallResult.Of(Connector.Connect(nobody)));
        send(client, "hello"u8, 0).OrThrow("send");
        Assert.That(recv(client, new byte[16], 0).Errno, Is.EqualTo(ECONNREFUSED));
    }

    [Test]
    public void A_connection_does_not_wait_to_send_small_messages()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        int client = Own(SyscallResult.Of(Connector.Connect(listener.Local)));
        getsockopt(client, IPPROTO_TCP, TCP_NODELAY, out int noDelay).OrThrow("getsockopt");
        Assert.That(noDelay, Is.Not.Zero);
    }

    [Test]
    public void A_failure_leaves_no_descriptor_open()
    {
        int lowest = NextDescriptor();
        for (int i = 0; i < 10; i++)
            Assert.That(() => Connector.Connect(Endpoint.Parse("unix:/nowhere/at/all")), Throws.TypeOf<SyscallException>());
        Assert.That(NextDescriptor(), Is.LessThan(lowest + 10), "other threads may open a few, but not one each time");
    }

    private static int NextDescriptor()
    {
        int fd = eventfd(0, EFD_CLOEXEC).OrThrow("eventfd");
        close(fd).OrThrow("close");
        return fd;
    }
}
