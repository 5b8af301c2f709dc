using System.Diagnostics;
using System.Reflection;
using Multiplex.Servers;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>What the tests of the forking model share.</summary>
internal static class ForkFixture
{
    public static ServerProcess Start(string protocol, params string[] options) =>
        ServerProcess.Start("fork", protocol, ListenForm.Tcp, options);

    /// <summary>Whether the compiler optimises: what it does not, calls libc through stubs that each child compiles.</summary>
    public static bool IsOptimisedCode { get; } =
        typeof(ForkModel).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    /// <summary>Skips a test of what children compile in a build without optimisation.</summary>
    public static void RequireOptimisedCode()
    {
        if (!IsOptimisedCode)
            Assert.Ignore("a debug build calls libc through stubs that each child compiles: run the tests with -c Release");
    }

    /// <summary>The id of the child that serves this connection.</summary>
    public static int ChildOf(RpcPeer peer) => (int)peer.Whoami().Process;

    /// <summary>Waits until a process is gone: reaped, not just a zombie.</summary>
    public static void AwaitGone(int id) =>
        Eventually.Holds(() => ProcessTable.Find(id) is null, () => $"{ProcessTable.Find(id)} is still there");

    public static void AwaitNoChildren(ServerProcess server) =>
        Eventually.Holds(() => server.Children().Count == 0, () => $"children remain: {string.Join(' ', server.Children())}");
}
