using System.Globalization;
using static Multiplex.Interop.Libc;

namespace Multiplex.Forking;

/// <summary>
/// What fork(2) copies: not memory, but an entry of the page tables for each page of private memory that was written to, and what is copied
/// has to be taken down when the child ends. Fewer pages, and larger ones, make a fork cheaper.
/// </summary>
internal static class CopiedMemory
{
    private const nint HugePage = 2 << 20;

    /// <summary>
    /// Makes there be less of it, before the first fork: what the start of the program left on the heap is collected, and the types and
    /// constants of the program, which the runtime writes to memory when it starts, move to huge pages.
    /// </summary>
    public static void Shrink()
    {
        // Twice: a write of a reference to what is in the oldest generation marks no card, so a child touches no card table.
        for (int i = 0; i < GC.MaxGeneration; i++)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        string? program = File.ResolveLinkTarget("/proc/self/exe", returnFinalTarget: false)?.FullName;

        // The program's own data are mappings without a file that follow those of its file, proc(5): "start-end access offset device inode path".
        bool isInProgram = false;
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (fields.Length == 6 && isInProgram && fields[5] != program)
                return;
            isInProgram |= fields.Length == 6 && fields[5] == program;
            if (fields.Length == 5 && isInProgram)
                Collapse(fields[0].Split('-'));
        }
    }

    private static void Collapse(string[] range)
    {
        nint start = nint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        nint end = nint.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        for (nint page = (start + HugePage - 1) & -HugePage; page + HugePage <= end; page += HugePage)
            _ = madvise(page, (nuint)HugePage, MADV_COLLAPSE);   // a kernel that cannot forks more slowly
    }
}
