using System.Globalization;
using Multiplex.Interop;

namespace Multiplex.Load.Measuring;

/// <summary>The activity of a thread: /proc/PID/task/TID, proc(5).</summary>
/// <param name="Process">Its process.</param>
/// <param name="Thread">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="State">R runs or could, S sleeps, D waits for a device; see proc_pid_stat(5).</param>
/// <param name="Call">The system call that it waits in; null when it runs, or when the call cannot be read.</param>
public sealed record ThreadActivity(int Process, int Thread, string Name, char State, string? Call)
{
    /// <summary>What a server waits in: the call's name, and its number on each processor; -1 where there is none.</summary>
    internal static readonly (string Name, int X64, int Arm64)[] Calls =
    [
        ("read", 0, 63),
        ("write", 1, 64),
        ("poll", 7, -1),
        ("writev", 20, 66),
        ("select", 23, -1),
        ("nanosleep", 35, 101),
        ("accept", 43, 202),
        ("sendto", 44, 206),
        ("recvfrom", 45, 207),
        ("sendmsg", 46, 211),
        ("recvmsg", 47, 212),
        ("wait4", 61, 260),
        ("rt_sigtimedwait", 128, 137),
        ("futex", 202, 98),
        ("clock_nanosleep", 230, 115),
        ("epoll_wait", 232, -1),
        ("waitid", 247, 95),
        ("pselect6", 270, 72),
        ("ppoll", 271, 73),
        ("epoll_pwait", 281, 22),
        ("accept4", 288, 242),
        ("recvmmsg", 299, 243),
        ("sendmmsg", 307, 269),
        ("io_uring_enter", 426, 426),
        ("epoll_pwait2", 441, 441),
    ];

    private static readonly Dictionary<int, string> s_names =
        Calls.Select(call => (call.Name, Number: Platform.IsArm64 ? call.Arm64 : call.X64)).Where(call => call.Number >= 0)
            .ToDictionary(call => call.Number, call => call.Name);

    /// <summary>Its activity in one or two words.</summary>
    public string InWords => State is 'R' ? "running" : Call ?? $"state {State}";

    /// <summary>Reads the activity of a thread; null when it has ended.</summary>
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
            : s_names.TryGetValue(call, out string? name) ? name
            : $"system call {call}";
    }
}
