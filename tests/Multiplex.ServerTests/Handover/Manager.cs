using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;

namespace Multiplex.ServerTests.Handover;

/// <summary>manager.py in this folder: it passes sockets to a server, and starts the server anew when it has ended.</summary>
internal static class Manager
{
    /// <summary>Starts it, and waits until the first server listens.</summary>
    /// <param name="runs">How many servers it starts, one after the other.</param>
    /// <param name="sockets">What it passes: NAME=ENDPOINT, or an endpoint without a name.</param>
    /// <param name="endpoints">At how many endpoints each server listens.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">Options of the server.</param>
    public static ServerProcess Start(int runs, string[] sockets, int endpoints, string model, params string[] options)
    {
        ServerProcess manager = Launch(runs, sockets, model, options);
        manager.AwaitListening(endpoints, Eventually.Deadline);
        return manager;
    }

    /// <summary>Starts it.</summary>
    public static ServerProcess Launch(int runs, string[] sockets, string model, params string[] options) => ServerProcess.LaunchProgram(
        Tools.Require("python3"),
        [Path.Combine(AppContext.BaseDirectory, "Handover", "manager.py"), $"{runs}", .. sockets, "--", ServerProcess.Command, .. ServerProcess.ServeArguments(model, "rpc"), .. options]);

    /// <summary>The process of the server of a run, from 1 on; 0 as long as it does not listen.</summary>
    public static int ProcessOf(ServerProcess manager, int run)
    {
        int[] servers = [.. manager.Output.Where(line => line.StartsWith("listening ", StringComparison.Ordinal)).Select(line => int.Parse(line[(line.LastIndexOf('=') + 1)..])).Distinct()];
        return servers.Length >= run ? servers[run - 1] : 0;
    }

    /// <summary>Sends SIGTERM to the server of a run.</summary>
    public static void StopServer(ServerProcess manager, int run) => ServerProcess.Signal(ProcessOf(manager, run), Signum.SIGTERM);
}
