using Multiplex.Interop;
using Multiplex.Nfs.Protocol;
using static Multiplex.Interop.Libc;

namespace Multiplex.Nfs.Files;

/// <summary>The name of a file in a directory: bytes, of which two are excluded, "/" and NUL.</summary>
internal static class FileName
{
    /// <summary>The longest name, in bytes: NAME_MAX of Linux.</summary>
    public const int MaxLength = 255;

    /// <summary>Copies a name that a client sent to a C string, with a NUL at its end.</summary>
    /// <param name="name">The name.</param>
    /// <param name="room">Where to write it: one byte more than <see cref="MaxLength"/>.</param>
    /// <param name="path">What was written.</param>
    /// <returns>NFS3_OK, or the error of the name.</returns>
    public static Nfsstat3 Check(ReadOnlySpan<byte> name, Span<byte> room, out Span<byte> path)
    {
        path = default;
        if (name.Length > MaxLength)
            return Nfsstat3.Nfs3errNametoolong;
        if (name.IsEmpty || name.IndexOfAny((byte)0, (byte)'/') >= 0)
            return Nfsstat3.Nfs3errInval;
        name.CopyTo(room);
        room[name.Length] = 0;
        path = room[..(name.Length + 1)];
        return Nfsstat3.Nfs3Ok;
    }

    /// <summary>Whether it is the directory itself or its parent.</summary>
    public static bool IsDots(ReadOnlySpan<byte> name) => IsSelf(name) || IsParent(name);

    /// <summary>Whether it is the directory itself.</summary>
    public static bool IsSelf(ReadOnlySpan<byte> name) => name.SequenceEqual("."u8);

    /// <summary>Whether it is the directory's parent.</summary>
    public static bool IsParent(ReadOnlySpan<byte> name) => name.SequenceEqual(".."u8);

    /// <summary>Opens a file in a directory: not beyond it, and not through a symbolic link.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="path">The name, with a NUL at its end.</param>
    /// <param name="flags">O_ flags.</param>
    /// <param name="mode">The permissions of a file that O_CREAT makes.</param>
    public static SyscallResult Open(int directory, ReadOnlySpan<byte> path, int flags, uint mode = 0) =>
        openat2(directory, path, flags | O_NOFOLLOW | O_CLOEXEC, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}
