using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>What the tests of the forking model share.</summary>
internal static class ForkFixture
{
    public static ServerProcess Start(string protocol, params string[] options) =>
        ServerProcess.Start("fork", protocol, ListenForm.Tcp, options);

    /// <summary>The id of the child that serves this connection.</summary>
    public static int ChildOf(RpcPeer peer) => (int)peer.Whoami().Process;

    /// <summary>Waits until a process is gone: reaped, not just a zombie.</summary>
    public static void AwaitGone(int id) =>
        Eventually.Holds(() => ProcessTable.Find(id) is null, () => $"{ProcessTable.Find(id)} is still there");

    public static void AwaitNoChildren(ServerProcess server) => AwaitChildren(server, 0);

    /// <summary>Of a server with <c>--max-children 3</c>: a fourth client waits until a child has ended, and is served then.</summary>
    /// <returns>The fourth client, still connected.</returns>
    public static RpcPeer AssertThreeChildrenAreTheMost(ServerProcess server, SharedCounters counters)
    {
        List<RpcPeer> peers = [.. Enumerable.Range(0, 3).Select(_ => new RpcPeer(server.Address))];
        peers.ForEach(peer => peer.Null());
        RpcPeer waiting = new(server.Address);
        uint call = waiting.Begin(RpcWire.Add, RpcWire.Hyper(1));
        counters.Await(Counter.AcceptPaused, 1);
        Assert.That(server.Children(), Has.Count.EqualTo(3));
        Assert.That(counters[Counter.Sum], Is.Zero);
        peers.ForEach(peer => peer.Dispose());
        Assert.That(waiting.Finish(call), Is.EqualTo(RpcWire.Hyper(1)));
        return waiting;
    }

    /// <summary>Waits until there are so many children, and none of them a zombie.</summary>
    public static void AwaitChildren(ServerProcess server, int count) => Eventually.Holds(
        () => server.Children() is var children && children.Count == count && !children.Exists(child => child.IsZombie),
        () => $"not {count} children: {string.Join(' ', server.Children())}");
}
