using System.Net.Sockets;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>The limits that protect a server, on every model.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
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
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--workers", "2", "--queue", "1", "--max-children", "2", "--max-threads", "2"]);
        List<RpcPeer> peers = [.. Enumerable.Range(0, 12).Select(_ => new RpcPeer(server.Address))];
        List<uint> calls = [.. peers.Select(peer => peer.Begin(RpcWire.Add, RpcWire.Hyper(1)))];
        if (Cells.PausesWhenBusy(model))
            Eventually.Holds(() => counters[Counter.AcceptPaused] > 0, "accepting never paused");   // while all twelve are open
        foreach ((RpcPeer peer, uint call) in peers.Zip(calls))
        {
            using (peer)
                Assert.That(peer.Finish(call), Has.Length.EqualTo(8));
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(12));
    }

    [Test]
    [SeveralClients]
    public void A_silent_connection_is_closed_and_counted_and_a_talking_one_is_not()
    {
        TimeSpan idle = TimeSpan.FromSeconds(2);
        (byte[] Silent, byte[] HalfWay, int Status, long Timeouts) found = OwnSilence.Without(idle, own =>
        {
            using SharedCounters counters = new();
            using ServerProcess server = Start([.. counters.Option, "--idle-timeout", $"{idle.TotalSeconds}s", "--request-timeout", "1h"]);
            using TimedPeer talking = new(server.Address, own), silent = new(server.Address, own), halfWay = new(server.Address, own);
            silent.Null();
            halfWay.Null();
            halfWay.Send(RpcWire.CallRecord(9, RpcWire.Null).AsSpan(0, 10));
            Eventually.Holds(
                () =>
                {
                    talking.Null();
                    return counters[Counter.IdleTimeouts] == 2;
                },
                () => $"IdleTimeouts is {counters[Counter.IdleTimeouts]}");
            (byte[], byte[]) received = (silent.Peer.Client.ReceiveUntilClosedOrReset(), halfWay.Peer.Client.ReceiveUntilClosedOrReset());
            talking.Null();
            int status = server.Stop();
            talking.End();
            return (received.Item1, received.Item2, status, server.FinalCount(Counter.IdleTimeouts));
        });
        Assert.That(found.Silent, Is.Empty);
        Assert.That(found.HalfWay, Is.Empty);
        Assert.That(found.Status, Is.Zero);
        Assert.That(found.Timeouts, Is.EqualTo(2));
    }

    [Test]
    [SeveralClients]
    public void A_client_that_was_just_answered_is_not_silent_however_long_others_calls_took()
    {
        TimeSpan idle = TimeSpan.FromSeconds(1);
        using ServerProcess server = Start("--idle-timeout", $"{idle.TotalSeconds}s");
        OwnSilence.Without(idle, own =>
        {
            using TimedPeer first = new(server.Address, own), slow = new(server.Address, own), quick = new(server.Address, own);
            quick.Null();

            // While the first call sleeps, the calls of the two others arrive, the slow one before the quick one.
            uint asleep = first.Begin(RpcWire.Sleep, RpcWire.UInt(300));
            uint longer = slow.Begin(RpcWire.Sleep, RpcWire.UInt(2500));
            uint short_ = quick.Begin(RpcWire.Null);
            Eventually.Holds(
                () =>
                {
                    _ = slow.HasReply;   // on a loop, it is answered first
                    return quick.HasReply;
                },
                "the quick call is not answered");
            quick.Peer.Finish(short_);
            quick.Null();
            first.Peer.Finish(asleep);
            Eventually.Holds(() => slow.HasReply, "the slow call is not answered");
            slow.Peer.Finish(longer);
            slow.Null();
            return true;
        });
    }

    [Test]
    [SeveralClients]
    public void More_connections_than_the_limit_are_closed_and_counted()
    {
        const int Most = 3, Clients = 12;
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--max-connections", $"{Most}", "--workers", "8"]);
        RpcPeer[] peers = [.. Enumerable.Range(0, Clients).Select(_ => new RpcPeer(server.Address))];
        Eventually.Holds(
            () => counters[Counter.Accepted] + counters[Counter.Refused] == Clients,
            () => $"Accepted={counters[Counter.Accepted]} Refused={counters[Counter.Refused]}");
        Assert.That(counters[Counter.Accepted], Is.EqualTo(Most));
        Assert.That(peers.Count(peer => IsServed(peer)), Is.EqualTo(Most));

        // Another client is accepted once one of them has disconnected.
        Array.ForEach(peers, peer => peer.Dispose());
        counters.Await(Counter.Closed, Most);
        using (RpcPeer after = new(server.Address))
            after.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Refused), Is.EqualTo(Clients - Most));
    }

    [Test]
    [SeveralClients]
    public void Without_descriptors_it_refuses_and_counts_and_goes_on_when_there_are_some()
    {
        using SharedCounters counters = new();
        using ServerProcess server = StartWithFewDescriptors(counters);
        List<RpcPeer> peers = TakeThemAll(server, counters);
        peers[0].Null();
        peers.ForEach(peer => peer.Dispose());
        counters.Await(Counter.Closed, counters[Counter.Accepted]);
        using RpcPeer after = new(server.Address);
        after.Null();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    [SeveralClients]
    public void A_stop_without_descriptors_ends_it_in_order()
    {
        using SharedCounters counters = new();
        using ServerProcess server = StartWithFewDescriptors(counters);
        List<RpcPeer> peers = TakeThemAll(server, counters);
        Assert.That(server.Stop(), Is.Zero);
        peers.ForEach(peer => peer.Dispose());
    }

    // A refused client finds its connection closed, or reset after it has sent something.
    private static bool IsServed(RpcPeer peer)
    {
        try
        {
            peer.Null();
            return true;
        }
        catch (Exception e) when (e is EndOfStreamException or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
        {
            return false;
        }
    }

    private ServerProcess StartWithFewDescriptors(SharedCounters counters)
    {
        string[] arguments =
        [
            "-c", "ulimit -n 220; exec \"$0\" \"$@\"", ServerProcess.Command,
            .. ServerProcess.ServeArguments(model, "rpc", ListenForm.Tcp.NewEndpoint()), "--workers", "300", .. counters.Option,
        ];
        return ServerProcess.StartProgram(Tools.Require("sh"), arguments);
    }

    // More clients than the server may have descriptors. The first is answered before the others connect. Which of the others are refused depends on the order of accepts.
    private List<RpcPeer> TakeThemAll(ServerProcess server, SharedCounters counters)
    {
        List<RpcPeer> peers = [new(server.Address)];
        peers[0].Null();
        while (peers.Count < 300)
            peers.Add(new(server.Address));
        if (!Cells.Forks(model))
            counters.Await(Counter.Refused, 1);   // a parent that forks closes its descriptor of the connection
        Eventually.Holds(
            () => counters[Counter.Accepted] + counters[Counter.Refused] == peers.Count,
            () => $"Accepted={counters[Counter.Accepted]} Refused={counters[Counter.Refused]}");
        return peers;
    }

    private ServerProcess Start(params string[] options) => ServerProcess.Start(model, "rpc", ListenForm.Tcp, options);
}
