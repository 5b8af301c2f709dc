using System.Reflection;
using System.Runtime.InteropServices;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Reporting;

/// <summary>The machine of a measurement.</summary>
/// <param name="Os">The operating system.</param>
/// <param name="Kernel">The kernel's release.</param>
/// <param name="Runtime">The .NET runtime.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Processors">The number of processors that the process may use.</param>
public sealed record MachineReport(string Os, string Kernel, string Runtime, string Processor, int Processors)
{
    /// <summary>The commit that this program was built from, with <c>.dirty</c> behind it when the tree had changes; null when it was not built from a commit.</summary>
    public string? Commit { get; init; }

    /// <summary>The governor of the processors' frequency, such as performance or powersave; null when there is none.</summary>
    public string? Governor { get; init; }

    /// <summary>The limit of this process's descriptors: the soft RLIMIT_NOFILE of getrlimit(2).</summary>
    public long OpenFiles { get; init; }

    /// <summary>The longest queue of connections to accept: net.core.somaxconn.</summary>
    public string? Somaxconn { get; init; }

    /// <summary>The local ports that the kernel chooses from: net.ipv4.ip_local_port_range.</summary>
    public string? LocalPorts { get; init; }

    /// <summary>This machine.</summary>
    public static MachineReport OfThisMachine() => new(
        RuntimeInformation.OSDescription,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        RuntimeInformation.FrameworkDescription,
        ProcessorName(File.ReadAllLines("/proc/cpuinfo")),
        Environment.ProcessorCount)
    {
        Commit = BuiltFrom(),
        Governor = Setting("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        OpenFiles = DescriptorLimit(),
        Somaxconn = Setting("/proc/sys/net/core/somaxconn"),
        LocalPorts = Setting("/proc/sys/net/ipv4/ip_local_port_range"),
    };

    // 1.2.3+COMMIT, as the build writes it.
    private static string? BuiltFrom() =>
        typeof(MachineReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var commit] ? commit : null;

    private static string? Setting(string file) => File.Exists(file) ? File.ReadAllText(file).Trim().Replace('\t', ' ') : null;

    private static long DescriptorLimit()
    {
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        return (long)Math.Min(limit.rlim_cur, long.MaxValue);
    }

    /// <summary>The processor, from the lines of /proc/cpuinfo: its name, or on ARM64, which has none there, the numbers that it identifies itself by.</summary>
    internal static string ProcessorName(string[] lines)
    {
        return Field("model name")
            ?? (Field("CPU part") is { } part ? $"ARM64 part {part} of implementer {Field("CPU implementer")}" : "unknown");

        string? Field(string name) =>
            Array.Find(lines, line => line.StartsWith(name, StringComparison.Ordinal)) is { } line ? line[(line.IndexOf(':') + 1)..].Trim() : null;
    }
}
