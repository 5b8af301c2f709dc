using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Contract;

/// <summary>RFC 862: every byte comes back, whatever the peers do.</summary>
public abstract class EchoFixture(string model, ListenForm form) : SharedServer(model, "echo", form)
{
    private const int Megabyte = 1 << 20;

    [TestCase(1)]
    [TestCase(4093)]
    [TestCase(65_537)]
    [TestCase(Megabyte)]
    public void A_megabyte_in_pieces_of_any_length_comes_back_identical(int pieceLength)
    {
        byte[] sent = RandomBytes(pieceLength == 1 ? 5000 : Megabyte);
        using TestClient client = new(Server.Address);
        Assert.That(client.Exchange(sent, pieceLength).AsSpan().SequenceEqual(sent), Is.True);
    }

    [Test]
    public void Each_byte_comes_back_before_the_next_is_sent()
    {
        using TestClient client = new(Server.Address);
        foreach (byte one in RandomBytes(500))
        {
            client.Send([one]);
            Assert.That(client.Receive(1)[0], Is.EqualTo(one));
        }
    }

    [Test]
    public void A_peer_that_half_closes_still_gets_every_reply()
    {
        byte[] sent = RandomBytes(8 * Megabyte);
        using TestClient client = new(Server.Address);
        Task sending = Task.Run(() =>
        {
            client.Send(sent);
            client.EndWriting();
        });
        Assert.That(client.ReceiveToEnd().AsSpan().SequenceEqual(sent), Is.True);
        sending.GetAwaiter().GetResult();
    }

    [Test]
    public void A_peer_that_half_closes_before_it_reads_still_gets_every_reply()
    {
        byte[] sent = RandomBytes(60_000);
        using TestClient client = new(Server.Address);
        client.Send(sent);
        client.EndWriting();
        Assert.That(client.ReceiveToEnd(), Is.EqualTo(sent));
    }

    [Test]
    public void A_peer_that_says_nothing_and_half_closes_gets_an_end()
    {
        using TestClient client = new(Server.Address);
        client.EndWriting();
        Assert.That(client.ReceiveToEnd(), Is.Empty);
    }

    [Test]
    public void Two_hundred_connections_at_once_are_each_echoed()
    {
        List<TestClient> clients = [.. Enumerable.Range(0, 200).Select(_ => new TestClient(Server.Address))];
        List<byte[]> messages = [.. clients.Select(_ => RandomBytes(300))];
        foreach ((TestClient client, byte[] message) in clients.Zip(messages))
            client.Send(message);
        foreach ((TestClient client, byte[] message) in clients.Zip(messages))
        {
            // A pool serves as many clients as it has threads; the next client is served when one disconnects.
            using (client)
                Assert.That(client.Receive(message.Length), Is.EqualTo(message));
        }
    }

    [Test]
    public void Connections_that_end_at_once_leave_the_server_in_order()
    {
        int atFirst = Cells.ProcessesAhead(Model);
        for (int i = 0; i < 100; i++)
            new TestClient(Server.Address).Dispose();
        byte[] message = RandomBytes(100);
        using TestClient client = new(Server.Address);
        Assert.That(client.Exchange(message), Is.EqualTo(message));
        client.Dispose();
        Eventually.Holds(
            () => Server.Children() is var children && children.Count == atFirst && !children.Exists(child => child.IsZombie),
            () => $"children remain: {string.Join(' ', Server.Children())}");
    }
}
