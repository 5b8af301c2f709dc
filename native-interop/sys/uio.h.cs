using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// readv(2), writev(2), preadv2(2)
public static unsafe partial class Libc
{
    /// <summary>readv(2): scatters the received bytes over several buffers, filling the first one first. The caller holds their memory in place.</summary>
    public static SyscallResult readv(int fd, ReadOnlySpan<iovec> buffers)
    {
        fixed (iovec* iov = buffers)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.readv(fd, iov, buffers.Length));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>writev(2): gathers what several buffers hold into one write. The caller holds their memory in place.</summary>
    public static SyscallResult writev(int fd, ReadOnlySpan<iovec> buffers)
    {
        fixed (iovec* iov = buffers)
        {
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.writev(fd, iov, buffers.Length));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    public const int RWF_NOWAIT = 8;

    /// <summary>preadv2(2), into one buffer. With RWF_NOWAIT it reads only what needs no wait for a disk: fewer bytes, or EAGAIN if there are none.</summary>
    public static SyscallResult preadv2(int fd, Span<byte> buffer, long offset, int flags)
    {
        fixed (byte* bytes = buffer)
        {
            iovec iov = new() { iov_base = bytes, iov_len = (nuint)buffer.Length };
            SyscallResult result;
            do
            {
                result = SyscallResult.Of(Raw.preadv2(fd, &iov, 1, offset, flags));
            }
            while (result.Is(EINTR));
            return result;
        }
    }

    /// <summary>One buffer of several.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct iovec
    {
        public void* iov_base;
        public nuint iov_len;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial nint readv(int fd, Libc.iovec* iov, int iovcnt);

    [LibraryImport(LibraryName)]
    public static partial nint writev(int fd, Libc.iovec* iov, int iovcnt);

    [LibraryImport(LibraryName)]
    public static partial nint preadv2(int fd, Libc.iovec* iov, int iovcnt, long offset, int flags);
}
