using System.Collections;
using System.Globalization;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// Makes the .NET runtime one that survives fork(2). fork copies the calling thread alone, so whatever another thread was
/// in the middle of stays half done in the child for ever. What has to be otherwise, only the environment and the signal
/// mask at the start of the process can say: a process that is to fork starts itself once more.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>W^X off: the runtime otherwise keeps its code in a shared mapping, and what a child compiles overwrites code that
/// the parent runs.</item>
/// <item>Tiered compilation off: its background thread may hold a lock at the moment of the fork, for which the child
/// would wait for ever.</item>
/// <item>Concurrent collection off, for the same reason; and a small heap, because fork copies a page table entry for
/// each page in use, and the child copies each page that it touches.</item>
/// <item>The runtime's own finalizer thread asleep at each fork: see <see cref="FinalizerThread"/>.</item>
/// <item>SIGTERM, SIGINT and SIGCHLD blocked in every thread, so that signalfd(2) gets them and no handler of the runtime
/// ever runs: its handlers write into a pipe that parent and child would share. The signal by which a parent tells its
/// children to stop is blocked too, or it would kill a child that has not got so far as to say what it means.</item>
/// </list>
/// </remarks>
public static class ForkRuntime
{
    private const string Marker = "MULTIPLEX_FORK_RUNTIME";

    private static readonly (string Name, string Value)[] s_settings =
    [
        ("DOTNET_EnableWriteXorExecute", "0"),
        ("DOTNET_TieredCompilation", "0"),
        ("DOTNET_gcConcurrent", "0"),
        ("DOTNET_GCgen0size", "40000"),   // hexadecimal: 256 KiB before the first collection
        ("DOTNET_EnableDiagnostics", "0"),   // no diagnostics server thread
        (Marker, "1"),
    ];

    private static readonly sigset_t s_blocked = sigset_t.Of(SIGTERM, SIGINT, SIGCHLD, ChildProcess.StopSignal);

    /// <summary>Whether this process was started in the way that forking needs.</summary>
    public static bool IsPrepared =>
        s_settings.All(setting => Environment.GetEnvironmentVariable(setting.Name) == setting.Value) && SignalsAreBlocked();

    /// <summary>
    /// Returns at once in a process that is prepared. In any other it becomes a prepared one: the same program with the
    /// same arguments, started anew under the same process id, execve(2). Call it before anything else is done.
    /// </summary>
    /// <exception cref="SyscallException">execve(2) failed.</exception>
    /// <exception cref="InvalidOperationException">The process was started anew, and is not prepared all the same.</exception>
    public static void Enter()
    {
        if (IsPrepared)
            return;
        if (Environment.GetEnvironmentVariable(Marker) is not null)
            throw new InvalidOperationException("a forking server needs its DOTNET_ settings and blocked signals, and did not get them");

        pthread_sigmask(SIG_BLOCK, s_blocked, out _).OrThrow("pthread_sigmask");
        string program = File.ResolveLinkTarget("/proc/self/exe", returnFinalTarget: false)!.FullName;
        string[] arguments = File.ReadAllText("/proc/self/cmdline")[..^1].Split('\0');   // each ends with a NUL
        execve(program, arguments, EnvironmentWithSettings()).OrThrow("execve", program);
    }

    private static List<string> EnvironmentWithSettings()
    {
        Dictionary<string, string> environment = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment[(string)entry.Key] = (string?)entry.Value ?? "";
        foreach ((string name, string value) in s_settings)
            environment[name] = value;
        return [.. environment.Select(entry => $"{entry.Key}={entry.Value}")];
    }

    private static bool SignalsAreBlocked()
    {
        // The mask of the process's first thread, in hexadecimal: proc(5).
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigBlk:", StringComparison.Ordinal));
        ulong mask = ulong.Parse(line.AsSpan("SigBlk:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (mask & s_blocked[0]) == s_blocked[0];
    }
}
