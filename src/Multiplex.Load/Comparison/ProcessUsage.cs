using System.Globalization;

namespace Multiplex.Load.Comparison;

/// <summary>What a server's processes have used so far, children that have ended included.</summary>
/// <param name="CpuNanoseconds">CPU time.</param>
/// <param name="ContextSwitches">Voluntary and involuntary.</param>
/// <param name="PssBytes">Memory now, shared pages divided among those who share them.</param>
/// <param name="Processes">Processes now.</param>
/// <param name="Threads">Threads now.</param>
public readonly record struct ProcessUsage(long CpuNanoseconds, long ContextSwitches, long PssBytes, int Processes, int Threads)
{
    /// <summary>Reads it from proc(5), and from the server's counters what children that have ended had used.</summary>
    /// <param name="pid">The server's first process.</param>
    /// <param name="counters">Its counters.</param>
    public static ProcessUsage Of(int pid, ServerCounters counters)
    {
        ProcessUsage sum = new(counters[Counter.ReapedCpuNanoseconds], counters[Counter.ReapedContextSwitches], 0, 0, 0);
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
        long cpu = 0, switches = 0;
        int threads = 0;
        foreach (string task in Directory.EnumerateDirectories($"/proc/{pid}/task"))
        {
            threads++;
            cpu += long.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture);
            switches += File.ReadLines($"{task}/status")
                .Where(line => line.Contains("ctxt_switches:", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.AsSpan(line.IndexOf(':') + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture));
        }

        const string Pss = "Pss:";
        string kilobytes = File.ReadLines($"/proc/{pid}/smaps_rollup").First(line => line.StartsWith(Pss, StringComparison.Ordinal));
        long pss = 1024 * long.Parse(kilobytes[Pss.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
        return new(CpuNanoseconds + cpu, ContextSwitches + switches, PssBytes + pss, Processes + 1, Threads + threads);
    }
}
