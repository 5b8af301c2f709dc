using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Bytes that are no calls touch no connection but their own, and cost no more memory than they have.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ManyAndForms))]
public sealed class HostilityAmongOthers(string model, ListenForm form) : HostedGarbage(model, form)
{
    [TestCaseSource(typeof(HostileInputTests), nameof(HostileInputTests.GarbageOfAllKinds))]
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
                client.Send([.. ping, .. RpcWire.UInt(0x8000_0000 | HostileInputTests.MaxRecord), .. RpcWire.Call(2, RpcWire.Echo, RpcWire.UInt(1 << 20))]);
            clients.ForEach(client => client.Receive(28));
            steady.Null();
            Assert.That(Server.ResidentBytes() - before, Is.LessThan(Allowed));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }
}
