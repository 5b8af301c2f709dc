using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>The limits that keep a server standing, on every model.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class LimitTests(string model)
{

    [Test]
    public void A_client_that_takes_no_replies_counts_as_silent()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "echo", ListenForm.Tcp, [.. counters.Option, "--idle-timeout", "1500ms"]);
        using TestClient greedy = new(server.Address);
        greedy.PumpUntilBlocked(new byte[1 << 20], 64 << 20);
        counters.Await(Counter.IdleTimeouts, 1);
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Without_an_idle_timeout_a_silent_connection_stays()
    {
        using ServerProcess server = Start("--idle-timeout", "0");
        using RpcPeer peer = new(server.Address);
        peer.Null();
        peer.Sleep(200);
        peer.Null();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_record_over_the_limit_closes_and_one_within_it_is_answered()
    {
        using ServerProcess server = Start("--max-record", "4k");
        using RpcPeer peer = new(server.Address);
        Assert.That(peer.Echo(new byte[4000]), Has.Length.EqualTo(4000));
        peer.Begin(RpcWire.Echo, RpcWire.Opaque(new byte[4096]));
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ProtocolErrors), Is.EqualTo(1));
    }

    [Test]
    public void Accepted_and_closed_balance_in_the_end()
    {
        using ServerProcess server = Start();
        for (int i = 0; i < 30; i++)
        {
            using RpcPeer peer = new(server.Address);
            peer.Null();
            if (i % 3 == 0)
                peer.Client.Vanish();
        }

        using RpcPeer last = new(server.Address);
        last.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(31));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(31));
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(31));
    }

    [Test]
    public void More_connections_than_workers_or_children_wait_for_their_turn()
    {
        using ServerProcess server = Start("--workers", "2", "--queue", "1", "--max-children", "2", "--max-threads", "2");
        List<RpcPeer> peers = [.. Enumerable.Range(0, 12).Select(_ => new RpcPeer(server.Address))];
        List<uint> calls = [.. peers.Select(peer => peer.Begin(RpcWire.Add, RpcWire.Hyper(1)))];
        foreach ((RpcPeer peer, uint call) in peers.Zip(calls))
        {
            using (peer)
                Assert.That(peer.Finish(call), Has.Length.EqualTo(8));
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(12));
        if (Cells.PausesWhenBusy(model))
            Assert.That(server.FinalCount(Counter.AcceptPaused), Is.Positive);
    }

    private ServerProcess Start(params string[] options) => ServerProcess.Start(model, "rpc", ListenForm.Tcp, options);
}
