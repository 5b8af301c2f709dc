using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// ioctl(2)
public static unsafe partial class Libc
{
    /// <summary>TIOCGWINSZ of ioctl_tty(2): the size of a terminal.</summary>
    public const uint TIOCGWINSZ = 0x5413;

    /// <summary>ioctl(2) for a request that reads an integer, such as SIOCOUTQ: bytes sent that the peer has not acknowledged, tcp(7).</summary>
    public static SyscallResult ioctl(int fd, uint request, out int value)
    {
        int read = 0;
        SyscallResult result = SyscallResult.Of(Raw.ioctl(fd, request, &read));
        value = read;
        return result;
    }

    /// <summary>ioctl(2) for a request that takes an integer, such as <see cref="PERF_EVENT_IOC_SET_OUTPUT"/>.</summary>
    public static SyscallResult ioctl(int fd, uint request, int value) => SyscallResult.Of(Raw.ioctl(fd, request, (int*)value));

    /// <summary>ioctl(2) with <see cref="TIOCGWINSZ"/>.</summary>
    /// <param name="fd">A terminal; ENOTTY if it is none.</param>
    /// <param name="size">Its size; zeros if the terminal does not report it.</param>
    public static SyscallResult ioctl(int fd, out winsize size)
    {
        winsize read = default;
        SyscallResult result = SyscallResult.Of(Raw.ioctl(fd, TIOCGWINSZ, (int*)&read));
        size = read;
        return result;
    }

    /// <summary>The size of a terminal, in characters and in pixels.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct winsize
    {
        public ushort ws_row;
        public ushort ws_col;
        public ushort ws_xpixel;
        public ushort ws_ypixel;
    }
}

public static unsafe partial class Raw
{
    // Variadic in C; on x86-64 and arm64 Linux a third argument is passed as any other.
    [LibraryImport(LibraryName)]
    public static partial int ioctl(int fd, nuint request, int* value);
}
