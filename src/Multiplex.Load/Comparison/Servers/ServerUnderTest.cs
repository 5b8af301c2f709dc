using Multiplex.Interop;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>A server under comparison: a process of its own, with whatever processes it makes.</summary>
public abstract class ServerUnderTest : IDisposable
{
    private readonly ServerProgram _program;

    private protected ServerUnderTest(ServerProgram program) => _program = program;

    /// <summary>Where it listens.</summary>
    public abstract Endpoint Endpoint { get; }

    /// <summary>Its first process.</summary>
    public int Id => _program.Process.Id;

    /// <summary>How it ended, if it has ended by itself.</summary>
    public string? Ended => _program.Process.HasExited ? $"the server {_program.End}" : null;

    /// <summary>What it has used so far; null when that is not known.</summary>
    public abstract ProcessUsage? Usage { get; }

    /// <summary>The memory of its processes now, in bytes; null when it is not known: see <see cref="ProcessUsage.MemoryOf"/>.</summary>
    public long? Memory => ProcessUsage.MemoryOf(Id);

    /// <summary>Stops it and waits for its end.</summary>
    /// <exception cref="IOException">It did not end in time, or not as it should; the message has what it said.</exception>
    public abstract void Stop();

    /// <summary>Ends what still runs, and gives everything back.</summary>
    public void Dispose()
    {
        _program.Kill();
        Release();
        _program.Process.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives back what else it holds.</summary>
    private protected virtual void Release()
    {
    }

    /// <summary>Sends SIGTERM to the first process and waits for its end.</summary>
    /// <returns>How it ended.</returns>
    /// <exception cref="IOException">It had ended before, or it did not end.</exception>
    private protected (int Status, string InWords) Terminate()
    {
        if (Ended is { } end)
            throw new IOException(end);
        SyscallResult sent = kill(Id, SIGTERM);
        if (!sent.Is(ESRCH))
            sent.OrThrow("kill", $"{Id}");
        if (!_program.Process.WaitForExit(ServerProgram.Timeout))
            throw new IOException($"the server {Id} did not end after SIGTERM");
        return (_program.Process.ExitCode, _program.End);
    }
}
