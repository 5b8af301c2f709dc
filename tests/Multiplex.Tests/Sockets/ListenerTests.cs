using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

public class ListenerTests : DescriptorFixture
{
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void Make_a_directory() => _directory = new();

    [TearDown]
    public void Remove_the_directory() => _directory.Dispose();

    [TestCase("tcp://127.0.0.1:0", "tcp://127.0.0.1:")]
    [TestCase("tcp://localhost:0", "tcp://")]
    [TestCase("tcp://*:0", "tcp://0.0.0.0:")]
    public void Port_0_is_reported_as_the_port_that_the_kernel_chose(string asked, string expected)
    {
        using Listener listener = Listener.Open(Endpoint.Parse(asked), backlog: 16);
        Assert.That(listener.Local.ToString(), Does.StartWith(expected));
        Assert.That(int.Parse(listener.Local.Port), Is.InRange(1, 65535));
        Assert.That(Own(SyscallResult.Of(Connector.Connect(listener.Local))), Is.Positive, "that is where it listens");
    }

    [Test]
    public void A_port_in_use_is_refused_with_the_address_in_the_message()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        SyscallException? refusal = Assert.Throws<SyscallException>(() => Listener.Open(listener.Local, 16));
        Assert.That(refusal!.Errno, Is.EqualTo(EADDRINUSE));
        Assert.That(refusal.Message, Does.StartWith($"bind {listener.Local}: Address already in use (EADDRINUSE): another socket has this address"));
    }

    [Test]
    public void An_IPv6_socket_on_every_interface_takes_IPv4_too_unless_it_is_to_leave_that_to_another()
    {
        using Listener both = Listener.Open(Endpoint.Parse("tcp://[::]:0"), 16);
        Assert.That(both.Reached, Is.EqualTo((Endpoint[])[both.Local, both.Local with { Host = "0.0.0.0" }]));
        Assert.That(() => Listener.Open(both.Local with { Host = "0.0.0.0" }, 16), Throws.TypeOf<SyscallException>());
        using Listener stream4 = Listener.Open(Endpoint.Parse("tcp://*:0"), 16);
        using Listener stream6 = Listener.Open(stream4.Local with { Host = "::" }, 16, shared: true, onlyIPv6: true);
        using Listener sibling = stream6.Sibling();
        using DatagramSocket datagrams4 = DatagramSocket.Open(Endpoint.Parse("udp://*:0"));
        using DatagramSocket datagrams6 = DatagramSocket.Open(datagrams4.Local with { Host = "::" }, shared: true, onlyIPv6: true);
        using DatagramSocket twin = datagrams6.Sibling();
        foreach (BoundSocket one in (BoundSocket[])[stream4, stream6, sibling, datagrams4, datagrams6, twin])
            Assert.That(one.Reached, Is.EqualTo((Endpoint[])[one.Local]));
    }

    [Test]
    public void Accept_gives_the_connection_and_its_peer()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        int client = Own(SyscallResult.Of(Connector.Connect(listener.Local)));
        int server = Own(listener.Accept(connectionBlocks: false, out PeerAddress peer));
        Assert.That(peer.Peer.ToString(), Is.EqualTo(AddressText.Format(EndpointKind.Tcp, NameOf(client))));
        Assert.That(fcntl(server, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.EqualTo(O_NONBLOCK));
        Assert.That(fcntl(server, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
        getsockopt(server, IPPROTO_TCP, TCP_NODELAY, out int noDelay).OrThrow("getsockopt");
        Assert.That(noDelay, Is.Not.Zero);
    }

    [Test]
    public void Accept_without_a_pending_connection_returns_EAGAIN_even_for_a_blocking_connection()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        Assert.That(listener.Accept(connectionBlocks: true, out _).Errno, Is.EqualTo(EAGAIN));
        Own(SyscallResult.Of(Connector.Connect(listener.Local)));
        int server = Own(listener.Accept(connectionBlocks: true, out _));
        Assert.That(fcntl(server, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.Zero);
    }

    [TestCase("tcp://127.0.0.1:0")]
    [TestCase("unix:")]
    [TestCase("unixpacket:")]
    public void Accept_distinguishes_connections_and_names_the_process_of_a_UNIX_domain_one(string endpoint)
    {
        using Listener listener = Listener.Open(Endpoint.Parse(endpoint.EndsWith(':') ? endpoint + _directory["s"] : endpoint), 16);
        List<ulong> connections = [];
        for (int i = 0; i < 2; i++)
        {
            Own(SyscallResult.Of(Connector.Connect(listener.Local)));
            Own(listener.Accept(connectionBlocks: false, out PeerAddress peer));
            connections.Add(peer.Peer.Connection);
            Assert.That(peer.Peer.Unix is not null, Is.EqualTo(listener.Kind != EndpointKind.Tcp));
            if (peer.Peer.Unix is { } process)
                Assert.That((process.ProcessId, process.UserId), Is.EqualTo((getpid(), getuid())));
        }

        Assert.That(connections, Is.Unique.And.None.Zero);
    }

    [TestCase("unix:")]
    [TestCase("unixpacket:")]
    public void A_path_is_there_while_it_is_listened_at_and_removed_afterwards(string prefix)
    {
        string path = _directory["s"];
        using (Listener listener = Listener.Open(Endpoint.Parse(prefix + path), 16))
        {
            Assert.That(listener.Local.ToString(), Is.EqualTo(prefix + path));
            Assert.That(File.Exists(path), Is.True);
            Own(SyscallResult.Of(Connector.Connect(listener.Local)));
            Own(listener.Accept(connectionBlocks: false, out PeerAddress peer));
            Assert.That(peer.Peer.ToString(), Is.EqualTo(prefix), "a client that did not bind has no name");
        }

        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void An_abstract_name_leaves_no_file_and_is_free_again_afterwards()
    {
        Endpoint name = Endpoint.Parse($"unix:@multiplex-tests-{Environment.ProcessId}");
        for (int i = 0; i < 2; i++)
        {
            using Listener listener = Listener.Open(name, 16);
            Assert.That(listener.Local, Is.EqualTo(name));
            Assert.That(
                () => Listener.Open(name, 16),
                Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EADDRINUSE));
            Own(SyscallResult.Of(Connector.Connect(name)));
        }
    }

    [TestCase(EndpointKind.Unix)]
    [TestCase(EndpointKind.UnixPacket)]
    public void The_longest_abstract_name_can_be_listened_at_and_connected_to(EndpointKind kind)
    {
        Endpoint name = Endpoint.Parse($"{kind.Prefix()}@{Guid.NewGuid():N}".PadRight(kind.Prefix().Length + 1 + Endpoint.MaxPathLength, 'x'));
        using Listener listener = Listener.Open(name, 16);
        Assert.That(listener.Local, Is.EqualTo(name));
        Own(SyscallResult.Of(Connector.Connect(name)));
        Own(listener.Accept(connectionBlocks: false, out _));
    }

    [Test]
    public void A_sibling_of_a_socket_that_was_opened_alone_is_refused_with_what_would_be_right()
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        using DatagramSocket datagrams = DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"));
        foreach (Action sibling in (Action[])[() => listener.Sibling(), () => datagrams.Sibling()])
        {
            Assert.That(
                sibling,
                Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EADDRINUSE)
                    .And.Message.EndsWith("opened to be the only one: open it with shared: true"));
        }
    }

    [Test]
    public void Connections_are_probed_after_a_silence([Values(0, 60, 90)] int seconds)
    {
        TimeSpan? silence = seconds == 60 ? null : TimeSpan.FromSeconds(seconds);
        using Listener first = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16, shared: true, keepAlive: silence);
        using Listener second = first.Sibling();
        foreach (Listener listener in (Listener[])[first, second])
            Assert.That(Options(listener.Descriptor), Is.EqualTo(seconds == 0 ? (0, 0, 0) : (1, seconds, seconds / 6)));
        using Listener alone = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16, keepAlive: silence);
        Own(SyscallResult.Of(Connector.Connect(alone.Local)));
        Assert.That(Options(Own(alone.Accept(connectionBlocks: false, out _))), Is.EqualTo(Options(alone.Descriptor)), "it is inherited");

        static (int On, int Idle, int Interval) Options(int socket)
        {
            getsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, out int on).OrThrow("getsockopt");
            getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, out int idle).OrThrow("getsockopt");
            getsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, out int interval).OrThrow("getsockopt");
            return on == 0 ? default : (on, idle, interval);
        }
    }

    [Test]
    public void A_path_that_a_server_left_behind_is_taken_over()
    {
        Endpoint path = Endpoint.Parse($"unix:{_directory["s"]}");
        int crashed = Own(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        bind(crashed, AddressText.OfPath(path.Path)).OrThrow("bind");
        listen(crashed, 1).OrThrow("listen");
        CloseNow(crashed);
        Assert.That(File.Exists(path.Path), Is.True, "the name outlives the socket");
        using Listener listener = Listener.Open(path, 16);
        Own(SyscallResult.Of(Connector.Connect(path)));
    }

    [Test]
    public void A_path_that_another_server_listens_at_is_refused_and_left_to_it()
    {
        Endpoint path = Endpoint.Parse($"unix:{_directory["s"]}");
        using Listener first = Listener.Open(path, 16);
        Assert.That(() => Listener.Open(path, 16), Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EADDRINUSE));
        Own(SyscallResult.Of(Connector.Connect(path)));
        Assert.That(first.Accept(connectionBlocks: false, out _) is { IsError: false } connection && Own(connection) > 0, Is.True);
    }

    [Test]
    public void A_file_that_is_no_socket_is_refused_and_left_alone()
    {
        File.WriteAllText(_directory["precious"], "data");
        Endpoint path = Endpoint.Parse($"unix:{_directory["precious"]}");
        Assert.That(
            () => Listener.Open(path, 16),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EADDRINUSE).And.Message.Contains("no socket"));
        Assert.That(File.ReadAllText(_directory["precious"]), Is.EqualTo("data"));
    }

    [Test]
    public void A_path_in_a_directory_that_is_not_there_is_refused() => Assert.That(
        () => Listener.Open(Endpoint.Parse($"unix:{_directory["no/s"]}"), 16),
        Throws.TypeOf<SyscallException>()
            .With.Message.Contains("(ENOENT): a directory of the path is not there").And.Message.StartsWith("bind unix:"));

    [Test]
    public void A_socket_that_cannot_listen_leaves_no_name_behind()
    {
        Endpoint path = Endpoint.Parse($"unixgram:{_directory["s"]}");
        Assert.That(() => Listener.Open(path, 16), Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EOPNOTSUPP));
        Assert.That(File.Exists(path.Path), Is.False);
    }

    [Test]
    public void To_dispose_twice_closes_once()
    {
        Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16);
        listener.Dispose();
        int reused = Own(eventfd(0, EFD_CLOEXEC));
        listener.Dispose();
        Assert.That(fcntl(reused, F_GETFD).IsError, Is.False);
    }
}
