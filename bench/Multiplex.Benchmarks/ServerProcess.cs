using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Multiplex.Interop;
using Multiplex.Sockets;

namespace Multiplex.Benchmarks;

/// <summary>An echo server as a process of its own, on a port of the kernel's choice; ended by its process id.</summary>
internal sealed class ServerProcess : IDisposable
{
    /// <summary>Names another command to measure than the one that was built with the benchmarks.</summary>
    private const string CommandVariable = "MULTIPLEX_COMMAND";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    // The servers that run. An interrupted run disposes of nothing, and would leave them behind.
    private static readonly ConcurrentDictionary<int, ServerProcess> s_running = new();

    private readonly Process _process;

    static ServerProcess()
    {
        PosixSignal[] interruptions = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];
        PosixSignalRegistration[] registered =
            [.. interruptions.Select(signal => PosixSignalRegistration.Create(signal, static _ => StopAll()))];
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            StopAll();
            GC.KeepAlive(registered);   // a registration that is collected hears nothing
        };
    }

    /// <summary>Starts the program; returns once it has said where it listens.</summary>
    private ServerProcess(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

        // An executable looks for the runtime where it is usually installed; it may be elsewhere: where this process has it.
        string root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        start.Environment.TryAdd("DOTNET_ROOT", root);
        _process = Process.Start(start)!;
        s_running[_process.Id] = this;
        string? line = _process.StandardOutput.ReadLine();
        if (line?.Split(' ') is not ["listening", var endpoint, ..])
        {
            _process.Kill();
            s_running.TryRemove(_process.Id, out _);
            string complaint = _process.StandardError.ReadToEnd();
            _process.Dispose();
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {line} {complaint}");
        }

        Endpoint = Endpoint.Parse(endpoint);
    }

    /// <summary>Where it listens.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>A real <c>multiplex serve</c> of this model.</summary>
    public static ServerProcess OfModel(string model, string protocol = "echo") => new(
        Environment.GetEnvironmentVariable(CommandVariable) is { Length: > 0 } command ? command : Beside("Multiplex.Cli"),
        "serve", "--model", model, "--protocol", protocol, "--listen", "tcp://127.0.0.1:0");

    /// <summary>A server that the models are compared with: this executable, with the arguments that make it one.</summary>
    public static ServerProcess OfThisExecutable(params string[] arguments) => new(Environment.ProcessPath!, arguments);

    /// <summary>Ends it: SIGTERM, and SIGKILL if that is not enough.</summary>
    public void Dispose()
    {
        Libc.kill(_process.Id, Libc.SIGTERM);
        s_running.TryRemove(_process.Id, out _);
        if (!_process.WaitForExit(s_patience))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private static void StopAll()
    {
        foreach (int id in s_running.Keys)
            Libc.kill(id, Libc.SIGTERM);
    }

    // The project reference puts the command's executable beside the benchmarks' own, under its assembly's name.
    private static string Beside(string executable) => Path.Combine(AppContext.BaseDirectory, executable);
}
