using System.Runtime.CompilerServices;
using Multiplex.Interop;
using Multiplex.Observing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>The child processes of a server: their ids, and how each has ended. None stays a zombie.</summary>
/// <param name="counters">Where they are counted.</param>
/// <param name="ended">Called for each that has ended, with its process id and whether it was lost: ended by a signal or a failure.</param>
internal sealed class Children(ServerCounters counters, Action<int, bool> ended) : IDisposable
{
    private const long NanosecondsPerMicrosecond = 1000;

    private readonly HashSet<int> _running = [];
    private readonly List<int> _vanished = [];

    /// <summary>How many are running.</summary>
    public int Count => _running.Count;

    /// <summary>Readable when a child has ended: signalfd(2) of SIGCHLD, which must be blocked.</summary>
    public int Descriptor { get; } = WatchForEnds();

    /// <summary>Takes note of a child that was just made.</summary>
    public void Add(int pid)
    {
        _running.Add(pid);
        counters.Increment(Counter.ChildrenMade);
    }

    /// <summary>Collects every child that has ended, wait4(2), and counts what it used.</summary>
    public void Reap()
    {
        // Signals do not queue: there is one SIGCHLD to read at most, and it may stand for many children. The next makes the descriptor
        // readable again. EAGAIN: there is none.
        Span<byte> signal = stackalloc byte[Unsafe.SizeOf<signalfd_siginfo>()];
        SyscallResult taken = read(Descriptor, signal);
        if (!taken.Is(EAGAIN))
            taken.OrThrow("read", "signalfd");
        while (true)
        {
            SyscallResult result = wait4(-1, out int status, WNOHANG, out rusage usage);
            if (result.Is(ECHILD))
                ForgetVanished();
            if (result.Value <= 0)
                return;
            if (!_running.Remove((int)result.Value))
                continue;   // a process beside the server
            counters.Add(Counter.ReapedCpuNanoseconds, Nanoseconds(usage.ru_utime) + Nanoseconds(usage.ru_stime));
            counters.Add(Counter.EndedContextSwitches, usage.ru_nvcsw + usage.ru_nivcsw);
            counters.Add(Counter.ChildPageFaults, usage.ru_minflt);
            bool lost = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
            if (lost)
            {
                counters.Increment(Counter.ChildrenLost);
                Tell((int)result.Value, status);
            }

            ended((int)result.Value, lost);
        }
    }

    // Where SIGCHLD is ignored the kernel keeps no status, wait(2): ECHILD then means that all have ended, with an unknown status.
    private void ForgetVanished()
    {
        _vanished.AddRange(_running);
        _running.Clear();
        _vanished.ForEach(pid => ended(pid, false));
        _vanished.Clear();
    }

    /// <summary>Sends a signal to all of them.</summary>
    public void Signal(int signal)
    {
        foreach (int pid in _running)
            kill(pid, signal);
    }

    /// <summary>Waits until one has ended, <paramref name="other"/> is readable, or the time is up.</summary>
    public void AwaitOne(int other, int timeoutMilliseconds)
    {
        Span<pollfd> set = [new() { fd = Descriptor, events = POLLIN }, new() { fd = other, events = POLLIN }];
        SyscallResult result = poll(set, timeoutMilliseconds);
        if (!result.Is(EINTR))
            result.OrThrow("poll");
    }

    /// <inheritdoc/>
    public void Dispose() => close(Descriptor);

    // A process that was started with SIGCHLD ignored, as some supervisors do, would get no signal when a child ends.
    private static int WatchForEnds()
    {
        sigaction(SIGCHLD, SIG_DFL).OrThrow("sigaction", "SIGCHLD");
        return signalfd(-1, sigset_t.Of(SIGCHLD), SFD_NONBLOCK | SFD_CLOEXEC).OrThrow("signalfd", "SIGCHLD");
    }

    private static void Tell(int pid, int status)
    {
        string how = WIFEXITED(status) ? $"failed with status {WEXITSTATUS(status)}" : $"was ended by SIG{sigabbrev_np(WTERMSIG(status))}";
        ServerEvents.Report(EventLevel.Warning, "child_lost", $"child {pid} {how}");
    }

    private static long Nanoseconds(timeval time) => ((time.tv_sec * 1_000_000) + time.tv_usec) * NanosecondsPerMicrosecond;
}
