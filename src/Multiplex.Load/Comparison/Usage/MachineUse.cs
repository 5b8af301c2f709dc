using System.Globalization;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>The CPU time of all processors since the machine started, the first line of /proc/stat, proc(5), and that of this process.</summary>
/// <param name="WorkingS">Seconds in programs, and in the kernel for them.</param>
/// <param name="StolenS">Seconds that the hypervisor gave to other machines (steal).</param>
/// <param name="AllS">All seconds.</param>
/// <param name="ClientS">CPU time of this process, in seconds.</param>
internal readonly record struct MachineUse(double WorkingS, double StolenS, double AllS, double ClientS)
{
    /// <summary>So far.</summary>
    public static MachineUse Now()
    {
        const double TicksPerS = 100;   // USER_HZ
        const int User = 0, Nice = 1, System = 2, Stolen = 7;
        double[] seconds =
        [
            .. File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
                .Select(ticks => long.Parse(ticks, CultureInfo.InvariantCulture) / TicksPerS),
        ];
        return new(seconds[User] + seconds[Nice] + seconds[System], seconds[Stolen], seconds.Take(Stolen + 1).Sum(), Environment.CpuUsage.TotalTime.TotalSeconds);
    }

    /// <summary>The time since an earlier reading.</summary>
    public MachineUse Since(MachineUse before) =>
        new(WorkingS - before.WorkingS, StolenS - before.StolenS, AllS - before.AllS, ClientS - before.ClientS);

    /// <summary>The share of the machine, 0 to 1, that processes other than the server and this one used; null when no time has passed.</summary>
    /// <param name="serverS">The CPU time of the server, in seconds.</param>
    public double? OthersShare(double serverS) => AllS > 0 ? Math.Clamp((WorkingS - ClientS - serverS) / AllS, 0, 1) : null;

    /// <summary>The share that the hypervisor gave to other machines.</summary>
    public double? StolenShare => AllS > 0 ? StolenS / AllS : null;
}
