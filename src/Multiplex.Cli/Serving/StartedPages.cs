using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Serving;

/// <summary>
/// The pages of the program's file that the start has mapped. Most of that code and data is used only once, to parse options and to set
/// up the runtime, and each page fault also maps the 15 pages around it. A server that waits for its first connection needs few of them.
/// </summary>
internal static unsafe class StartedPages
{
    private const ulong IsPresent = 1UL << 63;
    private const ulong IsOfFile = 1UL << 61;   // not set for a page that was written to: it is then a private copy

    /// <summary>
    /// Unmaps the pages that are not writable: madvise(2), MADV_DONTNEED. They stay in the page cache; a page that is needed again is mapped by a page
    /// fault of about a microsecond. Pages that differ from the file stay mapped: the runtime writes the cookie by which it detects stack
    /// overruns into such a segment, and then makes it read-only.
    /// </summary>
    public static void Drop()
    {
        SyscallResult opened = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        if (opened.IsError)
            return;   // without proc(5) they stay mapped
        int pagemap = (int)opened.Value;
        ReadOnlySpan<Elf64_Phdr> headers = new((void*)getauxval(AT_PHDR), (int)getauxval(AT_PHNUM));
        nint loadedAt = 0;   // the offset of a position-independent program: added to its addresses
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
                Drop(pagemap, start, new ulong[(end - start) / page], page);
        }

        close(pagemap);
    }

    // proc_pid_pagemap(5): eight bytes a page.
    private static void Drop(int pagemap, nint start, ulong[] pages, nint page)
    {
        if (pread(pagemap, MemoryMarshal.AsBytes(pages.AsSpan()), start / page * sizeof(ulong)).Value != pages.Length * sizeof(ulong))
            return;
        for (int first = 0, end; first < pages.Length; first = end + 1)
        {
            for (end = first; end < pages.Length && (pages[end] & (IsPresent | IsOfFile)) == (IsPresent | IsOfFile); end++)
            {
            }

            if (end > first)
                _ = madvise(start + (first * page), (nuint)((end - first) * page), MADV_DONTNEED);   // a kernel that refuses keeps them mapped
        }
    }
}
