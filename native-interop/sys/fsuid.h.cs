using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// setfsuid(2), setfsgid(2). They change only the calling thread, also through the C library.
public static partial class Libc
{
    /// <summary>setfsuid(2): sets the user for which the kernel checks the file accesses of this thread. A user other than 0 loses the capabilities that concern files.</summary>
    /// <returns>The previous user. It never reports an error: call it twice to see whether it took effect.</returns>
    public static uint setfsuid(uint uid) => (uint)Raw.setfsuid(uid);

    /// <summary>setfsgid(2): the same for the group.</summary>
    public static uint setfsgid(uint gid) => (uint)Raw.setfsgid(gid);
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int setfsuid(uint uid);

    [LibraryImport(LibraryName)]
    public static partial int setfsgid(uint gid);
}
