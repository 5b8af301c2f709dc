using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// mmap(2), munmap(2), madvise(2), memfd_create(2)
public static unsafe partial class Libc
{
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_POPULATE = 0x8000;
    public const int MADV_DONTNEED = 4;
    public const uint MFD_CLOEXEC = 1;

    /// <summary>mmap(2): maps memory. With MAP_SHARED a child of fork(2) sees the same bytes as its parent.</summary>
    /// <exception cref="SyscallException">The mapping was refused.</exception>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static void* mmap(nuint length, int prot, int flags, int fd, long offset = 0)
    {
        Platform.RequireSupported();
        void* address = Raw.mmap(null, length, prot, flags, fd, offset);
        if ((nint)address == -1)
            SyscallResult.Of(-1).OrThrow("mmap", $"{length} bytes");
        return address;
    }

    /// <summary>munmap(2): removes a mapping.</summary>
    public static SyscallResult munmap(void* address, nuint length) => SyscallResult.Of(Raw.munmap(address, length));

    /// <summary>madvise(2): tells the kernel how a range of memory will be used, or to change it.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="advice">A MADV_ constant: here or in linux/mman.h.</param>
    public static SyscallResult madvise(nint address, nuint length, int advice) => SyscallResult.Of(Raw.madvise((void*)address, length, advice));

    /// <summary>memfd_create(2): makes a file that exists only in memory; /proc/PID/fd shows its name.</summary>
    public static SyscallResult memfd_create(string name, uint flags) => SyscallResult.Of(Raw.memfd_create(name, flags));
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial void* mmap(void* addr, nuint length, int prot, int flags, int fd, long offset);

    [LibraryImport(LibraryName)]
    public static partial int munmap(void* addr, nuint length);

    [LibraryImport(LibraryName)]
    public static partial int madvise(void* addr, nuint length, int advice);

    [LibraryImport(LibraryName, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int memfd_create(string name, uint flags);
}
