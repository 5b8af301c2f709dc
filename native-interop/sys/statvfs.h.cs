using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// fstatvfs(3)
public static unsafe partial class Libc
{
    /// <summary>fstatvfs(3): the file system that a file is on: its size, its room, its id.</summary>
    public static SyscallResult fstatvfs(int fd, out statvfs status)
    {
        fixed (statvfs* buffer = &status)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.fstatvfs(fd, buffer));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>A file system. Blocks are of f_frsize bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 112)]
    public struct statvfs
    {
        public ulong f_bsize;
        public ulong f_frsize;
        public ulong f_blocks;
        public ulong f_bfree;
        public ulong f_bavail;
        public ulong f_files;
        public ulong f_ffree;
        public ulong f_favail;
        public ulong f_fsid;
        public ulong f_flag;
        public ulong f_namemax;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int fstatvfs(int fd, Libc.statvfs* buf);
}
