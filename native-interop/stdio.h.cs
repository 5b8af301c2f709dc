using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// renameat(2)
public static unsafe partial class Libc
{
    /// <summary>renameat(2): renames a file in one step; it replaces a file that already has the new name. Paths are bytes with a NUL at their end.</summary>
    public static SyscallResult renameat(int olddirfd, ReadOnlySpan<byte> oldpath, int newdirfd, ReadOnlySpan<byte> newpath)
    {
        fixed (byte* old = oldpath, name = newpath)
        {
            return SyscallResult.Of(Raw.renameat(olddirfd, old, newdirfd, name));
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int renameat(int olddirfd, byte* oldpath, int newdirfd, byte* newpath);
}
