using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// ioctl(2)
public static unsafe partial class Libc
{
    /// <summary>ioctl(2) for a request that reads an integer, such as SIOCOUTQ: bytes sent that the peer has not acknowledged, tcp(7).</summary>
    public static SyscallResult ioctl(int fd, uint request, out int value)
    {
        int read = 0;
        SyscallResult result = SyscallResult.Of(Raw.ioctl(fd, request, &read));
        value = read;
        return result;
    }
}

public static unsafe partial class Raw
{
    // Variadic in C; on x86-64 and arm64 Linux a third argument is passed as any other.
    [LibraryImport(LibraryName)]
    public static partial int ioctl(int fd, nuint request, int* value);
}
