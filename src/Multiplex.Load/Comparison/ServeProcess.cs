using System.Diagnostics;
using Mono.Unix.Native;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison;

/// <summary>A server under comparison: the real command, in a process of its own.</summary>
public sealed class ServeProcess : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly DirectoryInfo _directory;
    private readonly Task<string> _errors;

    private ServeProcess(Process process, DirectoryInfo directory, Endpoint endpoint, ServerCounters counters, Task<string> errors)
    {
        _process = process;
        _directory = directory;
        _errors = errors;
        Endpoint = endpoint;
        Counters = counters;
    }

    /// <summary>Where it listens.</summary>
    public Endpoint Endpoint { get; }

    /// <summary>Its counters, as they change.</summary>
    public ServerCounters Counters { get; }

    /// <summary>What it has used so far.</summary>
    public ProcessUsage Usage => ProcessUsage.Of(_process.Id, Counters);

    /// <summary>Starts the command and waits until it listens.</summary>
    /// <param name="command">The program, and the arguments that come before the verb.</param>
    /// <param name="model">The server model.</param>
    /// <param name="protocol">The protocol.</param>
    /// <exception cref="IOException">It ended, or said nothing in time; the message has what it said.</exception>
    public static ServeProcess Start(IReadOnlyList<string> command, string model, string protocol)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("multiplex-");
        string countersFile = Path.Combine(directory.FullName, "counters");
        string[] arguments =
        [
            .. command.Skip(1), "serve", "--model", model, "--protocol", protocol, "--listen", "tcp://127.0.0.1:0", "--counters", countersFile,
        ];
        Process process = Process.Start(new ProcessStartInfo(command[0], arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string?> line = process.StandardOutput.ReadLineAsync();
        if (line.Wait(s_patience) && line.Result?.Split(' ') is ["listening", string endpoint, ..])
            return new(process, directory, Endpoint.Parse(endpoint), ServerCounters.OpenReadOnly(countersFile), errors);

        process.Kill();
        string said = errors.Wait(s_patience) ? errors.Result.Trim() : "";
        process.Dispose();
        directory.Delete(recursive: true);
        throw new IOException($"serve --model {model} did not start: {said}");
    }

    /// <summary>Stops the server with SIGTERM and waits for its end.</summary>
    /// <exception cref="IOException">It did not end in time, or not with status 0; the message has what it said.</exception>
    public void Stop()
    {
        if (Syscall.kill(_process.Id, Signum.SIGTERM) != 0)
            throw new IOException($"kill {_process.Id}: {Stdlib.GetLastError()}");
        if (!_process.WaitForExit(s_patience))
            throw new IOException($"the server {_process.Id} did not end after SIGTERM");
        if (_process.ExitCode != 0)
            throw new IOException($"the server ended with status {_process.ExitCode}: {_errors.Result.Trim()}");
    }

    /// <summary>Ends the server if it still runs, and gives everything back.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(s_patience);
        }

        Counters.Dispose();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }
}
