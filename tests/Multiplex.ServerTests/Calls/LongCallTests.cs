using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>Calls that take long among calls that arrived with them: replies that are ready are sent at once, and after a peer has gone none of its other calls is run.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsAndForms))]
public sealed class LongCallTests(string model, ListenForm form)
{
    private const uint Long = 10_000;
    private const int Most = 1000;   // they arrive in one read

    [TestCase(RpcWire.Sleep, Long)]
    [TestCase(RpcWire.Burn, Long * 1000 / 4)]
    public void A_reply_leaves_before_a_long_call_that_came_with_it(uint procedure, uint time)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form);
        using RpcPeer peer = new(server.Address);
        byte[][] calls =
        [
            RpcWire.CallRecord(1, RpcWire.Null), RpcWire.CallRecord(2, RpcWire.Add, RpcWire.Hyper(5)), RpcWire.CallRecord(3, procedure, RpcWire.UInt(time)),
        ];
        peer.Client.Send([.. calls.SelectMany(call => call)]);
        Assert.That(peer.Finish(1), Is.Empty);
        Assert.That(peer.Finish(2), Is.EqualTo(RpcWire.Hyper(5)));
        Assert.That(peer.Client.Socket.Available, Is.Zero, "the long call is in progress");
        peer.Client.Vanish();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Each_of_several_long_calls_is_answered_when_it_is_done()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, counters.Option);
        using RpcPeer peer = new(server.Address);
        peer.Client.Send([.. RpcWire.CallRecord(1, RpcWire.Sleep, RpcWire.UInt(1)), .. RpcWire.CallRecord(2, RpcWire.Sleep, RpcWire.UInt(Long))]);
        Assert.That(peer.Finish(1), Is.EqualTo(RpcWire.UInt(1)));
        Assert.That(peer.Client.Socket.Available, Is.Zero, "the other is in progress");
        peer.Client.Vanish();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Long_calls_of_peers_that_are_gone_are_not_run()
    {
        const int Peers = 4;
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(
            model, "rpc", form, [.. counters.Option, "--workers", "4", "--max-threads", "4", "--max-children", "4"]);
        byte[] sleep = RpcWire.CallRecord(1, RpcWire.Sleep, RpcWire.UInt(Long));
        byte[] sleeps = [.. Enumerable.Repeat(sleep, Most).SelectMany(call => call)];
        List<TestClient> vanishing = [.. Enumerable.Range(0, Peers).Select(_ => new TestClient(server.Address))];
        vanishing.ForEach(client => client.Send(sleeps));
        counters.Await(Counter.Calls, 1);
        vanishing.ForEach(client => client.Vanish());
        using (RpcPeer honest = new(server.Address))
            honest.Null();
        Eventually.Holds(() => counters[Counter.Closed] >= Peers, () => $"Closed is {counters[Counter.Closed]}");

        // The calls in progress, and the few that were begun before the end of the connection was seen.
        Assert.That(counters[Counter.Calls], Is.LessThan(8 * Peers));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_peer_that_has_closed_its_side_still_has_its_long_calls_run()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form);
        using RpcPeer peer = new(server.Address);
        peer.Client.Send([.. Enumerable.Range(1, 3).SelectMany(xid => RpcWire.CallRecord((uint)xid, RpcWire.Sleep, RpcWire.UInt(20)))]);
        peer.Client.EndWriting();
        for (uint xid = 1; xid <= 3; xid++)
            Assert.That(peer.Finish(xid), Is.EqualTo(RpcWire.UInt(20)));
        Assert.That(peer.Client.ReceiveToEnd(), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
    }
}
