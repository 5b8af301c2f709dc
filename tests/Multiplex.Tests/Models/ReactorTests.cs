using System.Buffers.Binary;
using System.Text;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>How a reactor serves its connections, on every multiplexer.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class ReactorTests(ReactorEntry entry) : ReactorFixture(entry)
{
    [Test]
    public void Every_byte_comes_back()
    {
        using RunningServer server = Echo();
        using Client client = server.Connect();
        byte[] bytes = new byte[1_000_000];
        new Random(1).NextBytes(bytes);
        Background<byte[]> reader = Background.Run(client.ReadToEnd);
        client.Send(bytes);
        client.EndSending();
        Assert.That(reader.Result().AsSpan().SequenceEqual(bytes), Is.True);
    }

    [Test]
    public void Connections_are_served_at_the_same_time()
    {
        using RunningServer server = Echo();
        Client[] clients = [.. Enumerable.Range(0, 200).Select(_ => server.Connect())];
        foreach (Client client in clients)
            client.Send(Encoding.ASCII.GetBytes($"{client.Descriptor:D8}"));
        foreach (Client client in clients.Reverse())
            Assert.That(Encoding.ASCII.GetString(client.Read(8)), Is.EqualTo($"{client.Descriptor:D8}"));
        Array.ForEach(clients, client => client.Dispose());
        server.AwaitCount(Counter.Closed, 200);
        Assert.That(server.Counters[Counter.Accepted], Is.EqualTo(200));
    }

    [Test]
    public void A_client_calls_each_procedure()
    {
        using RunningServer server = Rpc();
        using RpcClient client = new(server.Local);
        MultiplexV1Client stub = new(client);
        stub.Null();
        Assert.That(stub.Echo("hello"u8), Is.EqualTo("hello"u8.ToArray()));
        Assert.That(stub.Sleep(1), Is.EqualTo(1));
        Assert.That(stub.Burn(1), Is.Positive);
        Assert.That(stub.Add(5), Is.EqualTo(5));
        WhoamiRes who = stub.Whoami();
        Assert.That((who.Pid, who.Served), Is.EqualTo(((uint)getpid(), 6ul)));
        Assert.That(
            () => stub.Sleep(10_001),
            Throws.TypeOf<RpcGarbageArgumentsException>().With.Message.Contains("MultiplexV1.Sleep").And.Message.Contains("GARBAGE_ARGS"));
    }

    [Test]
    public void One_way_and_batched_calls_take_the_marshalling_half_of_a_stub()
    {
        using RunningServer server = Rpc();
        using RpcClient client = new(server.Local);
        client.OneWay(MultiplexV1.Add, 5ul, MultiplexV1Client.WriteAdd);
        client.Batch(MultiplexV1.Add, 7ul, MultiplexV1Client.WriteAdd);
        client.Flush();
        server.AwaitCount(Counter.Sum, 12);
    }

    [Test]
    public void Pipelined_calls_are_answered_in_order()
    {
        const int Count = 500;
        using RunningServer server = Rpc();
        using Client client = server.Connect();
        client.Send(Calls(MultiplexV1.Null, Count));
        byte[] replies = client.Read(28 * Count);
        Assert.That(
            Enumerable.Range(0, Count).Select(i => BinaryPrimitives.ReadUInt32BigEndian(replies.AsSpan((28 * i) + 4))),
            Is.Ordered.Ascending.And.Unique);
    }

    [Test]
    public void A_call_that_arrives_byte_by_byte_is_answered()
    {
        using RunningServer server = Rpc();
        using Client client = server.Connect();
        foreach (byte one in Calls(MultiplexV1.Echo, 1, writer => writer.WriteOpaque("slow"u8)))
            client.Send([one]);
        Assert.That(client.Read(36).AsSpan(32).SequenceEqual("slow"u8), Is.True);
    }

    [Test]
    public void A_peer_that_half_closes_still_gets_every_reply()
    {
        using RunningServer server = Rpc();
        using Client client = server.Connect();
        client.Send([.. Calls(MultiplexV1.Null, 100), 0x80, 0x00]);   // and the beginning of one more, which never comes
        client.EndSending();
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(28 * 100));
        server.AwaitCount(Counter.Closed, 1);
    }

    [Test]
    public void Garbage_closes_its_connection_after_the_replies_before_it_and_no_other()
    {
        using RunningServer server = Rpc();
        using Client good = server.Connect();
        using Client bad = server.Connect();
        bad.Send([.. Calls(MultiplexV1.Null, 3), .. "GET / HTTP/1.1\r\n\r\n"u8]);
        Assert.That(bad.ReadToEnd(), Has.Length.EqualTo(28 * 3));
        Assert.That(server.Counters[Counter.ProtocolErrors], Is.EqualTo(1));
        good.Send(Calls(MultiplexV1.Null, 1));
        Assert.That(good.Read(28), Has.Length.EqualTo(28));
    }

    [Test]
    public void A_connection_that_is_reset_is_counted_as_broken_and_closed()
    {
        using RunningServer server = Echo();
        using Client client = server.Connect();
        client.Send("x"u8);
        client.Read(1);
        client.Reset();
        server.AwaitCount(Counter.Closed, 1);
        Assert.That(server.Counters[Counter.Broken], Is.EqualTo(1));
    }

    [Test]
    public void Several_listeners_of_several_families_are_served_by_one_thread()
    {
        using TemporaryDirectory directory = new();
        using RunningServer server = Rpc(
            null, "tcp://127.0.0.1:0", $"unix:{directory["s"]}", $"unix:@multiplex-tests-{Environment.ProcessId}");
        HashSet<uint> threads = [];
        foreach (Multiplex.Sockets.Endpoint endpoint in server.AllLocal)
        {
            using RpcClient client = new(endpoint);
            WhoamiRes who = new MultiplexV1Client(client).Whoami();
            threads.Add(who.Thread);
            Assert.That(who.Peer, Does.StartWith(endpoint.ToString().Split(':')[0] + ":"));
        }

        Assert.That(threads, Has.Count.EqualTo(1));
    }
}
