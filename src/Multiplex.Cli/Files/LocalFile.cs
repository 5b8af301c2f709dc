using Microsoft.Win32.SafeHandles;
using Multiplex.Interop;
using Multiplex.Nfs.Client;
using static Multiplex.Interop.Libc;

namespace Multiplex.Cli.Files;

/// <summary>Files of this machine, whose names are bytes.</summary>
internal static class LocalFile
{
    /// <summary>open(2) for writing: creates the file, or truncates it.</summary>
    /// <exception cref="SyscallException">It cannot be made.</exception>
    public static SafeFileHandle Create(byte[] path, uint mode) => Open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    /// <summary>open(2) for reading.</summary>
    /// <exception cref="SyscallException">It cannot be read.</exception>
    public static SafeFileHandle Read(byte[] path) => Open(path, O_RDONLY, mode: 0);

    /// <summary>The type of an open file, an S_IF constant, and its permissions, 07777.</summary>
    public static (ushort Type, uint Permissions) ModeOf(SafeFileHandle file)
    {
        statx((int)file.DangerousGetHandle(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, out statx_t status).OrThrow("statx");
        return ((ushort)(status.stx_mode & S_IFMT), status.stx_mode & ~(uint)S_IFMT);
    }

    /// <summary>Finds the next data from an offset on, lseek(2) SEEK_DATA.</summary>
    /// <returns>The offset of the data; null when only a hole or the end of the file follows.</returns>
    public static long? NextData(SafeFileHandle file, long offset)
    {
        SyscallResult result = lseek((int)file.DangerousGetHandle(), offset, SEEK_DATA);
        return result.IsError ? result.Is(ENXIO) ? null : offset : result.Value;   // a file system without holes reports data everywhere
    }

    private static SafeFileHandle Open(byte[] path, int flags, uint mode) =>
        new(openat(AT_FDCWD, [.. path, 0], flags | O_CLOEXEC, mode).OrThrow("open", NfsPath.TextOf(path)), ownsHandle: true);
}
