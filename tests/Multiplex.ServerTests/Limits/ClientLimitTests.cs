using System.Net;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>Which clients are served, and how many connections one has, on every model.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class ClientLimitTests(string model)
{
    private const string Destination = "198.51.100.1:1";

    private static readonly IPEndPoint s_other = new(IPAddress.Parse("127.0.0.2"), 0), s_proxy = new(IPAddress.Parse("127.0.0.3"), 0);

    [Test]
    public void Clients_that_are_denied_or_not_allowed_are_not_served()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, "--allow", "127.0.0.0/8", "--deny", "127.0.0.2,127.0.0.3,192.0.2.0/24", "--proxy-protocol", "127.0.0.3");
        using (RpcPeer peer = new(server.Address))
            peer.Null();
        long denied = 0;
        foreach (ServerAddress address in server.Addresses)
        {
            using TestClient client = new(address, address.IsInternet ? s_other : null);
            if (address.Kind.IsDatagram())
                client.Send(RpcWire.Call(1, RpcWire.Null));
            else
                Assert.That(client.ReceiveUntilClosedOrReset(), Is.Empty, address.Text);

            counters.Await(Counter.Denied, ++denied);
        }

        // A proxy is served for its clients.
        Assert.That(AnswersBehind(server, "192.0.2.7:1"), Is.False);
        Assert.That(AnswersBehind(server, "203.0.113.7:1"), Is.False, "only 127.0.0.0/8 is allowed");
        counters.Await(Counter.Denied, denied + 2);
        Assert.That(AnswersBehind(server, "127.9.9.9:1"), Is.True);
        Assert.That(server.Answers(ProxyHeaders.Local(), s_proxy), Is.True, "its own connections");
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(counters[Counter.Denied], Is.EqualTo(denied + 2));
    }

    [Test]
    [SeveralClients]
    public void A_client_has_so_many_connections_and_others_have_theirs()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, "--max-connections-per-address", "2", "--proxy-protocol", "127.0.0.3");
        RpcPeer first = Connected(server), second = Connected(server);
        using (TestClient third = new(server.Address))
            Assert.That(third.ReceiveUntilClosedOrReset(), Is.Empty);
        counters.Await(Counter.AddressFull, 1);
        using (RpcPeer other = new(server.Address, s_other))
            other.Null();
        first.Dispose();
        Eventually.Holds(() => server.Answers(), "the place of a connection that has ended is not free");
        second.Dispose();

        // Behind a proxy each client has its own.
        using TestClient one = Proxied(server, "192.0.2.7:1"), two = Proxied(server, "192.0.2.7:2"), three = Proxied(server, "192.0.2.8:1");
        foreach (TestClient client in (TestClient[])[one, two, three])
            Assert.That(client.Receive(28)[4..8], Is.EqualTo(RpcWire.UInt(9)));
        Assert.That(AnswersBehind(server, "192.0.2.7:3"), Is.False);
    }

    [Test]
    [SeveralClients]
    public void A_process_that_is_killed_leaves_no_connection_behind()
    {
        if (!Cells.Forks(model))
            return;   // there the server would be killed
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, "--max-connections-per-address", "1");
        using (RpcPeer peer = Connected(server))
            ServerProcess.Signal((int)peer.Whoami().Process, Mono.Unix.Native.Signum.SIGKILL);
        Eventually.Holds(() => server.Answers(), "the killed process' connection still counts");
    }

    private ServerProcess Start(SharedCounters counters, params string[] options) => ServerProcess.Start(
        model, "rpc", [.. Cells.FormsOf(model).Where(form => form is ListenForm.Tcp or ListenForm.Udp or ListenForm.UnixPath or ListenForm.UnixPacket).Select(form => form.NewEndpoint())], [.. options, .. counters.Option]);

    private static RpcPeer Connected(ServerProcess server)
    {
        RpcPeer peer = new(server.Address);
        peer.Null();
        return peer;
    }

    private static TestClient Proxied(ServerProcess server, string from)
    {
        TestClient client = new(server.Address, s_proxy);
        client.Send([.. ProxyHeaders.Binary(from, Destination), .. RpcWire.CallRecord(9, RpcWire.Null)]);
        return client;
    }

    private static bool AnswersBehind(ServerProcess server, string from) => server.Answers(ProxyHeaders.Binary(from, Destination), s_proxy);
}
