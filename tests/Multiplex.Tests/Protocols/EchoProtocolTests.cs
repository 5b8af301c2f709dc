using System.Buffers.Binary;
using Multiplex.Protocols;
using Multiplex.Sockets;

namespace Multiplex.Tests.Protocols;

/// <summary>Which datagrams are echoed.</summary>
public class EchoProtocolTests
{
    private const int AtOnce = 50 * EchoOptions.UsualRepeatsPerSecond;
    private static readonly byte[] s_message = "back and forth"u8.ToArray();

    private readonly List<EchoProtocol> _protocols = [];
    private ServerCounters _counters = null!;

    [SetUp]
    public void Make_counters() => _counters = new();

    [TearDown]
    public void Dispose_of_them()
    {
        _protocols.ForEach(protocol => protocol.Dispose());
        _protocols.Clear();
        _counters.Dispose();
    }

    [Test]
    public void A_source_that_repeats_itself_is_limited_and_others_are_not()
    {
        EchoProtocol echo = Protocol(new());
        int answered = 0;
        while (Echoes(echo, s_message, port: 5000))
            Assert.That(++answered, Is.LessThan(1_000_000));
        Assert.That(answered, Is.AtLeast(AtOnce));
        Assert.That(_counters[Counter.EchoesLimited], Is.EqualTo(1));
        Assert.That(Echoes(echo, s_message, port: 5001), Is.True, "another source");
    }

    [Test]
    public void Datagrams_that_differ_are_not_limited_nor_are_those_of_other_kinds_of_socket()
    {
        EchoProtocol echo = Protocol(new() { RepeatsPerSecond = 1 });
        byte[] numbered = new byte[64];
        for (int i = 0; i < 10_000; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(numbered, i);
            Assert.That(Echoes(echo, numbered, port: 5000), Is.True);
            Assert.That(Echoes(echo, s_message, port: 5000, EndpointKind.Tcp), Is.True);
            Assert.That(Echoes(echo, s_message, port: 5000, EndpointKind.UnixGram), Is.True);
        }
    }

    [Test]
    public void Many_datagrams_that_go_round_all_come_to_an_end()
    {
        EchoProtocol echo = Protocol(new());
        List<byte[]> circulating = [.. Enumerable.Range(0, 1000).Select(i => new byte[] { (byte)i, (byte)(i >> 8) })];
        Eventually.Holds(
            () =>
            {
                circulating.RemoveAll(datagram => !Echoes(echo, datagram, port: 5000));
                return circulating.Count == 0;
            },
            () => $"{circulating.Count} go on");
    }

    [Test]
    public void Without_a_limit_all_repeats_are_echoed()
    {
        EchoProtocol echo = Protocol(new() { RepeatsPerSecond = 0 });
        for (int i = 0; i < 2 * AtOnce; i++)
            Assert.That(Echoes(echo, s_message, port: 5000), Is.True);
    }

    [TestCase(0, false)]
    [TestCase(7, false)]
    [TestCase(1023, false)]
    [TestCase(1024, true)]
    [TestCase(4000, false, "127.0.0.1")]
    [TestCase(4000, false, "127.0.0.2")]
    [TestCase(4000, false, "::1")]
    [TestCase(4000, false, "::ffff:127.0.0.1")]
    [TestCase(4000, true, "192.0.2.77")]
    [TestCase(4001, true, "127.0.0.1")]
    public void Ports_below_1024_and_own_addresses_are_echoed_only_if_asked_for(int port, bool always, string host = "127.0.0.1")
    {
        EchoOptions options = new() { OwnPorts = [3999, 4000] };
        Assert.That(Echoes(Protocol(options), s_message, port, host: host), Is.EqualTo(always));
        Assert.That(_counters[Counter.EchoesRefused], Is.EqualTo(always ? 0 : 1));
        Assert.That(Echoes(Protocol(options with { AnySource = true }), s_message, port, host: host), Is.True);
        Assert.That(Echoes(Protocol(options), s_message, port, EndpointKind.Tcp, host), Is.True, "a connection's peer is proven");
    }

    [TestCase(-1)]
    [TestCase(1_000_001)]
    public void A_rate_out_of_its_range_is_refused(int rate) =>
        Assert.That(() => Protocol(new() { RepeatsPerSecond = rate }), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [Test]
    public void Nothing_is_allocated_to_decide()
    {
        EchoProtocol echo = Protocol(new() { OwnPorts = [4000] });
        OutputBuffer reply = new();
        byte[] ordinary = Address("127.0.0.1", 5000), own = Address("127.0.0.1", 4000);
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            echo.AnswerMessage(s_message, new Peer(EndpointKind.Udp, ordinary), reply);
            echo.AnswerMessage(s_message, new Peer(EndpointKind.Udp, own), reply);
            reply.Clear();
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    private EchoProtocol Protocol(EchoOptions options)
    {
        EchoProtocol protocol = new(options);
        protocol.Open(_counters);
        _protocols.Add(protocol);
        return protocol;
    }

    private static bool Echoes(EchoProtocol echo, byte[] message, int port, EndpointKind kind = EndpointKind.Udp, string host = "127.0.0.1")
    {
        OutputBuffer reply = new();
        Assert.That(echo.AnswerMessage(message, new Peer(kind, Address(host, port)), reply), Is.True);
        Assert.That(reply.Length, Is.EqualTo(0).Or.EqualTo(message.Length));
        return reply.Length > 0;
    }

    private static byte[] Address(string host, int port)
    {
        string text = host.Contains(':') ? $"[{host}]" : host;
        byte[] address = AddressLookup.Find(Endpoint.Parse($"udp://{text}:1"), passive: false)[0];
        BinaryPrimitives.WriteUInt16BigEndian(address.AsSpan(2), (ushort)port);
        return address;
    }
}
