using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Multiplex.Load.Processes;

namespace Multiplex.Benchmarks.Servers;

/// <summary>The servers that benchmarks call, on ports that the kernel chooses. They end with the benchmarks, also when those are interrupted.</summary>
internal static class BenchmarkServers
{
    // Names the command to measure, in place of the one that was built with the benchmarks.
    private const string CommandVariable = "MULTIPLEX_COMMAND";

    // An interrupted run disposes of nothing, and would leave the servers running.
    private static readonly ConcurrentBag<ServerProcess> s_started = [];

    // An executable looks for the runtime in the usual place. It may be elsewhere, so DOTNET_ROOT names that of this process.
    private static readonly Dictionary<string, string> s_environment = new()
    {
        ["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT")
            ?? Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../..")),
    };

    static BenchmarkServers()
    {
        PosixSignal[] interruptions = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        PosixSignalRegistration[] registered =
            [.. interruptions.Select(signal => PosixSignalRegistration.Create(signal, static _ => KillAll()))];
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            KillAll();
            GC.KeepAlive(registered);   // a registration receives no signals after the garbage collector has removed it
        };
    }

    /// <summary>A real <c>multiplex serve</c> of this model.</summary>
    public static ServerProcess OfModel(string model, string protocol = "echo") => Start(
        Environment.GetEnvironmentVariable(CommandVariable) is { Length: > 0 } command ? command : Beside("Multiplex.Cli"),
        "serve", "--model", model, "--protocol", protocol, "--listen", "tcp://127.0.0.1:0");

    /// <summary>A server that the models are compared with: this executable, with the arguments that make it one.</summary>
    public static ServerProcess OfThisExecutable(params string[] arguments) => Start(Environment.ProcessPath!, arguments);

    private static ServerProcess Start(string program, params string[] arguments)
    {
        ServerProcess server = ServerProcess.Start(program, arguments, environment: s_environment);
        s_started.Add(server);
        return server;
    }

    private static void KillAll()
    {
        foreach (ServerProcess server in s_started)
            server.Dispose();
    }

    // The project reference puts the command's executable beside the benchmarks' own, under its assembly's name.
    private static string Beside(string executable) => Path.Combine(AppContext.BaseDirectory, executable);
}
