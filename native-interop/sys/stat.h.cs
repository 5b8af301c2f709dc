using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// statx(2), chmod(2), mkdirat(2), mknodat(2), utimensat(2), umask(2). Not stat(2): its struct differs from one processor to the next.
public static unsafe partial class Libc
{
    /// <summary>statx(2) fills in what stat(2) would.</summary>
    public const uint STATX_BASIC_STATS = 0x7FF;

    public const uint STATX_BTIME = 0x800;
    public const uint STATX_MNT_ID = 0x1000;

    public const ushort S_IFMT = 0xF000;
    public const ushort S_IFIFO = 0x1000;
    public const ushort S_IFCHR = 0x2000;
    public const ushort S_IFDIR = 0x4000;
    public const ushort S_IFBLK = 0x6000;
    public const ushort S_IFREG = 0x8000;
    public const ushort S_IFLNK = 0xA000;
    public const ushort S_IFSOCK = 0xC000;
    /// <summary>Values of tv_nsec for utimensat(2): the current time; no change.</summary>
    public const long UTIME_NOW = 0x3FFFFFFF, UTIME_OMIT = 0x3FFFFFFE;

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

    /// <summary>statx(2) of a path that is bytes, with a NUL at their end.</summary>
    public static SyscallResult statx(int dirfd, ReadOnlySpan<byte> path, int flags, uint mask, out statx_t status)
    {
        fixed (byte* name = path)
        fixed (statx_t* buffer = &status)
        {
            return SyscallResult.Of(Raw.statx(dirfd, name, flags, mask, buffer));
        }
    }

    /// <summary>chmod(2) of a path that is bytes, with a NUL at their end.</summary>
    public static SyscallResult chmod(ReadOnlySpan<byte> path, uint mode)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.chmod(name, mode));
        }
    }

    /// <summary>mkdirat(2): makes a directory. The path is bytes, with a NUL at their end.</summary>
    public static SyscallResult mkdirat(int dirfd, ReadOnlySpan<byte> path, uint mode)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.mkdirat(dirfd, name, mode));
        }
    }

    /// <summary>mknodat(2): makes a device, FIFO or socket. The path is bytes, with a NUL at their end.</summary>
    /// <param name="dirfd">The directory.</param>
    /// <param name="path">The name.</param>
    /// <param name="mode">The type, an S_IF constant, and the permissions.</param>
    /// <param name="device">Of a device, its numbers, as makedev(3) packs them.</param>
    public static SyscallResult mknodat(int dirfd, ReadOnlySpan<byte> path, uint mode, ulong device)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.mknodat(dirfd, name, mode, device));
        }
    }

    /// <summary>utimensat(2): sets the times of a file.</summary>
    /// <param name="dirfd">The directory; or with an empty path and AT_EMPTY_PATH the file.</param>
    /// <param name="path">The file: bytes, with a NUL at their end.</param>
    /// <param name="access">The time of the last read; tv_nsec may be UTIME_NOW or UTIME_OMIT.</param>
    /// <param name="modification">The time of the last write; likewise.</param>
    /// <param name="flags">AT_ flags.</param>
    public static SyscallResult utimensat(int dirfd, ReadOnlySpan<byte> path, timespec access, timespec modification, int flags)
    {
        timespec* times = stackalloc timespec[] { access, modification };
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.utimensat(dirfd, name, times, flags));
        }
    }

    /// <summary>umask(2): the permissions that new files of this process do not get.</summary>
    /// <returns>The mask before.</returns>
    public static uint umask(uint mask) => Raw.umask(mask);

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
        [FieldOffset(0)]
        public uint stx_mask;

        [FieldOffset(16)]
        public uint stx_nlink;

        [FieldOffset(20)]
        public uint stx_uid;

        [FieldOffset(24)]
        public uint stx_gid;

        [FieldOffset(28)]
        public ushort stx_mode;

        [FieldOffset(32)]
        public ulong stx_ino;

        [FieldOffset(40)]
        public ulong stx_size;

        [FieldOffset(48)]
        public ulong stx_blocks;

        [FieldOffset(64)]
        public statx_timestamp stx_atime;

        [FieldOffset(80)]
        public statx_timestamp stx_btime;

        [FieldOffset(96)]
        public statx_timestamp stx_ctime;

        [FieldOffset(112)]
        public statx_timestamp stx_mtime;

        [FieldOffset(128)]
        public uint stx_rdev_major;

        [FieldOffset(132)]
        public uint stx_rdev_minor;

        [FieldOffset(136)]
        public uint stx_dev_major;

        [FieldOffset(140)]
        public uint stx_dev_minor;

        [FieldOffset(144)]
        public ulong stx_mnt_id;
    }

    /// <summary>A time of a file.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    public struct statx_timestamp
    {
        public long tv_sec;
        public uint tv_nsec;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int statx(int dirfd, byte* pathname, int flags, uint mask, Libc.statx_t* statxbuf);

    [LibraryImport(LibraryName)]
    public static partial int chmod(byte* pathname, uint mode);

    [LibraryImport(LibraryName)]
    public static partial int mkdirat(int dirfd, byte* pathname, uint mode);

    [LibraryImport(LibraryName)]
    public static partial int mknodat(int dirfd, byte* pathname, uint mode, ulong dev);

    [LibraryImport(LibraryName)]
    public static partial int utimensat(int dirfd, byte* pathname, Libc.timespec* times, int flags);

    [LibraryImport(LibraryName)]
    public static partial uint umask(uint mask);
}
