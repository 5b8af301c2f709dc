using System.Runtime.InteropServices;

namespace Multiplex.Load;

/// <summary>The machine that a figure comes from.</summary>
/// <param name="Os">The operating system.</param>
/// <param name="Kernel">The kernel's release.</param>
/// <param name="Runtime">The .NET runtime.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Processors">How many processors the process may use.</param>
public sealed record MachineReport(string Os, string Kernel, string Runtime, string Processor, int Processors)
{
    /// <summary>This machine.</summary>
    public static MachineReport OfThisMachine() => new(
        RuntimeInformation.OSDescription,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        RuntimeInformation.FrameworkDescription,
        ProcessorName(),
        Environment.ProcessorCount);

    private static string ProcessorName()
    {
        const string Field = "model name";
        string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? "unknown";
    }
}
