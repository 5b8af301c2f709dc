using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>A process for each connection: what happens to one child affects only its own client.</summary>
public sealed class DyingChildTests
{
    [TestCase(Signum.SIGKILL)]
    [TestCase(Signum.SIGQUIT)]
    public void A_child_that_is_killed_ends_its_own_connection_and_is_counted(Signum signal)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ForkFixture.Start("rpc", counters.Option);
        using RpcPeer victim = new(server.Address), other = new(server.Address);
        int child = ForkFixture.ChildOf(victim), survivor = ForkFixture.ChildOf(other);
        ServerProcess.Signal(child, signal);
        Assert.That(victim.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        counters.Await(Counter.ChildrenLost, 1);
        ForkFixture.AwaitGone(child);
        Assert.That(ForkFixture.ChildOf(other), Is.EqualTo(survivor));
        using RpcPeer next = new(server.Address);
        next.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.EqualTo(1));
    }

    [Test]
    public void A_child_killed_in_the_middle_of_a_call_ends_its_own_connection()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ForkFixture.Start("rpc", counters.Option);
        using RpcPeer victim = new(server.Address), other = new(server.Address);
        int child = ForkFixture.ChildOf(victim);
        other.Null();
        victim.Begin(RpcWire.Sleep, RpcWire.UInt(10_000));
        counters.Await(Counter.Calls, 3);
        ServerProcess.Signal(child, Signum.SIGKILL);
        Assert.That(victim.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        other.Null();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void SIGTERM_to_one_idle_child_ends_that_child_alone()
    {
        using ServerProcess server = ForkFixture.Start("rpc");
        using RpcPeer victim = new(server.Address), other = new(server.Address);
        int child = ForkFixture.ChildOf(victim), survivor = ForkFixture.ChildOf(other);
        ServerProcess.Signal(child, Signum.SIGTERM);
        Assert.That(victim.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        ForkFixture.AwaitGone(child);
        Assert.That(ForkFixture.ChildOf(other), Is.EqualTo(survivor));
        using RpcPeer next = new(server.Address);
        next.Null();
        Assert.That(server.HasExited, Is.False);
        Assert.That(server.Stop(), Is.Zero);
    }

    [TestCase(Signum.SIGTERM)]   // as systemd stops a service
    [TestCase(Signum.SIGINT)]    // as a terminal does for Ctrl-C: to the whole foreground group
    public void A_stop_signal_to_every_process_at_once_still_answers_the_call_in_progress(Signum signal)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ForkFixture.Start("rpc", counters.Option);
        using RpcPeer busy = new(server.Address), idle = new(server.Address);
        idle.Null();
        uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(700));
        counters.Await(Counter.Calls, 2);
        server.SignalAll(signal);
        Assert.That(busy.Finish(sleep), Is.EqualTo(RpcWire.UInt(700)));
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    public void A_parent_that_is_killed_leaves_no_child()
    {
        using ServerProcess server = ForkFixture.Start("rpc");
        using RpcPeer one = new(server.Address), other = new(server.Address);
        one.Null();
        other.Null();
        Assert.That(server.Processes(), Has.Count.EqualTo(3));
        server.Signal(Signum.SIGKILL);
        Assert.That(one.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Assert.That(other.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Eventually.Holds(() => server.Processes().Count == 0, () => $"left: {string.Join(' ', server.Processes())}");
        server.WaitForExit();
    }

    [Test]
    public void A_child_that_is_stopped_and_continued_goes_on()
    {
        using ServerProcess server = ForkFixture.Start("rpc");
        using RpcPeer peer = new(server.Address);
        int child = ForkFixture.ChildOf(peer);
        ServerProcess.Signal(child, Signum.SIGSTOP);
        Eventually.Holds(() => ProcessTable.Find(child)!.State == 'T', "the child is not stopped");
        uint call = peer.Begin(RpcWire.Null);
        ServerProcess.Signal(child, Signum.SIGCONT);
        peer.Finish(call);
        ServerProcess.Signal(child, Signum.SIGSTOP);
        Eventually.Holds(() => ProcessTable.Find(child)!.State == 'T', "the child is not stopped");
        ServerProcess.Signal(child, Signum.SIGCONT);
        Eventually.Holds(() => ProcessTable.Find(child)!.State != 'T', "the child is still stopped");
        peer.Null();
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Children_that_end_do_not_stay_zombies()
    {
        using ServerProcess server = ForkFixture.Start("rpc");
        using RpcPeer staying = new(server.Address);
        staying.Null();
        for (int i = 0; i < 50; i++)
        {
            using RpcPeer peer = new(server.Address);
            peer.Null();
        }

        Eventually.Holds(
            () => server.Children() is [{ IsZombie: false }], () => $"children: {string.Join(' ', server.Children())}");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(51));
    }

    [Test]
    public void What_a_child_that_has_ended_used_is_counted()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ForkFixture.Start("rpc", counters.Option);
        using (RpcPeer peer = new(server.Address))
        {
            peer.Null();
            Assert.That(counters[Counter.ChildPageFaults], Is.Zero);
        }

        counters.Await(Counter.Closed, 1);
        Assert.That(counters[Counter.ChildPageFaults], Is.Positive);
        Assert.That(counters[Counter.ReapedCpuNanoseconds], Is.Positive);
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Children_are_limited_and_a_client_that_waits_is_served_later()
    {
        using SharedCounters counters = new();
        using ServerProcess server = ForkFixture.Start("rpc", [.. counters.Option, "--max-children", "3"]);
        using RpcPeer last = ForkFixture.AssertThreeChildrenAreTheMost(server, counters);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(4));
    }

    [Test]
    public void A_child_holds_its_connection_and_no_listener()
    {
        using ServerProcess server = ForkFixture.Start("rpc");
        using RpcPeer first = new(server.Address), second = new(server.Address);
        int one = ForkFixture.ChildOf(first), other = ForkFixture.ChildOf(second);
        Eventually.Holds(() => Sockets(server.Id).Count == 1, "the parent keeps more than its listener");
        Assert.That(Sockets(one), Has.Count.EqualTo(1));
        Assert.That(Sockets(other), Has.Count.EqualTo(1));
        Assert.That(Sockets(one).Concat(Sockets(other)).Concat(Sockets(server.Id)), Is.Unique);
        Assert.That(server.Stop(), Is.Zero);
    }

    private static List<string> Sockets(int process) =>
    [
        .. Directory.EnumerateFiles($"/proc/{process}/fd")
            .Select(path => new FileInfo(path).LinkTarget ?? "")
            .Where(target => target.StartsWith("socket:", StringComparison.Ordinal)),
    ];
}
