using System.Globalization;
using System.Runtime.InteropServices;

namespace Multiplex.Load.Watching;

/// <summary>What a thread is at: /proc/PID/task/TID, proc(5).</summary>
/// <param name="Process">Its process.</param>
/// <param name="Thread">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="State">R runs or could, S sleeps, D waits for a device; see proc_pid_stat(5).</param>
/// <param name="Call">The system call that it waits in; null when it runs, or when that is not to be seen.</param>
public sealed record ThreadActivity(int Process, int Thread, string Name, char State, string? Call)
{
    // asm/unistd_64.h: what a server waits in.
    private static readonly Dictionary<int, string> s_calls = new()
    {
        [0] = "read",
        [1] = "write",
        [7] = "poll",
        [20] = "writev",
        [23] = "select",
        [35] = "nanosleep",
        [43] = "accept",
        [44] = "sendto",
        [45] = "recvfrom",
        [46] = "sendmsg",
        [47] = "recvmsg",
        [61] = "wait4",
        [128] = "rt_sigtimedwait",
        [202] = "futex",
        [230] = "clock_nanosleep",
        [232] = "epoll_wait",
        [247] = "waitid",
        [270] = "pselect6",
        [271] = "ppoll",
        [281] = "epoll_pwait",
        [288] = "accept4",
        [299] = "recvmmsg",
        [307] = "sendmmsg",
        [426] = "io_uring_enter",
        [441] = "epoll_pwait2",
    };

    /// <summary>What it is at, in a word or two.</summary>
    public string InWords => State is 'R' ? "running" : Call ?? $"state {State}";

    /// <summary>Looks at a thread; null when it has ended.</summary>
    internal static ThreadActivity? Of(int process, int thread)
    {
        string folder = $"/proc/{process}/task/{thread}";
        try
        {
            string stat = File.ReadAllText($"{folder}/stat");
            return new(process, thread, File.ReadAllText($"{folder}/comm").TrimEnd(), stat[stat.LastIndexOf(')') + 2], CallOf(folder));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string? CallOf(string folder)
    {
        string number;
        try
        {
            number = File.ReadAllText($"{folder}/syscall").Split(' ')[0];
        }
        catch (Exception e) when (e is UnauthorizedAccessException or FileNotFoundException)
        {
            return null;   // another user's, or a kernel without CONFIG_HAVE_ARCH_TRACEHOOK
        }

        return !int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int call) || call < 0 ? null
            : RuntimeInformation.ProcessArchitecture == Architecture.X64 && s_calls.TryGetValue(call, out string? name) ? name
            : $"system call {call}";
    }
}
