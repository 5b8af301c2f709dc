using System.Text;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tracing.Recordings;

/// <summary>strace(1), which records the calls.</summary>
public static class Strace
{
    private const string Program = "strace";

    // What the runtime does for itself: memory, its threads' set-up, its clocks. None of it waits for a client, or answers one.
    private static readonly string[] s_leftOut =
    [
        "%memory", "sched_yield", "sched_getaffinity", "getpid", "gettid", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "rseq", "set_robust_list",
        "getrandom", "clock_gettime", "getrusage", "prlimit64", "lseek", "pread64", "ioctl", "getcwd", "readlink", "newfstatat", "fstat", "statx", "openat", "sysinfo", "uname",
    ];

    /// <summary>The calls that are not recorded, in words for a reader.</summary>
    public static string LeftOut => string.Join(", ", s_leftOut.Skip(1));

    /// <summary>Its path.</summary>
    /// <exception cref="IOException">There is none in PATH that may be executed.</exception>
    public static string Path()
    {
        string? other = null;
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            string file = System.IO.Path.Combine(folder, Program);
            if (!File.Exists(file))
                continue;
            if (!faccessat2(AT_FDCWD, Encoding.UTF8.GetBytes($"{file}\0"), X_OK, AT_EACCESS).IsError)
                return file;
            other ??= file;
        }

        throw new IOException(other is null
            ? "trace records with strace(1), which is not in PATH: install the package strace"
            : $"trace records with strace(1), and {other} may not be executed");
    }

    /// <summary>The program and the arguments that a server's command comes after. The server is this process's child, strace beside it.</summary>
    /// <param name="log">Where it writes.</param>
    internal static string[] Before(string log) => [Path(), "-D", "-f", "--seccomp-bpf", .. Format(log)];

    /// <summary>The arguments that attach it to threads that run.</summary>
    /// <param name="log">Where it writes.</param>
    /// <param name="ids">Their ids; with <paramref name="all"/>, those of processes.</param>
    /// <param name="all">Whether all threads of these are meant, and what they start.</param>
    internal static string[] Attached(string log, IEnumerable<int> ids, bool all) => [.. all ? ["-f"] : Array.Empty<string>(), .. Format(log), .. ids.SelectMany(id => new[] { "-p", $"{id}" })];

    // -ttt: when a call began, to the microsecond; -T: how long it took; -yy: what a descriptor is, with both ends of a connection.
    private static string[] Format(string log) => ["-ttt", "-T", "-yy", "-s", "80", "-e", $"trace=!{string.Join(',', s_leftOut)}", "-o", log];
}
