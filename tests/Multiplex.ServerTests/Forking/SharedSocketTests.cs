using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>Workers that receive datagrams on one socket: one worker gets each datagram, and the others go on.</summary>
public sealed class SharedSocketTests
{
    private static readonly string[][] s_sets = [["Udp"], ["UnixGram"], ["Udp", "UnixGram"], ["Tcp", "Udp"]];

    [TestCaseSource(nameof(s_sets))]
    public void A_call_that_takes_long_holds_up_one_worker_alone(params string[] forms)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(forms, workers: 3, counters.Option);
        using RpcPeer slow = new(server.Addresses[^1]), quick = new(server.Addresses[^1]);
        uint[] sleeps = [.. Enumerable.Range(0, 2).Select(_ => slow.Begin(RpcWire.Sleep, RpcWire.UInt(5000)))];
        counters.Await(Counter.Calls, 2);
        HashSet<uint> processes = [.. Enumerable.Range(0, 20).Select(_ => quick.Whoami().Process)];
        Assert.That(counters[Counter.Calls], Is.EqualTo(22), "all were answered");
        Assert.That(processes, Has.Count.EqualTo(1), "the only worker that is free");
        foreach (uint sleep in sleeps)
            slow.Finish(sleep);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Datagrams), Is.EqualTo(22));
    }

    [TestCaseSource(nameof(s_sets))]
    public void A_worker_allocates_as_much_for_a_hundred_datagrams_as_for_one(params string[] forms) =>
        Assert.That(AllocatedByDatagrams(forms, rounds: 100), Is.EqualTo(AllocatedByDatagrams(forms, rounds: 1)));

    // One worker answers every procedure so often, on each datagram socket.
    private static long AllocatedByDatagrams(string[] forms, int rounds)
    {
        using ServerProcess server = Start(forms, workers: 1);
        foreach (ServerAddress address in server.Addresses.Where(address => address.Kind.IsDatagram()))
        {
            using RpcPeer peer = new(address);
            for (int i = 0; i < rounds; i++)
            {
                peer.Null();
                peer.Echo([1, 2, 3]);
                peer.Sleep(1);
                peer.Burn(1);
                peer.Add(1);
                peer.Whoami();
            }
        }

        Assert.That(server.Stop(), Is.Zero);
        return server.FinalCount(Counter.ChildAllocatedBytes);
    }

    [Test]
    public void A_worker_that_is_killed_in_a_call_is_replaced_and_the_next_one_takes_what_waits()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(["Udp"], workers: 1, counters.Option);
        using RpcPeer peer = new(server.Address);
        int worker = ForkFixture.ChildOf(peer);
        peer.Begin(RpcWire.Sleep, RpcWire.UInt(10_000));
        counters.Await(Counter.Calls, 2);
        uint waiting = peer.Begin(RpcWire.Add, RpcWire.Hyper(3));
        ServerProcess.Signal(worker, Signum.SIGKILL);
        Assert.That(peer.Finish(waiting), Is.EqualTo(RpcWire.Hyper(3)));
        Assert.That(ForkFixture.ChildOf(peer), Is.Not.EqualTo(worker));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.EqualTo(1));
        Assert.That(server.FinalCount(Counter.Closed), Is.Zero);
    }

    [Test]
    public void SIGTERM_to_every_process_at_once_still_answers_what_has_arrived()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(["Tcp", "Udp"], workers: 1, counters.Option);
        using RpcPeer peer = new(server.Addresses[1]);
        uint sleep = peer.Begin(RpcWire.Sleep, RpcWire.UInt(500));
        counters.Await(Counter.Calls, 1);
        uint add = peer.Begin(RpcWire.Add, RpcWire.Hyper(3));
        server.SignalAll(Signum.SIGTERM);
        Assert.That(peer.Finish(sleep), Is.EqualTo(RpcWire.UInt(500)));
        Assert.That(peer.Finish(add), Is.EqualTo(RpcWire.Hyper(3)));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
    }

    private static ServerProcess Start(string[] forms, int workers, params string[] options) => ServerProcess.Start(
        "prefork", "rpc", [.. forms.Select(form => Enum.Parse<ListenForm>(form).NewEndpoint())], ["--workers", $"{workers}", .. options]);
}
