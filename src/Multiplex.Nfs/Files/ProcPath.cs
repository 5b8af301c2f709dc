using System.Buffers.Text;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>/proc/thread-self/fd/N of proc(5): the path of an O_PATH descriptor, for calls that take only a path. It is that file, whatever its name is.</summary>
/// <remarks>Of the thread, not of the process: a server's threads may have descriptor tables of their own.</remarks>
internal static class ProcPath
{
    /// <summary>The longest such path, in bytes.</summary>
    public const int MaxLength = 32;

    private static ReadOnlySpan<byte> Prefix => "/proc/thread-self/fd/"u8;

    /// <summary>The path, with a NUL at its end.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="room">Where to write it, <see cref="MaxLength"/> bytes.</param>
    public static ReadOnlySpan<byte> Of(int fd, Span<byte> room)
    {
        Prefix.CopyTo(room);
        Utf8Formatter.TryFormat(fd, room[Prefix.Length..], out int digits);
        room[Prefix.Length + digits] = 0;
        return room[..(Prefix.Length + digits + 1)];
    }

    /// <summary>Opens a regular file or a directory again, as the server's own user.</summary>
    /// <returns>The descriptor, or the negative errno.</returns>
    public static int Reopen(int fd, int flags)
    {
        FileSystemUser user = FileSystemUser.Current;
        user.AsServer();
        SyscallResult result = openat(AT_FDCWD, Of(fd, stackalloc byte[MaxLength]), flags | O_CLOEXEC | O_NOCTTY);
        return user.AsCaller() ? (int)result.Value : -EACCES;
    }

    /// <summary>The file's path now, without a NUL, truncated to the room.</summary>
    /// <returns>The path; empty if it is not known.</returns>
    public static ReadOnlySpan<byte> Where(int fd, Span<byte> path)
    {
        SyscallResult length = readlinkat(AT_FDCWD, Of(fd, stackalloc byte[MaxLength]), path);
        return length.IsError ? default : path[..(int)length.Value];
    }
}
