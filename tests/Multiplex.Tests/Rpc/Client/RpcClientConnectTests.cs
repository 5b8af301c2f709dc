using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>A client connects asynchronously over any kind of connection, and closes asynchronously.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Unix)]
[TestFixture(EndpointKind.UnixPacket)]
public class RpcClientConnectTests(EndpointKind kind) : RpcClientFixture(kind)
{
    private static T Result<T>(Task<T> task)
    {
        Assert.That(() => task.Wait(Eventually.Deadline), Is.True, "it ends");
        return task.Result;
    }

    [Test]
    public void A_client_connects_to_an_endpoint_or_to_its_text([Values] bool asText)
    {
        using ScriptedServer server = Serve(EchoAll);
        using RpcClient client = Result(asText ? RpcClient.ConnectAsync($"{server.Endpoint}", Patient) : RpcClient.ConnectAsync(server.Endpoint, Patient));
        Assert.That(client.Server, Is.EqualTo(server.Endpoint));
        Assert.That((Call(client, Add, 1), Results([CallAsync(client, Add, 2)])[0]), Is.EqualTo((1, 2)));
    }

    [Test]
    public void Where_no_server_listens_the_task_fails()
    {
        Endpoint gone;
        using (ScriptedServer server = Serve(EchoAll))
            gone = server.Endpoint;
        Assert.That(
            async () => await RpcClient.ConnectAsync(gone, Patient),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(ECONNREFUSED).And.Message.Contains($"{gone}"));
    }

    [Test]
    public void To_dispose_of_a_client_ends_once_its_socket_is_closed([Values] bool loopDrives)
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
            connection.AwaitEnd();
        });
        RpcClient client = Result(RpcClient.ConnectAsync(server.Endpoint, Patient));
        if (loopDrives)
            Results([CallAsync(client, Add, 1)]);
        else
            Call(client, Add, 1);
        Assert.That(client.DisposeAsync().AsTask().Wait(Eventually.Deadline), Is.True);
        Assert.That(client.IsConnected, Is.False);
        Eventually.Holds(() => server.Ended == 1, "the server sees the end of the connection");
        Assert.That(client.DisposeAsync().AsTask().Wait(Eventually.Deadline), Is.True, "once more");
    }
}

/// <summary>A client connects asynchronously where that takes long, or needs a name service or a privilege.</summary>
public class RpcClientConnectTroubleTests : DescriptorFixture
{
    // Linux drops the SYN of a TCP connection while the accept queue is full; over UNIX-domain sockets connect(2) fails with EAGAIN.
    private (Endpoint Endpoint, int Listener) Full(EndpointKind kind)
    {
        int listener = Own(socket(kind == EndpointKind.Tcp ? AF_INET : AF_UNIX, kind.SocketType() | SOCK_CLOEXEC, 0));
        bind(listener, kind == EndpointKind.Tcp ? Loopback(0) : [(byte)AF_UNIX, 0]).OrThrow("bind");
        listen(listener, 0).OrThrow("listen");
        connect(Own(socket(kind == EndpointKind.Tcp ? AF_INET : AF_UNIX, kind.SocketType() | SOCK_CLOEXEC, 0)), NameOf(listener)).OrThrow("connect");
        return (Endpoint.Parse(AddressText.Format(kind, NameOf(listener))), listener);
    }

    [TestCase(EndpointKind.Tcp, ETIMEDOUT)]
    [TestCase(EndpointKind.Unix, EAGAIN)]
    [TestCase(EndpointKind.UnixPacket, EAGAIN)]
    public void The_attempt_ends_when_its_time_is_up(EndpointKind kind, int errno)
    {
        (Endpoint full, _) = Full(kind);
        Assert.That(
            async () => await RpcClient.ConnectAsync(full, new() { ConnectTimeout = TimeSpan.FromMilliseconds(50) }),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(errno));
        Assert.That(
            () => new RpcClient(full, new() { ConnectTimeout = TimeSpan.FromMilliseconds(50) }),
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(errno));
    }

    [TestCase(EndpointKind.Tcp)]
    [TestCase(EndpointKind.Unix)]
    [TestCase(EndpointKind.UnixPacket)]
    public void The_attempt_ends_when_it_is_cancelled(EndpointKind kind)
    {
        using CancellationTokenSource source = new();
        Task<RpcClient> connecting = RpcClient.ConnectAsync(Full(kind).Endpoint, new() { ConnectTimeout = 10 * Eventually.Deadline }, source.Token);
        Assert.That(connecting.IsCompleted, Is.False);
        source.Cancel();
        Assert.That(async () => await connecting.WaitAsync(Eventually.Deadline), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(connecting.IsCanceled, Is.True);
    }

    [TestCase(EndpointKind.Tcp)]
    [TestCase(EndpointKind.Unix)]
    [TestCase(EndpointKind.UnixPacket)]
    public void A_server_that_accepts_late_is_connected_to(EndpointKind kind)
    {
        (Endpoint full, int listener) = Full(kind);
        Task<RpcClient> connecting = RpcClient.ConnectAsync(full, new() { ConnectTimeout = Eventually.Deadline });
        Assert.That(connecting.IsCompleted, Is.False);
        Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        Assert.That(connecting.Wait(Eventually.Deadline), Is.True);
        connecting.Result.Dispose();
    }

    [TestCase("nothing", "'nothing' is not an endpoint: write tcp://HOST:PORT")]
    [TestCase("rpc://", "write rpc://HOST/PROGRAM[/VERSION]")]
    public void A_text_that_names_no_server_is_refused_with_what_would_be_right(string text, string message) =>
        Assert.That(async () => await RpcClient.ConnectAsync(text), Throws.TypeOf<FormatException>().With.Message.Contains(message));

    [Test]
    public void A_client_outlasts_its_loop_without_awaited_calls()
    {
        int listener = TcpListener();
        RpcEventLoop loop = new();
        RpcClient client = new(Endpoint.Parse(AddressText.Format(EndpointKind.Tcp, NameOf(listener))), new() { EventLoop = loop });
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        client.OneWay(MultiplexV1.Null, (byte)0, static (_, _) => { });   // from now on the loop drives
        Receive(server);
        loop.Dispose();
        MultiplexV1Client stub = new(client);
        Assert.That(async () => await stub.NullAsync(), Throws.TypeOf<ObjectDisposedException>());
        client.Dispose();
        Assert.That(client.DisposeAsync().AsTask().Wait(Eventually.Deadline), Is.True);
        while (Receive(server).Length > 0)
        {
            // what was sent before the end
        }
    }

    [Test]
    public void A_loop_that_was_disposed_of_makes_no_connection()
    {
        RpcEventLoop loop = new();
        loop.Dispose();
        Assert.That(
            async () => await RpcClient.ConnectAsync(Full(EndpointKind.Tcp).Endpoint, new() { EventLoop = loop }), Throws.TypeOf<ObjectDisposedException>());
    }

    [TestCase("127.0.0.1", EndpointKind.Tcp)]
    [TestCase("[::1]", EndpointKind.Tcp)]
    [TestCase("127.0.0.1", EndpointKind.Udp)]
    public void With_BindReservedPort_a_socket_has_a_port_below_1024(string host, EndpointKind kind)
    {
        RequirePrivilege();
        int listener = Own(socket(host[0] == '[' ? AF_INET6 : AF_INET, kind.SocketType() | SOCK_CLOEXEC, 0));
        bind(listener, AddressLookup.Find(Endpoint.Parse($"{kind.Prefix()}//{host}:0"), passive: true)[0]).OrThrow("bind");
        if (kind == EndpointKind.Tcp)
            listen(listener, 16).OrThrow("listen");
        Endpoint server = Endpoint.Parse(AddressText.Format(kind, NameOf(listener)));
        HashSet<string> ports = [];
        for (int i = 0; i < 20; i++)
        {
            using RpcClient client = new(server, new() { BindReservedPort = true });
            if (kind == EndpointKind.Udp)
                client.OneWay(MultiplexV1.Null, (byte)0, static (_, _) => { });
            byte[] peer = new byte[PeerAddress.MaxLength];
            int length = 0;
            if (kind == EndpointKind.Udp)
                recvfrom(listener, new byte[256], 0, peer, out length).OrThrow("recvfrom");
            else
                length = (int)getpeername(Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC)), peer).OrThrow("getpeername");
            string port = Endpoint.Parse(AddressText.Format(kind, peer.AsSpan(0, length))).Port;
            Assert.That(int.Parse(port), Is.InRange(512, 1023));
            ports.Add(port);
        }

        Assert.That(ports, Has.Count.GreaterThan(1), "one after the other");
    }

    [Test]
    public void Without_the_privilege_BindReservedPort_fails_with_EACCES()
    {
        RequirePrivilege();
        (Endpoint server, _) = Full(EndpointKind.Tcp);
        SyscallException? failure = null;
        Thread thread = new(() =>
        {
            Capabilities.DropAll();
            failure = Assert.Throws<SyscallException>(() => new RpcClient(server, new() { BindReservedPort = true }));
        });
        thread.Start();
        thread.Join();
        Assert.That(failure, Has.Property("Errno").EqualTo(EACCES).And.Message.Contains("CAP_NET_BIND_SERVICE"));
    }

    // If the first unprivileged port was set to another number, the port is not refused.
    private static void RequirePrivilege()
    {
        if (geteuid() != 0)
            Assert.Ignore("only root may bind a port below 1024");
        if (File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim() != "1024")
            Assert.Ignore("net.ipv4.ip_unprivileged_port_start is not 1024: such a port needs no privilege here");
    }
}
