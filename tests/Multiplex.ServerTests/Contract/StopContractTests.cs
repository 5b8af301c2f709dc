using System.Diagnostics;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>How a server ends: no new connections, calls in progress are answered, nothing is left.</summary>
[ModelSource(typeof(StopContractTests), nameof(Fixtures))]
public sealed class StopContractTests(string model, ListenForm form)
{
    private const uint LongSleep = 10_000;
    private const uint LongerThanTheDrain = 10_000;

    // Longer than any test lasts: a connection that is closed earlier was closed for another reason.
    private static readonly string[] s_longDrain = ["--drain", "10m"];

    public static IEnumerable<TestFixtureData> Fixtures =>
        from model in Cells.Served from form in (ListenForm[])[ListenForm.Tcp, ListenForm.UnixPath] select new TestFixtureData(model, form);

    [TestCase(Signum.SIGTERM)]
    [TestCase(Signum.SIGINT)]
    [TestCase(Signum.SIGHUP)]
    public void A_call_in_progress_is_answered_and_no_connection_is_accepted_after(Signum signal)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(700));
        counters.Await(Counter.Calls, 1);
        server.Signal(signal);
        Assert.That(peer.Finish(sleep), Is.EqualTo(RpcWire.UInt(700)));
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(server.WaitForExit(), Is.Zero);
        AssertNothingIsLeft(server);
        Assert.That(server.FinalCount(Counter.CutOff), Is.Zero);
    }

    [Test]
    public void Calls_that_have_arrived_are_all_answered_before_the_end()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);
        byte[] sleep = RpcWire.CallRecord(1, RpcWire.Sleep, RpcWire.UInt(500));
        peer.Client.Send([.. sleep, .. RpcWire.CallRecord(2, RpcWire.Add, RpcWire.Hyper(1)), .. RpcWire.CallRecord(3, RpcWire.Add, RpcWire.Hyper(1))]);
        counters.Await(Counter.Calls, 1);
        server.Signal(Signum.SIGTERM);
        Assert.That(peer.Finish(1), Is.EqualTo(RpcWire.UInt(500)));
        Assert.That((byte[][])[peer.Finish(2), peer.Finish(3)], Is.EquivalentTo((byte[][])[RpcWire.Hyper(1), RpcWire.Hyper(2)]));
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    public void However_much_had_arrived_is_answered_before_the_end()
    {
        const int Most = 3000;
        const int SleepReply = 32;
        const int Saved = 16;   // of ECHO's reply, beside its call
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);

        // So that the kernel has a larger window open, as for any busy client.
        byte[] large = RpcWire.CallRecord(1, RpcWire.Echo, RpcWire.Opaque(new byte[1 << 20]));
        for (int i = 0; i < 3; i++)
            peer.Client.Exchange([.. Enumerable.Repeat(large, 8).SelectMany(one => one)], pieceLength: 256 * 1024, replyLength: 8 * (large.Length - Saved));
        long before = counters[Counter.Calls];
        peer.Client.Send(RpcWire.CallRecord(1, RpcWire.Sleep, RpcWire.UInt(2000)));
        counters.Await(Counter.Calls, before + 1);
        byte[] call = RpcWire.CallRecord(2, RpcWire.Echo, RpcWire.Opaque(new byte[1000]));
        int arrived = peer.Client.SendUntilFull(call, Most) / call.Length;
        Assert.That(arrived, Is.Positive);
        server.Signal(Signum.SIGTERM);
        byte[] replies = peer.Client.ReceiveUntilClosedOrReset();
        Assert.That((replies.Length - SleepReply) / (call.Length - Saved), Is.AtLeast(arrived));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.FinalCount(Counter.CutOff), Is.Zero);
    }

    [Test]
    public void Peers_that_are_gone_are_not_waited_for()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer busy = new(server.Address);
        uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(700));
        counters.Await(Counter.Calls, 1);
        for (int i = 0; i < 6; i++)
        {
            // What is sent to it arrives at a closed socket, and is never acknowledged.
            using RpcPeer leaving = new(server.Address);
            leaving.Begin(RpcWire.Null);
        }

        server.Signal(Signum.SIGTERM);
        busy.Finish(sleep);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.FinalCount(Counter.CutOff), Is.Zero, "cut off is a peer that had to be waited for");
    }

    [Test]
    public void A_listener_is_closed_while_a_call_is_still_in_progress()
    {
        if (Cells.StallsOthers(model))
            Assert.Pass("the thread that accepts is in the call");
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);
        peer.Begin(RpcWire.Sleep, RpcWire.UInt(LongSleep));
        counters.Await(Counter.Calls, 1);
        server.Signal(Signum.SIGTERM);

        // Clients that keep connecting do not delay the stop.
        Parallel.For(0, 4, _ => Eventually.Holds(() => !server.Address.TakesConnections(), "the listener is still open"));
        Assert.That(server.HasExited, Is.False);
    }

    [TestCase(Signum.SIGTERM, Signum.SIGTERM)]
    [TestCase(Signum.SIGINT, Signum.SIGTERM)]
    [TestCase(Signum.SIGTERM, Signum.SIGHUP)]
    public void A_second_signal_ends_it_at_once(Signum first, Signum second)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);
        long begun = Stopwatch.GetTimestamp();
        peer.Begin(RpcWire.Sleep, RpcWire.UInt(LongSleep));
        counters.Await(Counter.Calls, 1);
        server.SignalAndAwaitTaken(first);
        server.Signal(second);
        Assert.That(server.WaitForExit(), Is.Not.Zero);
        Assert.That(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, Is.LessThan(LongSleep), "the call was not waited for");
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        AssertNothingIsLeft(server);
    }

    [Test]
    public void A_client_that_never_reads_does_not_hold_it_up()
    {
        const long Flood = 64 << 20;
        using ServerProcess server = ServerProcess.Start(model, "echo", form, s_longDrain);
        using TestClient greedy = new(server.Address);
        Assert.That(greedy.PumpUntilBlocked(new byte[1 << 20], Flood), Is.LessThan(Flood));
        Assert.That(server.Stop(), Is.Zero);
        AssertNothingIsLeft(server);
    }

    [Test]
    public void A_client_that_never_stops_sending_does_not_hold_it_up()
    {
        using ServerProcess server = ServerProcess.Start(model, "echo", form, s_longDrain);
        using TestClient chatty = new(server.Address);
        byte[] message = new byte[10_000];
        Assert.That(chatty.Exchange(message), Is.EqualTo(message));
        Task chatting = Task.Run(() =>
        {
            while (true)
                chatty.Exchange(message);
        });
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(async () => await chatting, Throws.Exception);
        AssertNothingIsLeft(server);
    }

    [Test]
    public void A_slow_reader_gets_all_replies_before_the_end()
    {
        byte[] argument = RpcWire.Opaque(new byte[1 << 20]);
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, .. s_longDrain]);
        using RpcPeer peer = new(server.Address);
        uint echo = peer.Begin(RpcWire.Echo, argument);
        counters.Await(Counter.Calls, 1);
        server.SignalAndAwaitTaken(Signum.SIGTERM);
        Assert.That(peer.Finish(echo), Has.Length.EqualTo(argument.Length));
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    public void Calls_that_take_longer_than_the_drain_are_cut_off()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--drain", "300ms"]);
        List<RpcPeer> peers = [.. Enumerable.Range(0, 6).Select(_ => new RpcPeer(server.Address))];
        try
        {
            peers.ForEach(peer => peer.Begin(RpcWire.Sleep, RpcWire.UInt(LongerThanTheDrain)));
            counters.Await(Counter.Calls, 1);
            server.Signal(Signum.SIGTERM);
            Assert.That(server.WaitForExit(), Is.Zero);   // a minute of work is pending for one thread; the general deadline is half of that
            Assert.That(peers.Sum(peer => peer.Client.ReceiveUntilClosedOrReset().Length), Is.Zero, "no call was waited for");
            Assert.That(server.FinalCount(Counter.CutOff), Is.Positive);
            AssertNothingIsLeft(server);
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    [Test]
    public void It_can_be_started_again_on_the_same_endpoint_at_once()
    {
        string endpoint;
        using (ServerProcess server = Start())
        {
            endpoint = server.Address.Text;
            using RpcPeer peer = new(server.Address);
            peer.Null();
            Assert.That(server.Stop(), Is.Zero);
        }

        using ServerProcess next = ServerProcess.Start(model, "rpc", [endpoint]);
        using RpcPeer again = new(next.Address);
        again.Null();
        Assert.That(next.Stop(), Is.Zero);
        AssertNothingIsLeft(next);
    }

    [Test]
    public void It_listens_on_several_endpoints_at_once_and_closes_them_all()
    {
        using ServerProcess server = ServerProcess.Start(
            model, "rpc", [ListenForm.Tcp.NewEndpoint(), ListenForm.UnixPath.NewEndpoint(), ListenForm.UnixAbstract.NewEndpoint(), form.NewEndpoint()]);
        Assert.That(server.Addresses, Has.Count.EqualTo(4));
        foreach (ServerAddress address in server.Addresses)
        {
            using RpcPeer peer = new(address);
            peer.Add(1);
        }

        using (RpcPeer last = new(server.Address))
            Assert.That(last.Add(1), Is.EqualTo(5));
        Assert.That(server.Stop(), Is.Zero);
        AssertNothingIsLeft(server);
    }

    [Test]
    [SeveralClients]
    public void Idle_connections_do_not_hold_it_up()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form, s_longDrain);
        List<RpcPeer> peers = [.. Enumerable.Range(0, 20).Select(_ => new RpcPeer(server.Address))];
        try
        {
            peers.ForEach(peer => peer.Null());
            Assert.That(server.Stop(), Is.Zero);
            foreach (RpcPeer peer in peers)
                Assert.That(peer.Client.ReceiveToEnd(), Is.Empty, "an end, not a reset");
            Assert.That(server.FinalCount(Counter.CutOff), Is.Zero);
            AssertNothingIsLeft(server);
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    private ServerProcess Start(params string[] options) => ServerProcess.Start(model, "rpc", form, options);

    internal static void AssertNothingIsLeft(ServerProcess server)
    {
        Eventually.Holds(() => server.Processes().Count == 0, () => $"left: {string.Join(' ', server.Processes())}");
        foreach (ServerAddress address in server.Addresses)
        {
            Eventually.Holds(() => !address.TakesConnections(), () => $"{address.Text} takes connections");   // for a while another test's server may have the port
            if (address.FilePath is { } path)
                Assert.That(File.Exists(path), Is.False, path);
        }
    }
}
