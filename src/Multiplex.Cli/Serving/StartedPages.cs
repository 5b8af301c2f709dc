using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// The pages of the program's file that the start has mapped: most of the code and data there is run or read once, to parse options and to set
/// the runtime up, and each page fault maps the 15 pages around it too. A server that waits for its first connection needs few of them.
/// </summary>
internal static unsafe class StartedPages
{
    /// <summary>
    /// Unmaps them: madvise(2), MADV_DONTNEED, of each piece of the file that is not writable, and so the same in memory. They stay in the page cache,
    /// and what is needed again is mapped by a page fault of about a microsecond.
    /// </summary>
    public static void Drop()
    {
        ReadOnlySpan<Elf64_Phdr> headers = new((void*)getauxval(AT_PHDR), (int)getauxval(AT_PHNUM));
        nint loadedAt = 0;   // of a program that may be loaded anywhere: what is added to its addresses
        foreach (ref readonly Elf64_Phdr header in headers)
        {
            if (header.p_type == PT_PHDR)
                loadedAt = (nint)getauxval(AT_PHDR) - (nint)header.p_vaddr;
        }

        nint page = Environment.SystemPageSize;
        foreach (ref readonly Elf64_Phdr header in headers)
        {
            if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0)
                continue;
            nint start = (loadedAt + (nint)header.p_vaddr + page - 1) & -page;
            nint end = (loadedAt + (nint)(header.p_vaddr + header.p_memsz)) & -page;
            if (start < end)
                _ = madvise(start, (nuint)(end - start), MADV_DONTNEED);   // a kernel that refuses keeps them mapped
        }
    }
}
