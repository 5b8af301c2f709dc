using System.Globalization;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>The resources that a server's processes have used so far, children and threads that have ended included.</summary>
/// <param name="CpuNanoseconds">CPU time.</param>
/// <param name="ContextSwitches">Voluntary and involuntary; null when those of threads that have ended are not known.</param>
/// <param name="Processes">Processes now.</param>
/// <param name="Threads">Threads now.</param>
public readonly record struct ProcessUsage(long CpuNanoseconds, long? ContextSwitches, int Processes, int Threads)
{
    // Identifies the threads that were read, where a thread's counts are lost when it ends; 0 where they are not lost.
    private int Tasks { get; init; }

    // USER_HZ, the unit of times in /proc/PID/stat: 100 on every Linux that .NET runs on.
    private const long NanosecondsPerTick = 1_000_000_000 / 100;

    /// <summary>
    /// Reads it from proc(5). The counters of our server include the processes that have ended. Without counters, their CPU time is
    /// the time of the children for which a parent has waited, and their context switches are not known.
    /// </summary>
    /// <param name="pid">The server's first process.</param>
    /// <param name="counters">Its counters, when it is one of ours.</param>
    /// <returns>Null when the first process has ended: then there is no sum.</returns>
    public static ProcessUsage? Of(int pid, ServerCounters? counters)
    {
        IReadOnlyList<int> processes = ProcessTree.Of(pid);
        ProcessUsage sum = counters is null ? new(0, 0, 0, 0) : new(counters[Counter.ReapedCpuNanoseconds], counters[Counter.EndedContextSwitches], 0, 0);
        foreach (int process in processes)
        {
            try
            {
                sum = sum.Plus(process, hasCounters: counters is not null);
            }
            catch (IOException) when (process != pid)
            {
                // It ended during the reading; its parent has counted it, or will before the next reading.
            }
            catch (IOException)
            {
                return null;
            }
        }

        return sum;
    }

    /// <summary>The memory of a process and its descendants now, in bytes: shared pages are divided among the processes that share them.</summary>
    /// <returns>Null when they have ended, or are another user's.</returns>
    public static long? MemoryOf(int pid)
    {
        const string Pss = "Pss:";
        long sum = 0;
        foreach (int process in ProcessTree.Of(pid))
        {
            try
            {
                if (File.ReadLines($"/proc/{process}/smaps_rollup").FirstOrDefault(line => line.StartsWith(Pss, StringComparison.Ordinal)) is { } kilobytes)
                    sum += 1024 * long.Parse(kilobytes[Pss.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
                // It ended during the reading.
            }
            catch (UnauthorizedAccessException)
            {
                return null;
            }
        }

        return sum > 0 ? sum : null;
    }

    /// <summary>The use since an earlier reading; the numbers of processes and threads are those of now.</summary>
    public ProcessUsage Since(ProcessUsage before) => this with
    {
        CpuNanoseconds = CpuNanoseconds - before.CpuNanoseconds,
        ContextSwitches = Tasks == before.Tasks ? ContextSwitches - before.ContextSwitches : null,
    };

    private ProcessUsage Plus(int pid, bool hasCounters)
    {
        // The clock of the process includes threads that have ended; /proc lists only those that live.
        clock_getcpuclockid(pid, out int clock).OrThrow("clock_getcpuclockid", $"{pid}");
        long cpu = clock_gettime(clock);
        if (!hasCounters && ProcessTree.Find(pid) is { } process)
            cpu += process.ReapedTicks * NanosecondsPerTick;
        long switches = 0;
        int threads = 0, tasks = 0;
        foreach (string task in Directory.EnumerateDirectories($"/proc/{pid}/task").Order(StringComparer.Ordinal))
        {
            if (TryReadSwitches(task, out long ofThread))
            {
                switches += ofThread;
                threads++;
                tasks = HashCode.Combine(tasks, task);
            }
        }

        return new(CpuNanoseconds + cpu, ContextSwitches + switches, Processes + 1, Threads + threads)
        {
            Tasks = hasCounters ? 0 : HashCode.Combine(Tasks, tasks),
        };
    }

    // False when the thread has just ended: others of its process may live on.
    private static bool TryReadSwitches(string task, out long switches)
    {
        try
        {
            switches = File.ReadLines($"{task}/status")
                .Where(line => line.Contains("ctxt_switches:", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.AsSpan(line.IndexOf(':') + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
            return true;
        }
        catch (IOException)
        {
            switches = 0;
            return false;
        }
    }
}
