using System.Diagnostics;
using System.Globalization;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Load.Processes;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>Another project's server under comparison: a command that the shell runs, on a port that was free just before.</summary>
public sealed class PeerServer : ServerUnderTest
{
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(10);

    private readonly DirectoryInfo? _export;

    private PeerServer(ServerProcess process, Endpoint endpoint, int? mountPort, DirectoryInfo? export)
        : base(process) => (Endpoint, MountPort, _export) = (endpoint, mountPort, export);

    /// <inheritdoc/>
    public override Endpoint Endpoint { get; }

    /// <inheritdoc/>
    public override int? MountPort { get; }

    /// <inheritdoc/>
    public override ProcessUsage? Usage => ProcessUsage.Of(Id, null);

    /// <summary>Starts the command and waits until connections are accepted on the port.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="command">For the shell, with the marks of <see cref="PeerTarget"/>.</param>
    /// <param name="at">Where it is to listen; null for a port that was free just before.</param>
    /// <param name="under">A program that runs the shell, with its arguments; null, and the shell runs by itself.</param>
    /// <param name="cancelled">Ends the wait; what was started is killed.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public static PeerServer Start(string name, string command, Endpoint? at = null, IReadOnlyList<string>? under = null, CancellationToken cancelled = default)
    {
        Endpoint[] unused = UnusedPorts.Choose(2);
        Endpoint endpoint = at ?? unused[0], mount = unused[1];
        bool hasMountPort = command.Contains(PeerTarget.MountPortMark, StringComparison.Ordinal);
        DirectoryInfo? export = command.Contains(PeerTarget.ExportMark, StringComparison.Ordinal) ? TemporaryFolder.Create() : null;
        string line = command.Replace(PeerTarget.PortMark, endpoint.Port, StringComparison.Ordinal)
            .Replace(PeerTarget.MountPortMark, mount.Port, StringComparison.Ordinal)
            .Replace(PeerTarget.ExportMark, export?.FullName, StringComparison.Ordinal);
        string[] words = [.. under ?? [], "/bin/sh", "-c", line];
        ServerProcess process = new(words[0], words[1..], ServerGuard.Environment);
        long start = Stopwatch.GetTimestamp();
        bool accepts;
        do
            accepts = Accepts(endpoint) && (!hasMountPort || Accepts(mount));
        while (!process.HasExitedWithin(s_lookAgain) && !accepts && !cancelled.IsCancellationRequested && Stopwatch.GetElapsedTime(start) < ServerProcess.DefaultTimeout);

        // A port that was free just before may have been taken by another process meanwhile.
        if (!accepts || process.HasExited)
        {
            export?.Delete(recursive: true);
            if (cancelled.IsCancellationRequested)
                process.Dispose();
            cancelled.ThrowIfCancellationRequested();
            throw process.Failed($"{name}: {line}", ServerProcess.DefaultTimeout);
        }

        return new(process, endpoint, hasMountPort ? int.Parse(mount.Port, CultureInfo.InvariantCulture) : null, export);
    }

    // A peer that does not end is killed when this object is disposed of. Its exit status does not matter.
    private protected override void Terminate()
    {
        Process.SignalAll(SIGTERM);
        Process.WaitForExit();
    }

    private protected override void Release() => _export?.Delete(recursive: true);

    private static bool Accepts(Endpoint endpoint)
    {
        try
        {
            close(Connector.Connect(endpoint, AddressLookup.Find(endpoint, passive: false)));
            return true;
        }
        catch (SyscallException)
        {
            return false;   // not yet
        }
    }
}
