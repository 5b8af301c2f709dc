using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// open(2), openat(2), fcntl(2), posix_fallocate(3)
public static unsafe partial class Libc
{
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_APPEND = 0x400;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_EACCESS = 0x200;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int F_DUPFD = 0;
    public const int F_GETFD = 1;
    public const int F_SETFD = 2;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const int FD_CLOEXEC = 1;

    public static int O_DIRECTORY => Platform.IsArm64 ? Arm64.O_DIRECTORY : X64.O_DIRECTORY;

    public static int O_NOFOLLOW => Platform.IsArm64 ? Arm64.O_NOFOLLOW : X64.O_NOFOLLOW;

    /// <summary>open(2): returns a descriptor of the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="flags">O_ flags.</param>
    /// <param name="mode">The permissions of a file that O_CREAT makes.</param>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static SyscallResult open(string path, int flags, uint mode = 0)
    {
        Platform.RequireSupported();
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.open((byte*)name, flags, mode));
            }
            while (result.Is(EINTR));
            return result;
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
        }
    }

    /// <summary>openat(2): open(2) of a path that begins in a directory: bytes, with a NUL at their end.</summary>
    public static SyscallResult openat(int dirfd, ReadOnlySpan<byte> path, int flags, uint mode = 0)
    {
        fixed (byte* name = path)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.openat(dirfd, name, flags, mode));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>posix_fallocate(3): reserves disk space for the bytes of a file, so that later writes to them do not fail with ENOSPC.</summary>
    /// <param name="fd">The file.</param>
    /// <param name="offset">Where they begin.</param>
    /// <param name="length">How many.</param>
    /// <returns>0, or the negative errno (the function returns it, and does not set errno), such as ENOSPC.</returns>
    public static SyscallResult posix_fallocate(int fd, long offset, long length)
    {
        int error;
        do
        {
            error = Raw.posix_fallocate(fd, offset, length);
        }
        while (error == EINTR);
        return error == 0 ? default : SyscallResult.Failed(error);
    }

    /// <summary>fcntl(2) with an integer argument: reads or sets a descriptor's flags.</summary>
    public static SyscallResult fcntl(int fd, int cmd, nint arg = 0) => SyscallResult.Of(Raw.fcntl(fd, cmd, arg));

    public static partial class X64
    {
        public const int O_DIRECTORY = 0x10000;
        public const int O_NOFOLLOW = 0x20000;
    }

    public static partial class Arm64
    {
        public const int O_DIRECTORY = 0x4000;
        public const int O_NOFOLLOW = 0x8000;
    }
}

public static unsafe partial class Raw
{
    // open, openat and fcntl are variadic in C; on x86-64 and arm64 Linux a further integer argument is passed as any other.
    [LibraryImport(LibraryName)]
    public static partial int open(byte* pathname, int flags, uint mode);

    [LibraryImport(LibraryName)]
    public static partial int openat(int dirfd, byte* pathname, int flags, uint mode);

    [LibraryImport(LibraryName)]
    public static partial int posix_fallocate(int fd, long offset, long len);

    [LibraryImport(LibraryName)]
    public static partial int fcntl(int fd, int cmd, nint arg);
}
