using System.Net;
using System.Net.Sockets;
using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Messages;

/// <summary>Requests that a client's kernel sends as one message (UDP_SEGMENT of udp(7)) are each answered, on every model that serves datagrams.</summary>
[TestFixtureSource(nameof(Cases))]
public sealed class SegmentedDatagramsTests(string model, string listen)
{
    private static IEnumerable<TestFixtureData> Cases =>
        from one in ServerModelCatalog.All
        where one.Kinds.Contains(EndpointKind.Udp)
        from listen in (string[])["udp://127.0.0.1:0", "udp://[::]:0"]
        select new TestFixtureData(one.Name, listen);

    [Test]
    public void Each_is_answered_by_a_datagram_of_its_own([Values] bool isTogether)
    {
        const int Length = 52, Last = 20, Count = 40, Rounds = 20;
        using ServerProcess server = ServerProcess.Start(model, "echo", [listen]);
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };
        client.Connect(new IPEndPoint(IPAddress.Loopback, server.Address.Port));
        if (isTogether)
            client.SetRawSocketOption(Interop.Libc.SOL_UDP, Interop.Libc.UDP_SEGMENT, BitConverter.GetBytes(Length));
        byte[] received = new byte[4 * Length];
        for (int round = 0; round < Rounds; round++)
        {
            byte[][] requests = [.. Enumerable.Range(0, Count).Select(i => RandomData.RandomBytes(i == Count - 1 ? Last : Length))];
            foreach (byte[] message in isTogether ? [[.. requests.SelectMany(request => request)]] : requests)
                client.Send(message);

            // Several processes or threads may answer them in another order.
            byte[][] replies = [.. requests.Select(_ => received[..client.Receive(received)])];
            Assert.That(replies.Select(Convert.ToHexString), Is.EquivalentTo(requests.Select(Convert.ToHexString)));
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Datagrams), Is.EqualTo(Count * Rounds));
    }
}
