using System.Globalization;

namespace Multiplex.Load.Comparison.Usage;

/// <summary>What all processors have done since the machine started, and this process: the first line of /proc/stat, proc(5).</summary>
/// <param name="WorkingS">Seconds that they ran programs, and the kernel for these.</param>
/// <param name="StolenS">Seconds that the hypervisor gave to other machines.</param>
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

    /// <summary>What was done since an earlier look.</summary>
    public MachineUse Since(MachineUse before) =>
        new(WorkingS - before.WorkingS, StolenS - before.StolenS, AllS - before.AllS, ClientS - before.ClientS);

    /// <summary>The part of the machine, 0 to 1, that neither a server nor this process used; null after no time.</summary>
    /// <param name="serverS">What the server used, in seconds.</param>
    public double? OthersShare(double serverS) => AllS > 0 ? Math.Clamp((WorkingS - ClientS - serverS) / AllS, 0, 1) : null;

    /// <summary>The part that the hypervisor gave to other machines.</summary>
    public double? StolenShare => AllS > 0 ? StolenS / AllS : null;
}
