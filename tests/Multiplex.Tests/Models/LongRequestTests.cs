using System.Buffers.Binary;
using Multiplex.Models;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>Requests many times longer than one read, on the models that keep an incomplete request for each connection.</summary>
[TestFixtureSource(nameof(Entries))]
public class LongRequestTests(ReactorEntry entry) : ReactorFixture(entry)
{
    private const int Longest = 1 << 20;
    private const int ReplyHead = 4 + 24 + 4;   // record mark, reply, length of the payload

    public static IEnumerable<ReactorEntry> Entries => [.. ReactorModels.All, new("hybrid", () => new HybridModel())];

    [Test]
    public void They_come_back_whole_however_they_are_cut_and_whatever_is_between_them()
    {
        using RunningServer server = Rpc();
        int[] lengths = [Longest, 100, 70_000, Longest, 0, 300_000, 4, Longest - 8, 131_072];
        Background<bool>[] clients = [.. Enumerable.Range(0, 3).Select(seed => Background.Run(() => Converse(server, lengths, seed)))];
        Assert.That(clients.Select(client => client.Result()), Is.All.True);
        Assert.That(server.Counters[Counter.Calls], Is.EqualTo(clients.Length * lengths.Length));
    }

    [Test]
    public void They_allocate_nothing_once_there_is_memory_for_them()
    {
        const int Times = 40;
        using RunningServer server = Rpc();
        using Client client = server.Connect();
        byte[] call = Echo(1, new byte[Longest]);
        byte[] reply = new byte[ReplyHead + Longest];
        Exchange(client, call, reply, Times);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Exchange(client, call, reply, Times);
        Assert.That(GC.GetTotalAllocatedBytes(precise: true) - before, Is.LessThan(Longest), $"of {Times} requests together");
    }

    [Test]
    public void One_that_is_cut_short_ends_no_other_and_delays_no_stop()
    {
        using RunningServer server = Rpc();
        byte[] call = Echo(1, new byte[Longest]);
        Client lost = server.Connect();
        using Client waiting = server.Connect(), other = server.Connect();
        lost.Send(call.AsSpan(0, Longest / 2));
        waiting.Send(call.AsSpan(0, Longest / 2));
        Exchange(other, Echo(2, new byte[1000]), new byte[ReplyHead + 1000], times: 10);
        lost.Reset();
        server.AwaitCount(Counter.Closed, 1);
        waiting.Send(call.AsSpan(Longest / 2));
        Assert.That(waiting.Read(ReplyHead + Longest).AsSpan(ReplyHead).ContainsAnyExcept((byte)0), Is.False);
        waiting.Send(call.AsSpan(0, Longest - 1));
        Exchange(other, Echo(2, new byte[1000]), new byte[ReplyHead + 1000], times: 10);
        server.RequestStop();
        Assert.That(other.ReadToEnd(), Is.Empty);
        server.AwaitEnd();
        Assert.That(server.Counters[Counter.CutOff], Is.Zero);
    }

    // Sends all calls in pieces of any length, and matches each reply by its xid, the payload by its first bytes.
    private static bool Converse(RunningServer server, int[] lengths, int seed)
    {
        Random random = new(seed);
        byte[][] payloads = [.. lengths.Select(length =>
        {
            byte[] payload = new byte[length];
            random.NextBytes(payload);
            return payload;
        })];
        byte[] calls = [.. payloads.SelectMany((payload, xid) => Echo((uint)xid, payload))];
        using Client client = server.Connect();
        Background<bool> sending = Background.Run(() =>
        {
            for (int sent = 0, piece; sent < calls.Length; sent += piece)
            {
                piece = Math.Min(1 + random.Next(1 << random.Next(20)), calls.Length - sent);
                client.Send(calls.AsSpan(sent, piece));
            }
        });
        for (int i = 0; i < lengths.Length; i++)
        {
            byte[] head = client.Read(ReplyHead);
            byte[] expected = payloads[BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(4))];
            Assert.That(BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(ReplyHead - 4)), Is.EqualTo(expected.Length));
            Assert.That(client.Read(expected.Length).AsSpan().SequenceEqual(expected), Is.True);
        }

        return sending.Result();
    }

    private static void Exchange(Client client, byte[] call, byte[] reply, int times)
    {
        for (int i = 0; i < times; i++)
        {
            client.Send(call);
            for (int have = 0; have < reply.Length;)
                have += recv(client.Descriptor, reply.AsSpan(have), MSG_WAITALL).OrThrow("recv");
        }
    }

    private static byte[] Echo(uint xid, byte[] payload)
    {
        OutputBuffer call = new();
        CallWriter.Record(call, xid, MultiplexV1.Echo, writer => writer.WriteOpaque(payload));
        return call.Written.ToArray();
    }
}
