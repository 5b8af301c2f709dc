using System.Globalization;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Comparison;

/// <summary>What a server's processes have used so far, children and threads that have ended included.</summary>
/// <param name="CpuNanoseconds">CPU time.</param>
/// <param name="ContextSwitches">Voluntary and involuntary.</param>
/// <param name="PssBytes">Memory now, shared pages divided among those who share them.</param>
/// <param name="Processes">Processes now.</param>
/// <param name="Threads">Threads now.</param>
public readonly record struct ProcessUsage(long CpuNanoseconds, long ContextSwitches, long PssBytes, int Processes, int Threads)
{
    /// <summary>Reads it from proc(5), and from the server's counters what those who have ended had used.</summary>
    /// <param name="pid">The server's first process.</param>
    /// <param name="counters">Its counters.</param>
    public static ProcessUsage Of(int pid, ServerCounters counters)
    {
        ProcessUsage sum = new(counters[Counter.ReapedCpuNanoseconds], counters[Counter.EndedContextSwitches], 0, 0, 0);
        foreach (int process in ChildrenOf(pid).Prepend(pid))
        {
            try
            {
                sum = sum.Plus(process);
            }
            catch (IOException)
            {
                // It ended while it was looked at; its parent has counted it, or will before the next look.
            }
        }

        return sum;
    }

    private static IEnumerable<int> ChildrenOf(int parent)
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out int pid))
                continue;
            string stat;
            try
            {
                stat = File.ReadAllText($"/proc/{pid}/stat");
            }
            catch (IOException)
            {
                continue;   // it ended in between
            }

            // pid (name) state ppid …, and the name may contain anything: look behind its last parenthesis.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            if (fields[0] != "Z" && int.Parse(fields[1], CultureInfo.InvariantCulture) == parent)
                yield return pid;
        }
    }

    private ProcessUsage Plus(int pid)
    {
        // The process's own clock: the threads that /proc lists are only those that live.
        clock_getcpuclockid(pid, out int clock).OrThrow("clock_getcpuclockid", $"{pid}");
        long cpu = clock_gettime(clock);
        long switches = 0;
        int threads = 0;
        foreach (string task in Directory.EnumerateDirectories($"/proc/{pid}/task"))
        {
            if (TryReadSwitches(task, out long ofThread))
            {
                switches += ofThread;
                threads++;
            }
        }

        const string Pss = "Pss:";
        string kilobytes = File.ReadLines($"/proc/{pid}/smaps_rollup").First(line => line.StartsWith(Pss, StringComparison.Ordinal));
        long pss = 1024 * long.Parse(kilobytes[Pss.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
        return new(CpuNanoseconds + cpu, ContextSwitches + switches, PssBytes + pss, Processes + 1, Threads + threads);
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
