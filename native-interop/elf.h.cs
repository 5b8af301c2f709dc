using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// elf(5)
public static partial class Libc
{
    public const int PT_LOAD = 1;
    public const int PT_PHDR = 6;
    public const int PF_W = 2;

    /// <summary>A program header of elf(5): of type PT_LOAD, a piece of the file that is mapped.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Elf64_Phdr
    {
        public uint p_type;
        public uint p_flags;
        public ulong p_offset;
        public ulong p_vaddr;
        public ulong p_paddr;
        public ulong p_filesz;
        public ulong p_memsz;
        public ulong p_align;
    }
}
