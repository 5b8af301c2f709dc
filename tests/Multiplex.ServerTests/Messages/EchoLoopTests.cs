using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Multiplex.Models;
using Multiplex.Protocols;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Messages;

/// <summary>
/// Echo over UDP does not reply to a sender that would reply in turn, on every model that serves datagrams: no datagram goes back and forth for
/// ever (CVE-1999-0103).
/// </summary>
[TestFixtureSource(nameof(Cases))]
public sealed class EchoLoopTests(string model, string listen)
{
    private static IEnumerable<TestFixtureData> Cases =>
        from one in ServerModelCatalog.All
        where one.Kinds.Contains(EndpointKind.Udp)
        from listen in (string[])["udp://127.0.0.1:0", "udp://[::1]:0", "udp://[::]:0"]
        select new TestFixtureData(one.Name, listen);

    private IPAddress Loopback => listen.Contains("::1") ? IPAddress.IPv6Loopback : IPAddress.Loopback;

    [Test]
    public void A_datagram_between_two_servers_that_echo_comes_to_an_end()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters.Option);
        using Socket other = NewSocket();
        Inject(other, server);   // as if forged: the other server's address is the source
        byte[] buffer = new byte[100];
        int echoes = 0;
        long lastEcho = Stopwatch.GetTimestamp();
        while (counters[Counter.EchoesLimited] == 0)
        {
            if (!other.Poll(TimeSpan.FromMilliseconds(10), SelectMode.SelectRead))
            {
                Assert.That(Stopwatch.GetElapsedTime(lastEcho), Is.LessThan(Eventually.Deadline), "no echo came, and none was counted as limited");
                continue;
            }

            EndPoint from = new IPEndPoint(Any(other), 0);
            other.SendTo(buffer.AsSpan(0, other.ReceiveFrom(buffer, ref from)), from);
            lastEcho = Stopwatch.GetTimestamp();
            Assert.That(++echoes, Is.LessThan(100_000), "it goes on");
        }

        Assert.That(echoes, Is.GreaterThan(1000), "a client may say the same for long");
        using TestClient client = new(server.Address);
        client.Send("same"u8);
        Assert.That(client.ReceiveMessage(), Is.EqualTo("same"u8.ToArray()), "another source is not limited");
        for (int i = 0; i < 1000; i++)
        {
            byte[] numbered = RpcWire.UInt((uint)i);
            other.SendTo(numbered, new IPEndPoint(Loopback, server.Address.Port));
            int length = other.Receive(buffer);
            Assert.That(buffer.AsSpan(0, length).SequenceEqual(numbered), Is.True, "nor are datagrams that differ");
        }

        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_port_below_1024_and_an_own_address_are_not_answered_unless_asked_for()
    {
        if (Interop.Libc.geteuid() != 0)
            Assert.Ignore("only root may bind a reserved port");
        foreach (bool any in (bool[])[false, true])
        {
            using SharedCounters counters = new();
            using ServerProcess server = Start([.. counters.Option, .. any ? (string[])["--echo-any-source"] : []]);
            using Socket reserved = NewReservedSocket();
            Inject(reserved, server);
            if (any)
            {
                Assert.That(reserved.Receive(new byte[10]), Is.EqualTo(4));
                Assert.That(server.Stop(), Is.Zero);
                continue;
            }

            counters.Await(Counter.EchoesRefused, 1);
            SendFromItself(server);
            counters.Await(Counter.EchoesRefused, 2);
            Assert.That(server.Stop(), Is.Zero);
            Assert.That(server.FinalCount(Counter.Datagrams), Is.EqualTo(2), "neither came back");
        }
    }

    // With a raw socket, as the port is in use. On every interface, all loopback addresses are the server's own.
    private void SendFromItself(ServerProcess server)
    {
        const int IPPROTO_IPV6 = 41, IPV6_CHECKSUM = 7, ChecksumOffset = 6;   // ipv6(7): over IPv6 a checksum must be there
        bool isWildcard = listen.Contains("[::]");
        using Socket own = new(Loopback.AddressFamily, SocketType.Raw, ProtocolType.Udp);
        byte[] port = RpcWire.UInt((uint)server.Address.Port)[2..];
        byte[] datagram = [.. port, .. port, 0, 12, 0, 0, .. "same"u8];
        if (Loopback.AddressFamily == AddressFamily.InterNetworkV6)
            own.SetRawSocketOption(IPPROTO_IPV6, IPV6_CHECKSUM, BitConverter.GetBytes(ChecksumOffset));
        own.Bind(new IPEndPoint(isWildcard ? IPAddress.Parse("127.0.0.9") : Loopback, 0));
        own.SendTo(datagram, new IPEndPoint(Loopback, 0));
    }

    private void Inject(Socket from, ServerProcess server) => from.SendTo("same"u8, new IPEndPoint(Loopback, server.Address.Port));

    private static IPAddress Any(Socket socket) => socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;

    // Other tests may use some of the ports.
    private Socket NewReservedSocket()
    {
        for (int port = 1023; ; port--)
        {
            try
            {
                return NewSocket(port);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && port > 1)
            {
            }
        }
    }

    private Socket NewSocket(int port = 0)
    {
        Socket socket = new(Loopback.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };
        socket.Bind(new IPEndPoint(Loopback, port));
        return socket;
    }

    private ServerProcess Start(params string[] options) => ServerProcess.Start(model, "echo", [listen], options);
}
