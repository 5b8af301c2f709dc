using System.Diagnostics;
using System.Globalization;
using Mono.Unix.Native;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison;

/// <summary>Somebody else's server under comparison: a command that the shell runs, on a port that was free just before.</summary>
public sealed class PeerProcess : ServerUnderTest
{
    private const string Loopback = "tcp://127.0.0.1:";

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(10);

    private PeerProcess(Process process, Task<string> errors, Endpoint endpoint)
        : base(process, errors) => Endpoint = endpoint;

    /// <inheritdoc/>
    public override Endpoint Endpoint { get; }

    /// <inheritdoc/>
    public override ProcessUsage Usage => ProcessUsage.Of(Id, null);

    /// <summary>Starts the command and waits until somebody accepts connections on the port.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="command">For the shell, with <see cref="PeerContestant.PortMark"/> where the port belongs.</param>
    /// <exception cref="IOException">It ended, or did not listen in time; the message has what it said.</exception>
    public static PeerProcess Start(string name, string command)
    {
        Endpoint endpoint = FreePort();
        string port = endpoint.Port.ToString(CultureInfo.InvariantCulture);
        (Process process, Task<string> errors) = StartProgram(
            "/bin/sh", ["-c", command.Replace(PeerContestant.PortMark, port, StringComparison.Ordinal)]);

        // What it prints is of no interest, but a full pipe would stop it.
        process.StandardInput.Close();
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        long start = Stopwatch.GetTimestamp();
        while (!Accepts(endpoint))
        {
            if (process.WaitForExit(s_lookAgain) || Stopwatch.GetElapsedTime(start) > Patience)
                throw Failed($"{name}: {command.Replace(PeerContestant.PortMark, port, StringComparison.Ordinal)}", process, errors);
        }

        return new(process, errors, endpoint);
    }

    /// <summary>Sends SIGTERM to all its processes and waits for their end; what does not go is killed. Its exit status is its own affair.</summary>
    public override void Stop()
    {
        IReadOnlyList<int> others = [.. ProcessTree.Of(Id).Where(process => process != Id)];
        foreach (int process in others)
            Syscall.kill(process, Signum.SIGTERM);   // it may have ended meanwhile
        Terminate();
        foreach (int process in others.Where(ProcessTree.IsAlive))
            Syscall.kill(process, Signum.SIGKILL);
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
