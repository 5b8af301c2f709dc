using System.Text;
using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Sockets.Networks;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine;

/// <summary>A session whose peer is a proxy, without a socket.</summary>
public sealed class ProxyStartTests
{
    private const string Client = "192.0.2.7:51234", Server = "198.51.100.1:2049";

    private static readonly byte[] s_proxy = [2, 0, 0x12, 0x34, 127, 0, 0, 1, .. new byte[8]];

    private readonly ServerCounters _counters = new();

    [OneTimeTearDown]
    public void Give_the_counters_back() => _counters.Dispose();

    [FsCheck.NUnit.Property]
    public void In_whatever_pieces_it_comes_the_client_is_known_and_its_requests_are_answered(uint form, byte[] lengths, byte how)
    {
        byte[] header = (form % 4) switch
        {
            0 => ProxyHeaders.Line(Client, Server),
            1 => ProxyHeaders.Binary(Client, Server),
            2 => ProxyHeaders.Binary(Client, Server, (ProxyHeaders.Authority, new byte[form % 500]), (ProxyHeaders.Checksum, [])),
            _ => ProxyHeaders.Local(),
        };
        (Session session, SessionContext loop) = Start();
        StringBuilder sent = new();
        ReadOnlySpan<byte> rest = [.. header, .. "one\ntwo and a half\n"u8];
        for (int i = 0; !rest.IsEmpty; i++)
        {
            int length = Math.Min(rest.Length, i < lengths.Length ? Math.Max(1, (int)lengths[i]) : rest.Length);
            Receive(session, loop, rest[..length], (how >> (i % 8)) & 1);
            rest = rest[length..];
            while (session.RequestsWait || session.Pending(loop).Length > 0)
            {
                sent.Append(Encoding.ASCII.GetString(session.Pending(loop)));
                session.Sent(session.Pending(loop).Length, loop);
                session.Continue(loop);
            }
        }

        Assert.That(sent.ToString(), Is.EqualTo("ONE\nTWO AND A HALF\n"));
        Assert.That(session.Peer.ToString(), Is.EqualTo(form % 4 == 3 ? "tcp://127.0.0.1:4660" : $"tcp://{Client}"));
        Assert.That((session.Memory, session.RequestSince, session.IsHealthCheck, session.Closed), Is.EqualTo((0L, 0L, false, (CloseReason?)null)));
    }

    [Test]
    public void It_may_take_as_long_as_a_request_from_the_beginning_of_the_connection()
    {
        (Session session, SessionContext loop) = Start();
        Assert.That(session.RequestSince, Is.EqualTo(1000));
        loop.Now = 2000;
        Receive(session, loop, "PROXY "u8, 0);
        Assert.That((session.RequestSince, session.Closed), Is.EqualTo((1000L, (CloseReason?)null)));
        Receive(session, loop, "UNKNOWN\r\nhalf"u8, 0);
        Assert.That(session.RequestSince, Is.EqualTo(2000), "of the request, from its first byte");
    }

    [TestCase("one\n", TestName = "Without_it_a_proxy_is_closed_and_counted(a request)")]
    [TestCase("PROXY TCP4 a b 1 2\r\none\n", TestName = "Without_it_a_proxy_is_closed_and_counted(a wrong header)")]
    public void Without_it_a_proxy_is_closed_and_counted(string bytes)
    {
        long before = _counters[Counter.ProxyErrors], other = _counters[Counter.ProtocolErrors];
        (Session session, SessionContext loop) = Start();
        Receive(session, loop, Encoding.ASCII.GetBytes(bytes), 0);
        Assert.That((session.Closed, session.Pending(loop).Length, session.Memory), Is.EqualTo(((CloseReason?)CloseReason.Malformed, 0, 0L)));
        Assert.That((_counters[Counter.ProxyErrors] - before, _counters[Counter.ProtocolErrors] - other), Is.EqualTo((1L, 0L)));
    }

    [TestCase("", true)]
    [TestCase("PROXY UNK", true)]
    [TestCase("PROXY UNKNOWN\r\n", true)]
    [TestCase("PROXY UNKNOWN\r\no", false)]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", true)]
    [TestCase("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\no", false)]
    public void A_health_check_is_a_connection_of_the_proxy_without_a_request(string bytes, bool isHealthCheck)
    {
        (Session session, SessionContext loop) = Start();
        foreach (char one in bytes)
            Receive(session, loop, [(byte)one], 0);
        Assert.That(session.IsHealthCheck, Is.EqualTo(isHealthCheck));
    }

    [TestCase(EndpointKind.Tcp, "10.0.0.0/8,::1")]
    [TestCase(EndpointKind.Tcp, "unix")]
    [TestCase(EndpointKind.Unix, "127.0.0.1")]
    [TestCase(EndpointKind.UnixPacket, "127.0.0.1,unix")]
    public void Connections_of_others_are_served_as_they_are(EndpointKind kind, string proxies)
    {
        (Session session, SessionContext loop) = Start(kind, proxies);
        Receive(session, loop, "one\n"u8, 0);
        Assert.That(Encoding.ASCII.GetString(session.Pending(loop)), Does.StartWith("ONE"));
        session.Sent(session.Pending(loop).Length, loop);
        Assert.That((session.RequestSince, session.IsHealthCheck), Is.EqualTo((0L, false)));
    }

    private (Session Session, SessionContext Loop) Start(EndpointKind kind = EndpointKind.Tcp, string proxies = "127.0.0.1,unix")
    {
        SessionContext loop = new(new LineProtocol(), new() { Proxies = PeerNetworks.Parse(proxies) }, _counters) { Now = 1000 };
        Session session = new(PeerAddress.Of(kind, kind.IsInternet() ? s_proxy : [], -1));
        session.Begin(loop, loop.Now);
        return (session, loop);
    }

    // As a loop receives, or as io_uring does.
    private static void Receive(Session session, SessionContext loop, ReadOnlySpan<byte> bytes, int how)
    {
        if (how == 1)
        {
            session.ReceivedElsewhere(bytes, loop, isAnswered: true);
            return;
        }

        bytes.CopyTo(session.GetReceiveBuffer(loop));
        session.Received(bytes.Length, loop);
    }
}
