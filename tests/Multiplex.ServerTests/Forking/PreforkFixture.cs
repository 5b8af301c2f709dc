using Multiplex.ServerTests.Harness;

namespace Multiplex.ServerTests.Forking;

/// <summary>What the tests of preforked workers share.</summary>
internal static class PreforkFixture
{
    public static ServerProcess Start(string protocol, int workers, params string[] options) =>
        ServerProcess.Start("prefork", protocol, ListenForm.Tcp, ["--workers", $"{workers}", .. options]);

    /// <summary>The ids of the living workers.</summary>
    public static List<int> Workers(ServerProcess server) =>
        [.. server.Children().Where(child => !child.IsZombie).Select(child => child.Id).Order()];

    /// <summary>Waits until there are as many workers as there should be, none of these among them, and no zombies.</summary>
    public static void AwaitWorkers(ServerProcess server, int count, params int[] without) => Eventually.Holds(
        () => server.Children() is var children && children.Count == count
            && !children.Exists(child => child.IsZombie || without.Contains(child.Id)),
        () => $"not {count} workers: {string.Join(' ', server.Children())}");
}
