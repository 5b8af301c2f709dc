using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Processes;
using Multiplex.Sockets;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>A server under comparison: a process, with its children.</summary>
public abstract class ServerUnderTest : IDisposable
{
    private protected ServerUnderTest(ServerProcess process) => Process = process;

    /// <summary>Its endpoint.</summary>
    public abstract Endpoint Endpoint { get; }

    /// <summary>The port of MOUNT, for a server of NFS that uses another port for it.</summary>
    public virtual int? MountPort => null;

    /// <summary>Its first process.</summary>
    public int Id => Process.Id;

    /// <summary>How it ended, if it has ended by itself.</summary>
    public string? Ended => Process.HasExited ? $"the server {Process.End}" : null;

    /// <summary>The resources that it has used so far; null when they are not known.</summary>
    public abstract ProcessUsage? Usage { get; }

    /// <summary>The memory of its processes now, in bytes; null when it is not known: see <see cref="ProcessUsage.MemoryOf"/>.</summary>
    public long? Memory => ProcessUsage.MemoryOf(Id);

    private protected ServerProcess Process { get; }

    /// <summary>Stops it and waits for its end.</summary>
    /// <exception cref="IOException">The server had ended before, did not end in time, or failed; the message contains its output.</exception>
    public void Stop()
    {
        if (Ended is { } end)
            throw new IOException(end);
        Terminate();
    }

    /// <summary>Kills the processes that still run, and releases everything.</summary>
    public void Dispose()
    {
        Process.Dispose();
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    private protected abstract void Terminate();

    /// <summary>Releases what else it holds.</summary>
    private protected virtual void Release()
    {
    }
}
