using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// pread(2), pwrite(2), fsync(2), readlinkat(2), linkat(2), symlinkat(2), unlinkat(2), fchownat(2), faccessat2(2). Paths are bytes with a NUL at their end.
public static unsafe partial class Libc
{
    public const int R_OK = 4;
    public const int W_OK = 2;
    public const int X_OK = 1;

    /// <summary>pread(2): reads at an offset, and does not move the file's own offset.</summary>
    public static SyscallResult pread(int fd, Span<byte> buffer, long offset)
    {
        fixed (byte* buf = buffer)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.pread(fd, buf, (nuint)buffer.Length, offset));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>pwrite(2): writes at an offset, and does not move the file's own offset.</summary>
    public static SyscallResult pwrite(int fd, ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* buf = data)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.pwrite(fd, buf, (nuint)data.Length, offset));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>fsync(2): returns when a file is on its disk. It reports a failed earlier write once.</summary>
    public static SyscallResult fsync(int fd)
    {
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.fsync(fd));
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>readlinkat(2): the target of a symbolic link.</summary>
    /// <param name="dirfd">The directory; or with an empty path the link, opened with O_PATH.</param>
    /// <param name="path">The link.</param>
    /// <param name="target">Receives the bytes, without a NUL; what does not fit is cut off.</param>
    /// <returns>How many they are.</returns>
    public static SyscallResult readlinkat(int dirfd, ReadOnlySpan<byte> path, Span<byte> target)
    {
        fixed (byte* name = path, buf = target)
        {
            return SyscallResult.Of(Raw.readlinkat(dirfd, name, buf, (nuint)target.Length));
        }
    }

    /// <summary>linkat(2): gives a file another name.</summary>
    public static SyscallResult linkat(int olddirfd, ReadOnlySpan<byte> oldpath, int newdirfd, ReadOnlySpan<byte> newpath, int flags)
    {
        fixed (byte* old = oldpath, name = newpath)
        {
            return SyscallResult.Of(Raw.linkat(olddirfd, old, newdirfd, name, flags));
        }
    }

    /// <summary>symlinkat(2): makes a symbolic link.</summary>
    public static SyscallResult symlinkat(ReadOnlySpan<byte> target, int newdirfd, ReadOnlySpan<byte> linkpath)
    {
        fixed (byte* to = target, name = linkpath)
        {
            return SyscallResult.Of(Raw.symlinkat(to, newdirfd, name));
        }
    }

    /// <summary>unlinkat(2): removes a name; with AT_REMOVEDIR an empty directory.</summary>
    public static SyscallResult unlinkat(int dirfd, ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.unlinkat(dirfd, name, flags));
        }
    }

    /// <summary>fchownat(2): sets owner and group; -1 leaves either.</summary>
    public static SyscallResult fchownat(int dirfd, ReadOnlySpan<byte> path, uint owner, uint group, int flags)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.fchownat(dirfd, name, owner, group, flags));
        }
    }

    /// <summary>faccessat2(2): whether this thread may access a file in these ways; with AT_EACCESS as the effective user, not the real one.</summary>
    /// <param name="dirfd">The directory; or with an empty path and AT_EMPTY_PATH the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="mode">R_OK, W_OK and X_OK; the result is a success only if all given ones are allowed.</param>
    /// <param name="flags">AT_ flags.</param>
    public static SyscallResult faccessat2(int dirfd, ReadOnlySpan<byte> path, int mode, int flags)
    {
        fixed (byte* name = path)
        {
            return SyscallResult.Of(Raw.syscall(SYS_faccessat2, dirfd, (nint)name, mode, flags, 0, 0));
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint pread(int fd, void* buf, nuint count, long offset);

    [LibraryImport(LibraryName)]
    public static partial nint pwrite(int fd, void* buf, nuint count, long offset);

    [LibraryImport(LibraryName)]
    public static partial int fsync(int fd);

    [LibraryImport(LibraryName)]
    public static partial nint readlinkat(int dirfd, byte* pathname, byte* buf, nuint bufsiz);

    [LibraryImport(LibraryName)]
    public static partial int linkat(int olddirfd, byte* oldpath, int newdirfd, byte* newpath, int flags);

    [LibraryImport(LibraryName)]
    public static partial int symlinkat(byte* target, int newdirfd, byte* linkpath);

    [LibraryImport(LibraryName)]
    public static partial int unlinkat(int dirfd, byte* pathname, int flags);

    [LibraryImport(LibraryName)]
    public static partial int fchownat(int dirfd, byte* pathname, uint owner, uint group, int flags);
}
