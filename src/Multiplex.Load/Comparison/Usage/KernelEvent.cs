using System.Globalization;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>An event that the kernel can count for a thread.</summary>
/// <param name="Name">Its name in report.json.</param>
/// <param name="Type">Its kind: PERF_TYPE_ and so on.</param>
/// <param name="Config">Which one of the kind; throws <see cref="IOException"/> when this machine does not say.</param>
internal sealed record KernelEvent(string Name, uint Type, Func<ulong> Config)
{
    /// <summary>System calls that were entered.</summary>
    public static readonly KernelEvent SystemCalls = new("syscalls_per_request", PERF_TYPE_TRACEPOINT, () => Tracepoint("raw_syscalls/sys_enter"));

    /// <summary>Context switches.</summary>
    public static readonly KernelEvent ContextSwitches = new("context_switches_per_request", PERF_TYPE_SOFTWARE, () => PERF_COUNT_SW_CONTEXT_SWITCHES);

    /// <summary>Page faults, with or without a read from a disk.</summary>
    public static readonly KernelEvent PageFaults = new("page_faults_per_request", PERF_TYPE_SOFTWARE, () => PERF_COUNT_SW_PAGE_FAULTS);

    /// <summary>Instructions, the kernel's included.</summary>
    public static readonly KernelEvent Instructions = new("instructions_per_request", PERF_TYPE_HARDWARE, () => PERF_COUNT_HW_INSTRUCTIONS);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelEvent> All { get; } = [SystemCalls, ContextSwitches, PageFaults, Instructions];

    /// <summary>Why an event cannot be counted, tested on this process; null when it can.</summary>
    public string? WhyNot()
    {
        SyscallResult result;
        try
        {
            result = Open(Environment.ProcessId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the number of the tracepoint raw_syscalls:sys_enter cannot be read: {e.Message}";
        }

        if (!result.IsError)
        {
            close((int)result.Value);
            return null;
        }

        return result.Errno switch
        {
            EACCES or EPERM => $"perf_event_open: {ErrnoText.Name(result.Errno)}; /proc/sys/kernel/perf_event_paranoid is {Paranoid()}",
            ENOENT or EOPNOTSUPP => "this machine has no such counter",
            ENOSYS => "this kernel has no perf_event_open",
            int errno => $"perf_event_open: {ErrnoText.Name(errno)}",
        };
    }

    /// <summary>Begins to count in a thread, and in the threads and processes that it will make.</summary>
    /// <exception cref="IOException">The event's number cannot be read: tracefs is not mounted.</exception>
    public SyscallResult Open(int thread) =>
        perf_event_open(new() { type = Type, config = Config(), Inherit = true }, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);

    /// <summary>The setting of the kernel that says which events users without privileges may count: perf_event_open(2).</summary>
    public static string Paranoid()
    {
        const string File = "/proc/sys/kernel/perf_event_paranoid";
        return System.IO.File.Exists(File) ? System.IO.File.ReadAllText(File).Trim() : "missing";
    }

    // Where tracefs is mounted: by itself, or below debugfs.
    private static ulong Tracepoint(string name)
    {
        const string First = "/sys/kernel/tracing", Second = "/sys/kernel/debug/tracing";
        string root = Directory.Exists($"{First}/events") || !Directory.Exists($"{Second}/events") ? First : Second;
        return ulong.Parse(File.ReadAllText($"{root}/events/{name}/id"), CultureInfo.InvariantCulture);
    }
}
