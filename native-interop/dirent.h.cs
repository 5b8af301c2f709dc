using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// getdents64(2): glibc 2.30 has it
public static unsafe partial class Libc
{
    /// <summary>getdents64(2): the next entries of a directory, as many as fit; the length of each is in its d_reclen.</summary>
    /// <returns>How many bytes of <paramref name="entries"/> they take; 0 at the end; EINVAL when there is no room for one.</returns>
    public static SyscallResult getdents64(int fd, Span<byte> entries)
    {
        fixed (byte* buffer = entries)
        {
            return SyscallResult.Of(Raw.getdents64(fd, buffer, (nuint)entries.Length));
        }
    }

    /// <summary>An entry of a directory. Its name ends with a NUL, and fills no more of the 256 bytes than it needs.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct dirent64
    {
        public ulong d_ino;
        public long d_off;
        public ushort d_reclen;
        public byte d_type;
        public d_name_buffer d_name;
    }

    /// <summary>The 256 bytes of d_name.</summary>
    [InlineArray(256)]
    public struct d_name_buffer
    {
        private byte _first;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint getdents64(int fd, byte* buffer, nuint length);
}
