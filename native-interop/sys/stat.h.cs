using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// statx(2), chmod(2). Not stat(2): its struct differs from one processor to the next.
public static unsafe partial class Libc
{
    /// <summary>statx(2) fills in what stat(2) would.</summary>
    public const uint STATX_BASIC_STATS = 0x7FF;

    public const ushort S_IFMT = 0xF000;
    public const ushort S_IFREG = 0x8000;
    public const ushort S_IFSOCK = 0xC000;
    public const ushort S_IWGRP = 0x10;
    public const ushort S_IWOTH = 0x2;

    /// <summary>statx(2): the type, the owner, the inode of a file.</summary>
    /// <param name="dirfd">AT_FDCWD; or with an empty path and AT_EMPTY_PATH the descriptor of the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="flags">AT_ flags, such as AT_SYMLINK_NOFOLLOW.</param>
    /// <param name="mask">STATX_ flags: which fields are wanted.</param>
    /// <param name="status">Receives them.</param>
    public static SyscallResult statx(int dirfd, string path, int flags, uint mask, out statx_t status)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            fixed (statx_t* buffer = &status)
            {
                return SyscallResult.Of(Raw.statx(dirfd, (byte*)name, flags, mask, buffer));
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
        }
    }

    /// <summary>chmod(2): sets the permissions of a file.</summary>
    public static SyscallResult chmod(string path, uint mode)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            return SyscallResult.Of(Raw.chmod((byte*)name, mode));
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
        }
    }

    /// <summary>struct statx, the same on every processor; the fields that are read here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct statx_t
    {
        [FieldOffset(20)]
        public uint stx_uid;

        [FieldOffset(28)]
        public ushort stx_mode;

        [FieldOffset(32)]
        public ulong stx_ino;

        [FieldOffset(136)]
        public uint stx_dev_major;

        [FieldOffset(140)]
        public uint stx_dev_minor;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int statx(int dirfd, byte* pathname, int flags, uint mask, Libc.statx_t* statxbuf);

    [LibraryImport(LibraryName)]
    public static partial int chmod(byte* pathname, uint mode);
}
