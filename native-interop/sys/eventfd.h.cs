using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// eventfd(2)
public static partial class Libc
{
    public const int EFD_SEMAPHORE = 1;
    public const int EFD_NONBLOCK = 0x800;
    public const int EFD_CLOEXEC = 0x80000;

    /// <summary>eventfd(2): a counter behind a descriptor: write adds, read takes, readable while it is not zero.</summary>
    public static SyscallResult eventfd(uint initval, int flags) => SyscallResult.Of(Raw.eventfd(initval, flags));
}

public static partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int eventfd(uint initval, int flags);
}
