using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>The keep-alive options by which a client detects a server that vanished without FIN or RST.</summary>
public class RpcClientKeepAliveTests() : RpcClientFixture(EndpointKind.Tcp)
{
    [Test]
    public void The_kernel_finds_out_that_a_server_has_gone()
    {
        using ScriptedServer server = Serve(EchoAll);
        using RpcClient client = new(server.Endpoint, Patient with { Timeout = TimeSpan.FromSeconds(7), KeepAlive = TimeSpan.FromSeconds(90) });
        Assert.That(Options(), Is.EqualTo((1, 90, 15, 6, 7000)));
        Call(client, Add, 1, new() { Timeout = TimeSpan.FromSeconds(40) });
        Assert.That(Options().UserTimeout, Is.EqualTo(40_000), "the longest time-out so far");
        Call(client, Add, 1, new() { Timeout = Timeout.InfiniteTimeSpan });
        Assert.That(Options().UserTimeout, Is.Zero);

        (int On, int Idle, int Interval, int Count, int UserTimeout) Options()
        {
            int socket = OwnSocketTo(server.Endpoint);
            return (Option(socket, SOL_SOCKET, SO_KEEPALIVE), Option(socket, IPPROTO_TCP, TCP_KEEPIDLE), Option(socket, IPPROTO_TCP, TCP_KEEPINTVL),
                Option(socket, IPPROTO_TCP, TCP_KEEPCNT), Option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT));
        }
    }

    private static int Option(int socket, int level, int name)
    {
        getsockopt(socket, level, name, out int value).OrThrow("getsockopt");
        return value;
    }

    // The client's descriptor, which is private.
    private static int OwnSocketTo(Endpoint server)
    {
        byte[] address = AddressLookup.Find(server, passive: false)[0], peer = new byte[PeerAddress.MaxLength];
        return Directory.EnumerateFiles("/proc/self/fd").Select(path => int.Parse(Path.GetFileName(path)))
            .First(fd => getpeername(fd, peer) is { IsError: false } length && peer.AsSpan(0, (int)length.Value).SequenceEqual(address));
    }
}
