using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// eventfd(2)
public static unsafe partial class Libc
{
    public const int EFD_NONBLOCK = 0x800;
    public const int EFD_CLOEXEC = 0x80000;

    /// <summary>eventfd(2): a counter with a descriptor: a write adds to it, a read returns it and sets it to zero. Readable while it is not zero.</summary>
    public static SyscallResult eventfd(uint initval, int flags) => SyscallResult.Of(Raw.eventfd(initval, flags));

    /// <summary>eventfd_write(3): adds to the counter.</summary>
    public static SyscallResult eventfd_write(int fd, ulong value)
    {
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.eventfd_write(fd, value));
        }
        while (result.Is(EINTR));
        return result;
    }

    /// <summary>eventfd_read(3): returns the counter and sets it to zero; EAGAIN if it is zero and the descriptor is non-blocking.</summary>
    public static SyscallResult eventfd_read(int fd, out ulong value)
    {
        ulong taken = 0;
        SyscallResult result;
        do
        {
            result = SyscallResult.Of(Raw.eventfd_read(fd, &taken));
        }
        while (result.Is(EINTR));
        value = taken;
        return result;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int eventfd(uint initval, int flags);

    [LibraryImport(LibraryName)]
    public static partial int eventfd_write(int fd, ulong value);

    [LibraryImport(LibraryName)]
    public static partial int eventfd_read(int fd, ulong* value);
}
