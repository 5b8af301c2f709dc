using System.Text;
using Multiplex.Interop;
using Multiplex.Forking;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Tracing;

// fork, waitpid, the ids of processes and threads, and memory that processes share.
public sealed unsafe partial class Trace
{
    private const byte EndOfLine = (byte)'\n';

    private readonly Dictionary<int, int> _reports = [];   // for each child, the pipe from which its lines are read
    private bool _isChild;

    /// <summary>Whether this process can fork: it was compiled ahead of time. A runtime that compiles code while it runs does not work in a child.</summary>
    public static bool CanFork => ForkRuntime.IsNative;

    /// <summary>
    /// fork(2). The child runs <paramref name="child"/> and exits with the status that it returns. The child's lines are sent to this trace over a
    /// separate pipe, and are shown when <see cref="waitpid"/> has collected it.
    /// </summary>
    /// <returns>The child's process id. The child does not return from here.</returns>
    /// <exception cref="NotSupportedException">This process cannot fork: see <see cref="CanFork"/>.</exception>
    internal int fork(Func<int> child)
    {
        ForkRuntime.RequireNative();
        Libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out int parentsEnd, out int childsEnd).OrThrow("socketpair");
        using FinalizerThread finalizer = new();
        finalizer.AwaitRest();
        int parent = Libc.getpid();
        SyscallResult result = Libc.fork();
        if (result.Value == 0)
            Live(parent, childsEnd, child);

        Libc.close(childsEnd);
        Record("fork", "", result, null);
        _reports.Add((int)result.Value, parentsEnd);
        return (int)result.Value;
    }

    /// <summary>waitpid(2), after what the child has recorded.</summary>
    /// <param name="pid">The child.</param>
    /// <param name="expected">The exit status that it must have.</param>
    internal void waitpid(int pid, int expected = 0)
    {
        SyscallResult result = Libc.waitpid(pid, out int status, 0);
        if (_reports.Remove(pid, out int report))
            ShowReport(pid, report);
        Record("waitpid", $"{pid}, [{{WIFEXITED(s) && WEXITSTATUS(s) == {WEXITSTATUS(status)}}}], 0", result, null);
        Check(WIFEXITED(status) && WEXITSTATUS(status) == expected, $"the child leaves with status {expected}");
    }

    internal int getpid() => (int)Record("getpid", "", SyscallResult.Of(Libc.getpid()), null).Value;

    internal int getppid() => (int)Record("getppid", "", SyscallResult.Of(Libc.getppid()), null).Value;

    internal int gettid() => (int)Record("gettid", "", SyscallResult.Of(Libc.gettid()), null).Value;

    /// <summary>mmap(2) of memory that a child of fork(2) shares: one number.</summary>
    internal int* mmap()
    {
        void* memory = Libc.mmap(sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
        Add(new(LineKind.Call, $"mmap(NULL, {sizeof(int)}, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0) = 0x{(nint)memory:x}") { Call = "mmap" });
        return (int*)memory;
    }

    internal void munmap(int* memory) =>
        Record("munmap", $"0x{(nint)memory:x}, {sizeof(int)}", Libc.munmap(memory, sizeof(int)), null);

    /// <summary>Starts a thread, whose lines are marked with its id.</summary>
    internal static TracedThread StartThread(Action work) => new(() =>
    {
        t_by = $"thread {Libc.gettid()}";
        work();
    });

    // In the child: no Console, no thread, no async, and _exit(2) at the end. See ForkRuntime.
    private void Live(int parent, int report, Func<int> child)
    {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (Libc.getppid() != parent)
            Libc._exit(1);
        int first = _lines.Count, status = 1;
        _isChild = true;
        try
        {
            Record("fork", "", default, null);
            status = child();
        }
        catch (Exception e)
        {
            Show($"the child failed: {e.Message}");
        }

        Add(new(LineKind.Call, $"_exit({status})") { Call = "_exit" });
        foreach (TraceLine line in _lines.Skip(first))
            _ = Libc.write(report, [(byte)line.Kind, .. Encoding.UTF8.GetBytes($"{line.Call}\t{line.Result.Value}\t{line.Text}"), EndOfLine]);
        Libc._exit(status);
    }

    private void ShowReport(int pid, int report)
    {
        List<byte> all = [];
        byte[] part = new byte[4096];
        int count;
        while ((count = Libc.read(report, part).OrThrow("read")) > 0)
            all.AddRange(part.AsSpan(0, count));
        Libc.close(report);
        string by = $"child {pid}";
        foreach (byte[] line in Split(all))
        {
            string[] fields = Encoding.UTF8.GetString(line.AsSpan(1)).Split('\t', 3);
            nint value = nint.Parse(fields[1]);
            SyscallResult result = value < 0 ? SyscallResult.Failed((int)-value) : SyscallResult.Of(value);
            Add(new((LineKind)line[0], fields[2]) { Call = fields[0], Result = result, By = by });
        }
    }

    private static IEnumerable<byte[]> Split(List<byte> all)
    {
        for (int start = 0, end; (end = all.IndexOf(EndOfLine, start)) >= 0; start = end + 1)
            yield return [.. all[start..end]];
    }
}
