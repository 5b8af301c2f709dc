using System.Diagnostics;
using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>The limits of connections that keep the boundaries of messages, on every model.</summary>
[TestFixtureSource(typeof(SeqpacketLimitTests), nameof(ModelsThatServeIt))]
public sealed class SeqpacketLimitTests(string model)
{
    private const int TooLong = (1 << 20) + (64 * 1024) + 1;

    public static IEnumerable<string> ModelsThatServeIt =>
        Cells.Models.Where(name => Cells.FormsOf(name).Contains(ListenForm.UnixPacket));

    [Test]
    public void A_message_that_is_too_long_closes_its_connection_and_is_counted()
    {
        using ServerProcess server = Start("echo");
        using TestClient client = new(server.Address);
        if (!MakeRoomToSend(client.Socket))
            Assert.Ignore("net.core.wmem_max lets no socket of this user send so much at once");
        Assert.That(client.Socket.Send(new byte[TooLong]), Is.EqualTo(TooLong));
        Assert.That(client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(1));
    }

    [Test]
    public void A_silent_connection_is_closed_and_counted()
    {
        using SharedCounters counters = new();
        TimeSpan idle = TimeSpan.FromMilliseconds(500);
        using ServerProcess server = Start("echo", [.. counters.Option, "--idle-timeout", $"{idle.TotalMilliseconds}ms"]);
        (byte[] Answer, byte[] More) received = OwnSilence.Without(idle, own =>
        {
            long start = Stopwatch.GetTimestamp();
            using TestClient client = new(server.Address);
            client.Send([1]);
            own.Since(start);
            return (client.ReceiveMessage(), client.ReceiveUntilClosedOrReset());
        });
        Assert.That(received.Answer, Is.EqualTo((byte[])[1]));
        Assert.That(received.More, Is.Empty);
        counters.Await(Counter.IdleTimeouts, 1);
        Assert.That(server.Stop(), Is.Zero);
    }

    private ServerProcess Start(string protocol, params string[] options) =>
        ServerProcess.Start(model, protocol, ListenForm.UnixPacket, options);

    private static bool MakeRoomToSend(Socket socket)
    {
        const int SolSocket = 1, SoSndbufForce = 32;   // SO_SNDBUFFORCE of socket(7): beyond net.core.wmem_max, with CAP_NET_ADMIN
        try
        {
            socket.SetRawSocketOption(SolSocket, SoSndbufForce, BitConverter.GetBytes(2 * TooLong));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
