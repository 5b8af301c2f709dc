using System.Net;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Connections of a proxy on every model: the client that their header names is the client.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class ProxyProtocolTests(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    private const string Client = "192.0.2.7:51234", Ipv6Client = "[2001:db8::7]:51234", Destination = "198.51.100.1:2049", Ipv6Destination = "[2001:db8::1]:2049";

    private static readonly (byte, byte[])[] s_values = [(ProxyHeaders.Authority, "a.example"u8.ToArray()), (ProxyHeaders.Checksum, [])];

    private protected override ServerProcess StartServer() =>
        ServerProcess.Start(Model, "rpc", Form, ["--proxy-protocol", "127.0.0.1,::1,unix", .. Counters.Option]);

    [Test]
    public void The_client_is_the_one_that_the_header_names()
    {
        Assert.That(PeerBehind(ProxyHeaders.Line(Client, Destination)), Is.EqualTo($"tcp://{Client}"));
        Assert.That(PeerBehind(ProxyHeaders.Line(Ipv6Client, Ipv6Destination)), Is.EqualTo($"tcp://{Ipv6Client}"));
        Assert.That(PeerBehind(ProxyHeaders.Binary(Client, Destination)), Is.EqualTo($"tcp://{Client}"));
        Assert.That(PeerBehind(ProxyHeaders.Binary(Ipv6Client, Ipv6Destination, s_values)), Is.EqualTo($"tcp://{Ipv6Client}"));
        Assert.That(PeerBehind(ProxyHeaders.Paths("/run/client", "/run/server")), Is.EqualTo("unix:/run/client"));
    }

    [Test]
    public void It_may_come_in_pieces()
    {
        foreach (byte[] header in (byte[][])[ProxyHeaders.Line(Client, Destination), ProxyHeaders.Binary(Client, Destination, s_values)])
        {
            using RpcPeer peer = new(Server.Address);
            foreach (byte one in header)
                peer.Client.Send([one]);
            Assert.That(peer.Whoami().Peer, Is.EqualTo($"tcp://{Client}"));
        }
    }

    [Test]
    public void It_may_come_with_the_first_request()
    {
        using TestClient client = new(Server.Address);
        client.Send([.. ProxyHeaders.Binary(Client, Destination), .. RpcWire.CallRecord(7, RpcWire.Null)]);
        Assert.That(client.Receive(4 + 24)[4..8], Is.EqualTo(RpcWire.UInt(7)));
    }

    [Test]
    public void Of_its_own_connections_the_proxy_is_the_client()
    {
        foreach (byte[] header in (byte[][])["PROXY UNKNOWN\r\n"u8.ToArray(), ProxyHeaders.Local(), ProxyHeaders.Binary(0x21, 0, [])])
        {
            using RpcPeer peer = new(Server.Address);
            peer.Client.Send(header);
            Assert.That(peer.Whoami().Peer, Is.EqualTo(Form.Kind().IsInternet() ? $"tcp://{peer.Client.Local}" : "unix:"));
        }
    }

    [Test]
    public void A_health_check_is_no_error()
    {
        long accepted = Counters[Counter.Accepted], protocol = Counters[Counter.ProtocolErrors], proxy = Counters[Counter.ProxyErrors];
        foreach (byte[] sent in (byte[][])[[], ProxyHeaders.Local(), "PROXY UNKNOWN\r\n"u8.ToArray(), "PROXY UNK"u8.ToArray(), ProxyHeaders.Line(Client, Destination)])
        {
            using TestClient closing = new(Server.Address);
            closing.Send(sent);
            using TestClient resetting = new(Server.Address);
            resetting.Send(sent);
            resetting.Vanish();
        }

        Counters.Await(Counter.Accepted, accepted + 10);
        Eventually.Holds(() => Counters[Counter.Closed] == Counters[Counter.Accepted], "the connections are not closed");
        Assert.That((Counters[Counter.Broken], Counters[Counter.ProtocolErrors], Counters[Counter.ProxyErrors]), Is.EqualTo((0L, protocol, proxy)));
    }

    [Test]
    public void What_begins_otherwise_is_closed_and_counted()
    {
        byte[][] wrong =
        [
            RpcWire.CallRecord(1, RpcWire.Null),
            ProxyHeaders.Binary(Client, Destination, (ProxyHeaders.Checksum, [1, 2, 3, 4])),
            [.. "PROXY UNKNOWN "u8, .. new byte[200]],
            [.. "PROXY TCP4 192.0.2.7 198.51.100.1 51234 65536\r\n"u8, .. RpcWire.CallRecord(1, RpcWire.Null)],
        ];
        foreach (byte[] bytes in wrong)
        {
            long before = Counters[Counter.ProxyErrors], others = Counters[Counter.ProtocolErrors];
            using TestClient client = new(Server.Address);
            client.Send(bytes);
            Assert.That(client.ReceiveUntilClosedOrReset(), Is.Empty);
            Assert.That((Counters[Counter.ProxyErrors], Counters[Counter.ProtocolErrors]), Is.EqualTo((before + 1, others)));
        }

        Assert.That(PeerBehind(ProxyHeaders.Line(Client, Destination)), Is.EqualTo($"tcp://{Client}"));
    }

    [Test]
    public void Repeats_of_a_client_are_known_behind_a_proxy()
    {
        if (!Form.Kind().IsInternet())
            return;   // 192.0.2.7 is then of another kind of socket: the same code

        // From a reserved port a client is known again over another connection.
        byte[] call = RpcWire.CallAs((uint)Random.Shared.Next(), RpcWire.Add, RpcWire.AuthSys, RpcWire.SysCredential(0, "machine"), RpcWire.Hyper(1));
        byte[] reply = Once("192.0.2.7:700");
        Assert.That(Once("192.0.2.7:700"), Is.EqualTo(reply));
        Assert.That(Once("192.0.2.8:700"), Is.Not.EqualTo(reply));
        Assert.That(Once("192.0.2.7:701"), Is.Not.EqualTo(reply));

        byte[] Once(string client)
        {
            using RpcPeer peer = new(Server.Address);
            peer.Client.Send(ProxyHeaders.Binary(client, Destination));
            return peer.Exchange(call);
        }
    }

    [Test]
    public void Connections_from_elsewhere_are_served_as_they_are()
    {
        if (Form != ListenForm.Tcp)
            return;   // only there a client can have an address that is no proxy's
        IPEndPoint elsewhere = new(IPAddress.Parse("127.0.0.2"), 0);
        long proxied = Counters[Counter.ProxyErrors], malformed = Counters[Counter.ProtocolErrors];
        using (RpcPeer peer = new(Server.Address, elsewhere))
            Assert.That(peer.Whoami().Peer, Is.EqualTo($"tcp://{peer.Client.Local}"));
        using TestClient client = new(Server.Address, elsewhere);
        client.Send(ProxyHeaders.Line(Client, Destination));
        Assert.That(client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That((Counters[Counter.ProxyErrors], Counters[Counter.ProtocolErrors]), Is.EqualTo((proxied, malformed + 1)));
    }

    private string PeerBehind(byte[] header)
    {
        using RpcPeer peer = new(Server.Address);
        peer.Client.Send(header);
        return peer.Whoami().Peer;
    }
}
