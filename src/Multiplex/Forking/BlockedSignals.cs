using System.Collections;
using System.Globalization;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// The signals that a server takes from signalfd(2) alone: blocked in every thread, so that no handler of the runtime ever runs. Those
/// start a thread for each signal, which fails at the limit on processes, and write into a pipe that a forked child would share.
/// </summary>
/// <remarks>
/// A thread inherits the mask of the one that starts it, and the runtime has threads before the program's first line. Only a mask that is
/// there before the runtime starts is that of every thread, so a server starts itself once more.
/// </remarks>
public static class BlockedSignals
{
    private const string Marker = "MULTIPLEX_STARTED_ANEW";   // its value: the process id, which execve(2) keeps

    // The signal by which a parent stops its children is among them, or it would kill a child that has not got so far as to say
    // what it means.
    private static readonly sigset_t s_all = sigset_t.Of(SIGTERM, SIGINT, SIGHUP, SIGCHLD, ChildProcess.StopSignal);

    /// <summary>Whether they were blocked when this process started, and so are in each of its threads.</summary>
    public static bool AreInEveryThread
    {
        get
        {
            // The mask of the process's first thread, in hexadecimal: proc(5).
            string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigBlk:", StringComparison.Ordinal));
            ulong mask = ulong.Parse(line.AsSpan("SigBlk:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            return (mask & s_all[0]) == s_all[0];
        }
    }

    /// <summary>
    /// Those that ask a server to stop. SIGHUP is one of them, unless it was ignored when the process started, as nohup(1) has it: a
    /// blocked signal would be taken all the same.
    /// </summary>
    public static sigset_t Stopping => !sigaction(SIGHUP, out nint disposition).IsError && disposition == SIG_IGN
        ? sigset_t.Of(SIGTERM, SIGINT)
        : sigset_t.Of(SIGTERM, SIGINT, SIGHUP);

    /// <summary>
    /// Returns at once in a process that has them blocked. Any other becomes one: the same program with the same arguments, started anew
    /// under the same process id, execve(2). Call it before anything else is done.
    /// </summary>
    /// <exception cref="SyscallException">execve(2) failed.</exception>
    /// <exception cref="IOException">The process was started anew, and is not as it should be all the same; or there is no proc(5).</exception>
    public static void Enter()
    {
        if (AreInEveryThread)
            return;
        string id = getpid().ToString(CultureInfo.InvariantCulture);
        if (Environment.GetEnvironmentVariable(Marker) == id)
            throw new IOException("a server starts itself anew with its signals blocked, and here they do not stay so over execve(2)");

        pthread_sigmask(SIG_BLOCK, s_all, out _).OrThrow("pthread_sigmask");
        string program = File.ResolveLinkTarget("/proc/self/exe", returnFinalTarget: false)!.FullName;
        string[] arguments = File.ReadAllText("/proc/self/cmdline")[..^1].Split('\0');   // each ends with a NUL
        execve(program, arguments, EnvironmentWith(Marker, id)).OrThrow("execve", program);
    }

    private static List<string> EnvironmentWith(string name, string value)
    {
        Dictionary<string, string> environment = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment[(string)entry.Key] = (string?)entry.Value ?? "";
        environment[name] = value;
        return [.. environment.Select(entry => $"{entry.Key}={entry.Value}")];
    }
}
