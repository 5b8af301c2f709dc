using Multiplex.ServerTests.Harness;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Contract;

/// <summary>RFC 862 on every model and every kind of stream: no client affects another.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class EchoContractTests(string model, ListenForm form) : EchoFixture(model, form)
{
    private const int Megabyte = 1 << 20;

    [Test]
    [SeveralClients]
    public void Clients_that_vanish_do_not_disturb_others()
    {
        byte[] message = RandomBytes(1000);
        using TestClient steady = new(Server.Address);
        for (int i = 0; i < 30; i++)
        {
            using (TestClient vanishing = new(Server.Address))
            {
                vanishing.Send(RandomBytes(100_000));
                vanishing.Vanish();
            }

            Assert.That(steady.Exchange(message), Is.EqualTo(message));
        }
    }

    [Test]
    [SeveralClients]
    public void A_client_that_never_reads_stops_no_other_and_costs_bounded_memory_and_loses_nothing()
    {
        const long Flood = 64 * Megabyte, Allowed = 24 * Megabyte;
        byte[] piece = RandomBytes(Megabyte), message = RandomBytes(1000);
        using TestClient steady = new(Server.Address);
        Assert.That(steady.Exchange(message), Is.EqualTo(message));
        using TestClient greedy = new(Server.Address);
        Assert.That(greedy.Exchange(message), Is.EqualTo(message));
        long before = Server.ResidentBytes();

        long sent = greedy.PumpUntilBlocked(piece, Flood);
        Assert.That(sent, Is.LessThan(Flood), "the server goes on reading from a client that takes no replies");
        Assert.That(Server.ResidentBytes() - before, Is.LessThan(Allowed));
        Assert.That(steady.Exchange(message), Is.EqualTo(message));

        Task ending = Task.Run(greedy.EndWriting);
        byte[] received = greedy.ReceiveToEnd();
        ending.GetAwaiter().GetResult();
        Assert.That(received, Has.Length.EqualTo(sent));
        for (int start = 0; start < received.Length; start += Megabyte)
        {
            int length = Math.Min(Megabyte, received.Length - start);
            Assert.That(received.AsSpan(start, length).SequenceEqual(piece.AsSpan(0, length)), Is.True, $"the megabyte at {start}");
        }
    }
}
