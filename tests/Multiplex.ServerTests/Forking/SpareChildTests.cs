using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>Children that are forked ahead and serve one connection each: fork --spare.</summary>
public sealed class SpareChildTests
{
    [TestCase(1)]
    [TestCase(5)]
    public void So_many_wait_before_the_first_client_and_none_is_left_after_the_stop(int spares)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(spares, counters.Option);
        Assert.That(server.Children(), Has.Count.EqualTo(spares));
        Assert.That(counters[Counter.SpareChildren], Is.EqualTo(spares));
        Assert.That(counters[Counter.Accepted], Is.Zero);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(spares));
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
        Assert.That(server.FinalCount(Counter.SpareChildren), Is.Zero);
    }

    [Test]
    public void A_client_is_served_by_one_that_waited_and_another_takes_its_place()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(2, counters.Option);
        List<int> waiting = Ids(server);
        using RpcPeer peer = new(server.Address);
        int child = ForkFixture.ChildOf(peer);
        Assert.That(waiting, Does.Contain(child));
        ForkFixture.AwaitChildren(server, 3);
        counters.Await(Counter.SpareChildren, 2);
        using (RpcPeer next = new(server.Address))
            Assert.That(ForkFixture.ChildOf(next), Is.Not.EqualTo(child), "it serves one connection");
        Assert.That(ForkFixture.ChildOf(peer), Is.EqualTo(child));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(2));
    }

    [Test]
    public void Each_kind_of_endpoint_is_served_by_the_same_spares()
    {
        using ServerProcess server = ServerProcess.Start(
            "fork", "rpc", [.. Cells.FormsOf("fork").Select(form => form.NewEndpoint())], "--spare", "1");
        for (int i = 0; i < 3; i++)
        {
            foreach (ServerAddress address in server.Addresses)
            {
                using RpcPeer peer = new(address);
                int child = ForkFixture.ChildOf(peer);
                Assert.That(Ids(server), Does.Contain(child));
            }
        }

        ForkFixture.AwaitChildren(server, 1);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(3 * server.Addresses.Count));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(3 * server.Addresses.Count));
    }

    [Test]
    public void A_crowd_uses_them_up_and_all_of_it_is_served()
    {
        const int Crowd = 40;
        using ServerProcess server = Start(1);
        List<RpcPeer> peers = [.. Enumerable.Range(0, Crowd).Select(_ => new RpcPeer(server.Address))];
        peers.ForEach(peer => peer.Null());
        Assert.That(peers.ConvertAll(ForkFixture.ChildOf), Is.Unique);
        peers.ForEach(peer => peer.Dispose());
        ForkFixture.AwaitChildren(server, 1);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(Crowd + 1));
        Assert.That(server.FinalCount(Counter.SparesUsedUp), Is.Positive);
    }

    [Test]
    public void The_limit_on_children_holds_with_them()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(2, [.. counters.Option, "--max-children", "3"]);
        using RpcPeer last = ForkFixture.AssertThreeChildrenAreTheMost(server, counters);
        ForkFixture.AwaitChildren(server, 3);   // one serves, two wait
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(4));
    }

    [TestCase(Signum.SIGKILL, 1)]
    [TestCase(Signum.SIGTERM, 0)]
    public void One_that_ends_while_it_waits_is_replaced(Signum signal, int lost)
    {
        using ServerProcess server = Start(2);
        foreach (int spare in Ids(server))
        {
            ServerProcess.Signal(spare, signal);
            ForkFixture.AwaitGone(spare);
            ForkFixture.AwaitChildren(server, 2);
        }

        using RpcPeer peer = new(server.Address);
        peer.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.EqualTo(2 * lost));
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(1));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(1));
    }

    [Test]
    public void One_that_is_killed_while_it_serves_ends_its_own_connection()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(1, counters.Option);
        using RpcPeer victim = new(server.Address), other = new(server.Address);
        int child = ForkFixture.ChildOf(victim), survivor = ForkFixture.ChildOf(other);
        ServerProcess.Signal(child, Signum.SIGKILL);
        Assert.That(victim.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        counters.Await(Counter.Closed, 1);
        ForkFixture.AwaitGone(child);
        Assert.That(ForkFixture.ChildOf(other), Is.EqualTo(survivor));
        ForkFixture.AwaitChildren(server, 2);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.EqualTo(1));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(2));
    }

    [Test]
    public void A_parent_that_is_killed_leaves_none()
    {
        using ServerProcess server = Start(3);
        using RpcPeer peer = new(server.Address);
        peer.Null();
        server.Signal(Signum.SIGKILL);
        Assert.That(peer.Client.ReceiveUntilClosedOrReset(), Is.Empty);
        Eventually.Holds(() => server.Processes().Count == 0, () => $"left: {string.Join(' ', server.Processes())}");
        server.WaitForExit();
    }

    private static ServerProcess Start(int spares, params string[] options) => ForkFixture.Start("rpc", ["--spare", $"{spares}", .. options]);

    private static List<int> Ids(ServerProcess server) => server.Children().ConvertAll(child => child.Id);
}
