using System.Diagnostics;
using System.Globalization;
using Multiplex.Interop;
using Multiplex.Load.Comparison.Usage;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Servers;

/// <summary>Somebody else's server under comparison: a command that the shell runs, on a port that was free just before.</summary>
public sealed class PeerProcess : ServerUnderTest
{
    private const string Loopback = "tcp://127.0.0.1:";

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(10);

    private PeerProcess(ServerProgram program, Endpoint endpoint)
        : base(program) => Endpoint = endpoint;

    /// <inheritdoc/>
    public override Endpoint Endpoint { get; }

    /// <inheritdoc/>
    public override ProcessUsage? Usage => ProcessUsage.Of(Id, null);

    /// <summary>Starts the command and waits until somebody accepts connections on the port.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="command">For the shell, with <see cref="PeerTarget.PortMark"/> where the port belongs.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it said.</exception>
    public static PeerProcess Start(string name, string command)
    {
        Endpoint endpoint = FreePort();
        string line = command.Replace(PeerTarget.PortMark, endpoint.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        ServerProgram program = ServerProgram.Start("/bin/sh", ["-c", line]);
        program.Process.StandardInput.Close();
        program.ReadOutput();
        long start = Stopwatch.GetTimestamp();
        while (!Accepts(endpoint))
        {
            if (program.Process.WaitForExit(s_lookAgain) || Stopwatch.GetElapsedTime(start) > ServerProgram.Timeout)
                throw program.Failed($"{name}: {line}");
        }

        // A port that was free just before may have been taken by another process meanwhile.
        if (program.Process.WaitForExit(s_lookAgain))
            throw program.Failed($"{name}: {line}");
        return new(program, endpoint);
    }

    /// <summary>Sends SIGTERM to all its processes and waits for their end; what does not go is killed. Its exit status is its own affair.</summary>
    public override void Stop()
    {
        int[] others = [.. ProcessTree.Of(Id).Where(process => process != Id)];
        foreach (int process in others)
            kill(process, SIGTERM);   // it may have ended meanwhile
        Terminate();
        foreach (int process in others.Where(ProcessTree.IsAlive))
            kill(process, SIGKILL);
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
