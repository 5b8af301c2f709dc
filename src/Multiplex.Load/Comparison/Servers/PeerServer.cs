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
    private const string Loopback = "tcp://127.0.0.1:";

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(10);

    private PeerServer(ServerProcess process, Endpoint endpoint)
        : base(process) => Endpoint = endpoint;

    /// <inheritdoc/>
    public override Endpoint Endpoint { get; }

    /// <inheritdoc/>
    public override ProcessUsage? Usage => ProcessUsage.Of(Id, null);

    /// <summary>Starts the command and waits until connections are accepted on the port.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="command">For the shell, with <see cref="PeerTarget.PortMark"/> where the port belongs.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it wrote.</exception>
    public static PeerServer Start(string name, string command)
    {
        Endpoint endpoint = FreePort();
        string line = command.Replace(PeerTarget.PortMark, endpoint.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        ServerProcess process = new("/bin/sh", ["-c", line], ServerGuard.Environment);
        long start = Stopwatch.GetTimestamp();
        bool accepts;
        do
            accepts = Accepts(endpoint);
        while (!process.HasExitedWithin(s_lookAgain) && !accepts && Stopwatch.GetElapsedTime(start) < ServerProcess.DefaultTimeout);

        // A port that was free just before may have been taken by another process meanwhile.
        if (!accepts || process.HasExited)
            throw process.Failed($"{name}: {line}", ServerProcess.DefaultTimeout);
        return new(process, endpoint);
    }

    // A peer that does not end is killed when this object is disposed of. Its exit status does not matter.
    private protected override void Terminate()
    {
        Process.SignalAll(SIGTERM);
        Process.WaitForExit();
    }

    private static Endpoint FreePort()
    {
        using Listener listener = Listener.Open(Endpoint.Parse(Loopback + "0"), backlog: 1);
        return listener.Local;
    }

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
