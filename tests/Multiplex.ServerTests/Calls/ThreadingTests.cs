using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Calls;

/// <summary>How the models with several threads differ: which thread runs a call, and which calls it delays.</summary>
public sealed class ThreadingTests
{
    [TestCase("reactors", ListenForm.Tcp)]
    [TestCase("reactors", ListenForm.Udp)]
    [TestCase("uring", ListenForm.Tcp)]
    public void Reactors_share_the_clients_of_one_address_between_them(string model, ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, "--reactors", "3");
        HashSet<uint> threads = [];
        List<RpcPeer> peers = [];
        try
        {
            // The kernel chooses a reactor by a hash of both addresses: with enough clients each reactor gets some.
            while (threads.Count < 3 && peers.Count < 500)
            {
                peers.Add(new(server.Address));
                threads.Add(peers[^1].Whoami().Thread);
            }

            Assert.That(threads, Has.Count.EqualTo(3));
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }

        Assert.That(server.Stop(), Is.Zero);
    }

    [TestCase("reactors", ListenForm.Tcp)]
    [TestCase("reactors", ListenForm.Udp)]
    [TestCase("reactors", ListenForm.UnixPath)]
    [TestCase("reactors", ListenForm.UnixGram)]
    [TestCase("uring", ListenForm.Tcp)]
    [TestCase("uring", ListenForm.UnixPath)]
    public void Reactors_take_no_address_that_another_server_has(string model, ListenForm form)
    {
        using ServerProcess first = ServerProcess.Start(model, "rpc", form);
        ProgramRun second = ProgramRun.Multiplex("serve", "--model", model, "--listen", first.Address.Text);
        Assert.That(second.Status, Is.EqualTo(1));
        Assert.That(second.Errors, Has.Length.EqualTo(1));
        Assert.That(second.Errors[0], Does.Contain("EADDRINUSE"));
        using (RpcPeer peer = new(first.Address))
            peer.Null();
        Assert.That(first.Stop(), Is.Zero);
    }

    [TestCase("reactors")]
    [TestCase("uring")]
    public void One_reactor_of_several_that_is_busy_does_not_hold_up_the_others(string model)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, [.. counters.Option, "--reactors", "2"]);
        using RpcPeer busy = new(server.Address);
        uint held = busy.Whoami().Thread;
        using RpcPeer other = OnAnotherThread(server, held);
        long before = counters[Counter.Calls];
        uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(2000));
        counters.Await(Counter.Calls, before + 1);
        ulong served = other.Whoami().Served;
        Assert.That(other.Whoami().Served, Is.EqualTo(served + 1), "nothing else is served while that one sleeps");
        Assert.That(busy.Finish(sleep), Is.EqualTo(RpcWire.UInt(2000)));
        Assert.That(server.Stop(), Is.Zero);
    }

    [TestCase(ListenForm.Tcp)]
    [TestCase(ListenForm.UnixPacket)]
    [TestCase(ListenForm.Udp)]
    [TestCase(ListenForm.UnixGram)]
    public void A_call_that_takes_long_in_hybrid_holds_up_not_even_its_own_connection_where_replies_may_leave_in_any_order(ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start("hybrid", "rpc", form, "--reply-order", "any");
        using RpcPeer peer = new(server.Address);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(5000));
        for (int i = 0; i < 20; i++)
            peer.Null();
        Assert.That(peer.Arrived, Does.Not.Contain(sleep));
        Assert.That(peer.Finish(sleep), Is.EqualTo(RpcWire.UInt(5000)));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Calls_of_one_connection_run_at_the_same_time_in_hybrid_also_where_their_replies_leave_in_order()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("hybrid", "rpc", ListenForm.Tcp, counters.Option);
        using RpcPeer peer = new(server.Address);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(5000));
        counters.Await(Counter.Calls, 1);
        uint add = peer.Begin(RpcWire.Add, RpcWire.Hyper(1));
        counters.Await(Counter.Sum, 1);
        Assert.That(peer.Client.Socket.Available, Is.Zero, "the first call is not done");
        peer.Finish(add);
        Assert.That(peer.Arrived, Is.EqualTo((uint[])[sleep, add]));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Hybrid_stops_reading_from_a_connection_with_enough_calls_in_progress()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("hybrid", "rpc", ListenForm.Tcp, [.. counters.Option, "--max-calls", "2"]);
        using RpcPeer peer = new(server.Address);
        byte[][] sleeps = [RpcWire.UInt(5000), RpcWire.UInt(5000), .. Enumerable.Repeat(RpcWire.UInt(0), 8)];
        uint[] calls = [.. sleeps.Select(sleep => peer.Begin(RpcWire.Sleep, sleep))];
        counters.Await(Counter.Calls, 2);

        // Other threads are free meanwhile: they answer another client, and would answer the calls that take no time.
        using (RpcPeer other = new(server.Address))
        {
            for (int i = 0; i < 20; i++)
                other.Null();
        }

        Assert.That(counters[Counter.Calls], Is.EqualTo(2 + 20));
        foreach ((uint call, byte[] sleep) in calls.Zip(sleeps))
            Assert.That(peer.Finish(call), Is.EqualTo(sleep));
        Assert.That(server.Stop(), Is.Zero);
    }

    private static RpcPeer OnAnotherThread(ServerProcess server, uint than)
    {
        for (int i = 0; i < 500; i++)
        {
            RpcPeer peer = new(server.Address);
            if (peer.Whoami().Thread != than)
                return peer;
            peer.Dispose();
        }

        throw new AssertionException("the kernel gave every connection to one reactor");
    }
}
