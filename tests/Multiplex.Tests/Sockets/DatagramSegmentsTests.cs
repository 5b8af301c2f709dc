using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Sockets;

/// <summary>Replies of equal length leave as one message, and are the same datagrams as if each had been sent by itself.</summary>
public class DatagramSegmentsTests : DescriptorFixture
{
    private const int AtOnce = 32;
    private const int Longest = 65_535;

    private static readonly int[] s_lengths = [64, 64, 64, 64, 30, 64, 64, 200, 200, 10, 10, 1, 0, 5, 1400, 1400, 9000, 9000, 9000, 20];

    [Test]
    public void Datagrams_of_mixed_lengths_keep_their_boundaries_and_their_order(
        [Values("udp://127.0.0.1:0", "udp://*:0", "udp://[::1]:0", "udp://[::]:0")] string listen, [Values] bool isDivided)
    {
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse(listen));
        using DatagramBatch batch = new(AtOnce, Longest, isDivided);
        int client = ConnectTo(server);
        byte[][] sent = [.. s_lengths.Select(Bytes)];
        foreach (byte[] datagram in sent)
            send(client, datagram, 0).OrThrow("send");
        Assert.That(EchoAll(server, batch, sent.Length), Is.Zero, "none is dropped");
        foreach (byte[] datagram in sent)
            Assert.That(Receive(client), Is.EqualTo(datagram));
    }

    [Test]
    public void One_message_ends_at_another_sender_and_behind_a_shorter_datagram()
    {
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"));
        using DatagramBatch batch = new(AtOnce, Longest, segments: true);
        int one = ConnectTo(server, isTogether: true), other = ConnectTo(server, isTogether: true);
        foreach ((int client, int length) in ((int, int)[])[(one, 64), (one, 64), (one, 64), (other, 64), (one, 64), (one, 20), (one, 64), (one, 100)])
            send(client, Bytes(length), 0).OrThrow("send");
        Assert.That(EchoAll(server, batch, 8), Is.Zero);
        foreach ((int Bytes, int Segment) message in ((int, int)[])[(192, 64), (84, 64), (64, 0), (100, 0)])
            Assert.That(ReceiveTogether(one), Is.EqualTo(message));
        Assert.That(ReceiveTogether(other), Is.EqualTo((64, 0)));
    }

    [TestCase(300, 64, 5)]        // 64 datagrams a message, and 44
    [TestCase(20, 9000, 3)]       // 7 datagrams are 63,000 bytes, and 6
    public void One_message_has_at_most_64_datagrams_and_less_than_64_KiB(int count, int length, int messages)
    {
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"));
        using DatagramBatch batch = new(count, Longest, segments: true);
        int client = ConnectTo(server, isTogether: true);
        for (int i = 0; i < count; i++)
            send(client, Bytes(length), 0).OrThrow("send");
        Assert.That(EchoAll(server, batch, count), Is.Zero);
        int bytes = 0;
        for (int i = 0; i < messages; i++)
            bytes += ReceiveTogether(client).Bytes;
        Assert.That(bytes, Is.EqualTo(count * length));
    }

    [Test]
    public void Datagrams_that_come_as_one_message_are_each_one()
    {
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"));
        UdpSegments.TakeTogether(server.Descriptor);
        using DatagramBatch batch = new(count: 1, Longest, segments: true);
        int client = ConnectTo(server);
        UdpSegments.Send(client, Bytes(270), segment: 50).OrThrow("sendmsg");
        send(client, Bytes(7), 0).OrThrow("send");
        Assert.That((int)batch.Receive(server.Descriptor, waits: true).Value, Is.EqualTo(6));
        for (int i = 0; i < 6; i++)
            Assert.That(batch.Message(i).ToArray(), Is.EqualTo(Bytes(270).Skip(50 * i).Take(50)));
        Assert.That((int)batch.Receive(server.Descriptor, waits: true).Value, Is.EqualTo(1));
        Assert.That(batch.Message(0).ToArray(), Is.EqualTo(Bytes(7)));
    }

    [Test]
    public void Where_the_kernel_does_not_divide_each_datagram_is_sent_by_itself()
    {
        // It divides only where there are checksums: socket(7) has no SO_NO_CHECK, ip(7) neither, but sendmsg(2) fails with EINVAL or EIO.
        const int SO_NO_CHECK = 11;
        using DatagramSocket server = DatagramSocket.Open(Endpoint.Parse("udp://127.0.0.1:0"));
        setsockopt(server.Descriptor, SOL_SOCKET, SO_NO_CHECK, 1).OrThrow("setsockopt");
        int client = ConnectTo(server), refused = ConnectTo(server);
        setsockopt(refused, SOL_SOCKET, SO_NO_CHECK, 1).OrThrow("setsockopt");
        SyscallResult refusal = UdpSegments.Send(refused, Bytes(100), 50);
        Assert.That(refusal.IsError && UdpSegments.IsRefusal(refusal.Errno), Is.True, "as the server's replies will be");
        using DatagramBatch batch = new(AtOnce, Longest, segments: true);
        for (int round = 0; round < 3; round++)
        {
            foreach (int length in s_lengths)
                send(client, Bytes(length), 0).OrThrow("send");
            Assert.That(EchoAll(server, batch, s_lengths.Length), Is.Zero, "none is dropped");
            foreach (int length in s_lengths)
                Assert.That(Receive(client), Is.EqualTo(Bytes(length)));
        }
    }

    private int ConnectTo(DatagramSocket server, bool isTogether = false)
    {
        string host = server.Local.Host switch { "0.0.0.0" => "127.0.0.1", "::" => "::1", string one => one };
        int client = Own(SyscallResult.Of(Connector.Connect(server.Local with { Host = host })));
        fcntl(client, F_SETFL, 0).OrThrow("fcntl");   // blocking
        setsockopt(client, SOL_SOCKET, SO_RCVBUF, 4 << 20);
        if (isTogether)
            Assert.That(UdpSegments.TakeTogether(client), Is.True);
        return client;
    }

    // Receives so many datagrams, then sends all of them back.
    private static int EchoAll(DatagramSocket server, DatagramBatch batch, int count)
    {
        Eventually.LimitWaits(server.Descriptor);
        int dropped = 0;
        for (int done = 0; done < count;)
        {
            int received = (int)batch.Receive(server.Descriptor, waits: true).Value;
            Assert.That(received, Is.Positive);
            OutputBuffer replies = new();
            for (int i = 0; i < received; i++)
            {
                batch.AddReply(i, replies.Length, batch.Message(i).Length);
                replies.Write(batch.Message(i));
            }

            dropped += batch.Send(server.Descriptor, replies.Written);
            done += received;
        }

        return dropped;
    }

    private static byte[] Receive(int client)
    {
        byte[] buffer = new byte[Longest];
        return buffer[..(int)recv(client, buffer, 0).OrThrow("recv")];
    }

    private static (int Bytes, int Segment) ReceiveTogether(int client) =>
        ((int)UdpSegments.Receive(client, new byte[Longest], 0, out int segment).OrThrow("recvmsg"), segment);

    private static byte[] Bytes(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i + length))];
}
