using System.Diagnostics;
using Mono.Unix.Native;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison;

/// <summary>A server under comparison: a process of its own, with whatever processes it makes.</summary>
public abstract class ServerUnderTest : IDisposable
{
    /// <summary>How long a start or an end may take.</summary>
    private protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Task<string> _errors;

    private protected ServerUnderTest(Process process, Task<string> errors)
    {
        _process = process;
        _errors = errors;
    }

    /// <summary>Where it listens.</summary>
    public abstract Endpoint Endpoint { get; }

    /// <summary>Its first process.</summary>
    public int Id => _process.Id;

    /// <summary>What it has used so far.</summary>
    public abstract ProcessUsage Usage { get; }

    /// <summary>The memory of its processes now, in bytes: see <see cref="ProcessUsage.MemoryOf"/>.</summary>
    public long Memory => ProcessUsage.MemoryOf(Id);

    /// <summary>Stops it and waits for its end.</summary>
    /// <exception cref="IOException">It did not end in time, or not as it should; the message has what it said.</exception>
    public abstract void Stop();

    /// <summary>Ends what still runs, and gives everything back.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit(Patience);
        }

        Release();
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts a program whose standard error is kept, for when it fails.</summary>
    private protected static (Process Process, Task<string> Errors) StartProgram(string program, IEnumerable<string> arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        return (process, process.StandardError.ReadToEndAsync());
    }

    /// <summary>Ends a program that has not become a server, and says why not.</summary>
    private protected static IOException Failed(string what, Process process, Task<string> errors)
    {
        process.Kill(entireProcessTree: true);
        string said = errors.Wait(Patience) ? errors.Result.Trim() : "";
        process.Dispose();
        return new($"{what} did not start{(said.Length > 0 ? ": " : "")}{said}");
    }

    /// <summary>Gives back what else it holds.</summary>
    private protected virtual void Release()
    {
    }

    /// <summary>Sends SIGTERM to the first process and waits for its end.</summary>
    /// <returns>The exit status, and what it wrote to standard error.</returns>
    private protected (int Status, string Said) Terminate()
    {
        if (Syscall.kill(Id, Signum.SIGTERM) != 0)
            throw new IOException($"kill {Id}: {Stdlib.GetLastError()}");
        if (!_process.WaitForExit(Patience))
            throw new IOException($"the server {Id} did not end after SIGTERM");
        return (_process.ExitCode, _errors.Wait(Patience) ? _errors.Result.Trim() : "");
    }
}
