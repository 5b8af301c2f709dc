using System.Diagnostics;
using System.Net.Sockets;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>Preforked workers: when one dies, only the connection of its own client ends, and the worker is replaced.</summary>
public sealed class DyingWorkerTests
{
    [Test]
    public void Each_worker_killed_in_turn_under_load_fails_only_its_own_calls_and_the_service_never_stops()
    {
        const int Workers = 8, Clients = 4;
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("rpc", Workers, counters.Option);
        List<int> first = PreforkFixture.Workers(server);
        Assert.That(first, Has.Count.EqualTo(Workers));
        long answered = 0, failed = 0;
        using CancellationTokenSource done = new();
        Task[] load = [.. Enumerable.Range(0, Clients).Select(_ => Task.Factory.StartNew(
            () => CallUntil(server.Address, done.Token, ref answered, ref failed), TaskCreationOptions.LongRunning))];
        foreach (int worker in first)
        {
            ServerProcess.Signal(worker, Signum.SIGKILL);
            PreforkFixture.AwaitWorkers(server, Workers, without: worker);
            long before = Interlocked.Read(ref answered);
            Eventually.Holds(() => Interlocked.Read(ref answered) > before + 100, "calls are no longer answered");
        }

        done.Cancel();
        Task.WaitAll(load);
        Assert.That(failed, Is.LessThanOrEqualTo(Workers), "connections that failed: at most the one of each that was killed");
        Assert.That(PreforkFixture.Workers(server).Intersect(first), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(2 * Workers));
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.EqualTo(Workers));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(server.FinalCount(Counter.Accepted)));
    }

    [Test]
    public void A_worker_killed_in_the_middle_of_a_call_is_replaced_and_its_connection_counts_as_closed()
    {
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("rpc", 2, counters.Option);
        using RpcPeer victim = new(server.Address), other = new(server.Address);
        int worker = ForkFixture.ChildOf(victim), survivor = ForkFixture.ChildOf(other);
        victim.Begin(RpcWire.Sleep, RpcWire.UInt(10_000));
        counters.Await(Counter.Calls, 3);
        ServerProcess.Signal(worker, Signum.SIGKILL);
        Assert.That(victim.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        PreforkFixture.AwaitWorkers(server, 2, without: worker);
        counters.Await(Counter.Closed, 1);
        Assert.That(ForkFixture.ChildOf(other), Is.EqualTo(survivor));
        using RpcPeer next = new(server.Address);
        Assert.That(ForkFixture.ChildOf(next), Is.Not.EqualTo(worker).And.Not.EqualTo(survivor));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(3));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(3));
    }

    [Test]
    public void A_worker_that_dies_at_once_is_replaced_later_and_later() =>
        Eventually.Holds(WorkersDieAtOnce, "each time a worker lived for too long");

    // Whether they did. On a busy machine one may live for so long that its successor is made at once: that shows nothing.
    private static bool WorkersDieAtOnce()
    {
        const int Deaths = 7, FirstDelay = 10;
        TimeSpan soon = TimeSpan.FromMilliseconds(900);
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("echo", 1, counters.Option);
        long start = Stopwatch.GetTimestamp();
        for (int death = 1; death <= Deaths; death++)
        {
            int worker = 0;
            Eventually.Holds(() => (worker = PreforkFixture.Workers(server).FirstOrDefault()) != 0, "the worker is not replaced");
            using Process process = Process.GetProcessById(worker);
            DateTime made = process.StartTime;
            ServerProcess.Signal(worker, Signum.SIGKILL);
            ForkFixture.AwaitGone(worker);
            if (DateTime.Now - made > soon)
                return false;
        }

        // 10, 20, 40 … milliseconds before each replacement, or longer on a slow machine.
        PreforkFixture.AwaitWorkers(server, 1);
        Assert.That(Stopwatch.GetElapsedTime(start).TotalMilliseconds, Is.AtLeast(FirstDelay * ((1 << Deaths) - 1)));
        Assert.That(counters[Counter.ChildrenMade], Is.EqualTo(Deaths + 1));
        using (TestClient client = new(server.Address))
            Assert.That(client.Exchange([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        Assert.That(server.Stop(), Is.Zero);
        return true;
    }

    [Test]
    public void SIGTERM_to_an_idle_worker_ends_it_at_once_and_it_is_replaced()
    {
        using ServerProcess server = PreforkFixture.Start("rpc", 2);
        foreach (int worker in PreforkFixture.Workers(server))
        {
            // Once for each worker that waits in accept(2), and once for the worker that waits for a request.
            using RpcPeer peer = new(server.Address);
            peer.Null();
            ServerProcess.Signal(worker, Signum.SIGTERM);
            PreforkFixture.AwaitWorkers(server, 2, without: worker);
        }

        using RpcPeer last = new(server.Address);
        last.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(4));
    }

    [Test]
    public void SIGTERM_to_a_busy_worker_ends_it_after_the_call()
    {
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("rpc", 2, counters.Option);
        using RpcPeer peer = new(server.Address);
        int worker = ForkFixture.ChildOf(peer);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(500));
        counters.Await(Counter.Calls, 2);
        ServerProcess.Signal(worker, Signum.SIGTERM);
        Assert.That(peer.Finish(sleep), Is.EqualTo(RpcWire.UInt(500)));
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        PreforkFixture.AwaitWorkers(server, 2, without: worker);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
    }

    [Test]
    public void A_parent_that_is_killed_leaves_no_worker()
    {
        using ServerProcess server = PreforkFixture.Start("rpc", 4);
        using RpcPeer peer = new(server.Address);
        peer.Null();
        Assert.That(server.Processes(), Has.Count.EqualTo(5));
        server.Signal(Signum.SIGKILL);
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Eventually.Holds(() => server.Processes().Count == 0, () => $"left: {string.Join(' ', server.Processes())}");
        server.WaitForExit();
    }

    // Calls on one connection, and on a new one when that fails.
    private static void CallUntil(ServerAddress server, CancellationToken done, ref long answered, ref long failed)
    {
        while (!done.IsCancellationRequested)
        {
            try
            {
                using RpcPeer peer = new(server);
                for (int i = 0; i < 500 && !done.IsCancellationRequested; i++)
                {
                    peer.Null();
                    Interlocked.Increment(ref answered);
                }
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException)
            {
                Interlocked.Increment(ref failed);
            }
        }
    }
}
