using System.Globalization;

namespace Multiplex.Load.Comparison.Stacks;

/// <summary>A mapping of a process that holds code: a line of /proc/PID/maps, proc_pid_maps(5).</summary>
/// <param name="Start">Where it begins.</param>
/// <param name="End">Where it ends.</param>
/// <param name="Offset">Its offset in the file.</param>
/// <param name="File">The file; [vdso] and the like, or empty, where it is none.</param>
internal readonly record struct Mapping(ulong Start, ulong End, ulong Offset, string File);

/// <summary>The code of a process.</summary>
internal sealed class AddressSpace
{
    private readonly Mapping[] _mappings;

    private AddressSpace(Mapping[] mappings, string? program) => (_mappings, Program) = (mappings, program);

    /// <summary>The file that the process runs; null when that is not known.</summary>
    public string? Program { get; }

    /// <summary>The code of a process; null when it has ended.</summary>
    public static AddressSpace? Of(int pid)
    {
        try
        {
            Mapping[] mappings = [.. File.ReadLines($"/proc/{pid}/maps").Select(Parse).OfType<Mapping>()];
            return mappings.Length == 0 ? null : new(mappings, File.ResolveLinkTarget($"/proc/{pid}/exe", returnFinalTarget: false)?.FullName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The function at an address.</summary>
    public Mapping? Find(ulong address)
    {
        foreach (Mapping mapping in _mappings)
        {
            if (address >= mapping.Start && address < mapping.End)
                return mapping;
        }

        return null;
    }

    // 563925105000-56392570a000 r-xp 00016000 fe:00 11665504    /usr/bin/server
    private static Mapping? Parse(string line)
    {
        const int Range = 0, Rights = 1, Offset = 2, Name = 5;
        string[] fields = line.Split(' ', 6);
        if (!fields[Rights].Contains('x', StringComparison.Ordinal))
            return null;
        string[] range = fields[Range].Split('-');
        return new(Hexadecimal(range[0]), Hexadecimal(range[1]), Hexadecimal(fields[Offset]), fields[Name].TrimStart());
    }

    private static ulong Hexadecimal(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
