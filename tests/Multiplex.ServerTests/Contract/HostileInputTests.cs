using System.Text;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Bytes that are no calls: they end their own connection only, are counted, and cost no more memory than their number.</summary>
[ModelSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class HostileInputTests(string model, ListenForm form) : SharedServer(model, "rpc", form)
{
    private const int MaxRecord = 1028 * 1024;
    private const int MaxFragments = 64 * 1024;   // not one more, or the server might close before all is sent

    private static readonly TestCaseData[] s_garbage =
    [
        Garbage("HTTP", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
        Garbage("A TLS hello", [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, .. new byte[500]]),
        Garbage("Ones", [.. Enumerable.Repeat((byte)0xff, 5000)]),
        Garbage("A record over the limit", [.. RpcWire.UInt(0x8000_0000 | (MaxRecord + 1)), .. new byte[100]]),
        Garbage("Fragments that add up to a record over the limit", [.. RpcWire.UInt(100), .. new byte[100], .. RpcWire.UInt(MaxRecord - 50)]),
        Garbage("A fragment of nothing that is not the last", RpcWire.UInt(0)),
        Garbage("Fragments of nothing, one after another", new byte[4096]),
        Garbage("More fragments than a record may have", [.. Enumerable.Repeat<byte[]>([0, 0, 0, 1, 0xff], MaxFragments).SelectMany(one => one)]),
        Garbage("A record of nothing", RpcWire.UInt(0x8000_0000)),
        Garbage("A head that ends too soon", RpcWire.Record(RpcWire.Call(1, RpcWire.Null)[..30])),
        Garbage("A reply", RpcWire.Record([0, 0, 0, 1, 0, 0, 0, 1, .. new byte[16]])),
    ];

    public static IEnumerable<TestCaseData> GarbageOfAllKinds => s_garbage;

    private protected override ServerProcess StartServer() => ServerProcess.Start(Model, "rpc", Form, Counters.Option);

    private protected override void OnStopped() =>
        Assert.That(Server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(Counters[Counter.ProtocolErrors]));

    [TestCaseSource(nameof(GarbageOfAllKinds))]
    public void Calls_before_the_garbage_are_answered(byte[] garbage)
    {
        long before = Counters[Counter.ProtocolErrors];
        using RpcPeer peer = new(Server.Address);
        peer.Client.Send([.. RpcWire.CallRecord(1, RpcWire.Null), .. RpcWire.CallRecord(2, RpcWire.Add, RpcWire.Hyper(1)), .. garbage]);
        Assert.That(peer.Finish(1), Is.Empty);
        Assert.That(peer.Finish(2), Has.Length.EqualTo(8));
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Counters.Await(Counter.ProtocolErrors, before + 1);
    }

    [Test]
    public void Calls_before_the_garbage_are_answered_in_full_when_their_replies_are_large()
    {
        byte[] argument = RpcWire.Opaque(new byte[1 << 20]);
        long before = Counters[Counter.ProtocolErrors];
        using RpcPeer peer = new(Server.Address);
        Task sending = Task.Run(() =>
        {
            for (uint i = 0; i < 8; i++)
                peer.Client.Send(RpcWire.CallRecord(i, RpcWire.Echo, argument));
            peer.Client.Send(RpcWire.UInt(0));
        });
        for (uint i = 0; i < 8; i++)
            Assert.That(peer.Finish(i), Has.Length.EqualTo(argument.Length), $"reply {i}");
        sending.GetAwaiter().GetResult();
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Counters.Await(Counter.ProtocolErrors, before + 1);
    }

    [TestCaseSource(nameof(GarbageOfAllKinds))]
    [SeveralClients]
    public void Garbage_ends_its_own_connection_and_is_counted(byte[] garbage)
    {
        using RpcPeer steady = new(Server.Address);
        steady.Null();
        long before = Counters[Counter.ProtocolErrors];
        using TestClient hostile = new(Server.Address);
        hostile.Send(garbage);
        Assert.That(hostile.ReceiveUntilClosedOrReset(), Is.Empty);
        Counters.Await(Counter.ProtocolErrors, before + 1);
        Assert.That(steady.Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        Assert.That(Counters[Counter.ProtocolErrors], Is.EqualTo(before + 1));
    }

    [Test]
    [SeveralClients]
    public void A_declared_length_costs_no_memory_before_its_bytes_come()
    {
        const int Connections = 60;   // fewer than a pool's threads
        const long Allowed = Connections * 256 * 1024;
        using RpcPeer steady = new(Server.Address);
        List<TestClient> clients = [.. Enumerable.Range(0, Connections).Select(_ => new TestClient(Server.Address))];
        try
        {
            // In every model all of them are being served before memory is looked at.
            byte[] ping = RpcWire.CallRecord(1, RpcWire.Null);
            foreach (TestClient client in clients)
                client.Send(ping);
            clients.ForEach(client => client.Receive(28));
            long before = Server.ResidentBytes();
            foreach (TestClient client in clients)
                client.Send([.. ping, .. RpcWire.UInt(0x8000_0000 | MaxRecord), .. RpcWire.Call(2, RpcWire.Echo, RpcWire.UInt(1 << 20))]);
            clients.ForEach(client => client.Receive(28));
            steady.Null();
            Assert.That(Server.ResidentBytes() - before, Is.LessThan(Allowed));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private static TestCaseData Garbage(string name, byte[] bytes) => new TestCaseData(bytes).SetArgDisplayNames(name);
}
