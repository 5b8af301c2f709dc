using Multiplex.ServerTests.Harness;

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

    /// <summary>Waits until there are so many children, and none of them a zombie.</summary>
    public static void AwaitChildren(ServerProcess server, int count) => Eventually.Holds(
        () => server.Children() is var children && children.Count == count && !children.Exists(child => child.IsZombie),
        () => $"not {count} children: {string.Join(' ', server.Children())}");
}
