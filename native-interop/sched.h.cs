using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// unshare(2)
public static partial class Libc
{
    public const int CLONE_FILES = 0x400;

    /// <summary>
    /// unshare(2): gives the calling thread, and threads that it starts later, a separate copy of something that it shared with the other threads of
    /// the process; with CLONE_FILES, of the table of descriptors. EPERM where a container forbids the call.
    /// </summary>
    public static SyscallResult unshare(int flags) => SyscallResult.Of(Raw.unshare(flags));
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int unshare(int flags);
}
