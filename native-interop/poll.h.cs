using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// poll(2)
public static unsafe partial class Libc
{
    public const short POLLIN = 0x1;
    public const short POLLOUT = 0x4;
    public const short POLLERR = 0x8;
    public const short POLLHUP = 0x10;
    public const short POLLNVAL = 0x20;
    public const short POLLRDHUP = 0x2000;

    /// <summary>poll(2): waits until a descriptor is ready or the time is up. EINTR is returned, as for every wait.</summary>
    /// <param name="fds">What to wait for; the kernel fills in revents.</param>
    /// <param name="timeout">Milliseconds; -1 waits for ever, 0 not at all.</param>
    /// <returns>How many entries have revents; 0 when the time was up.</returns>
    public static SyscallResult poll(Span<pollfd> fds, int timeout)
    {
        fixed (pollfd* first = fds)
        {
            return SyscallResult.Of(Raw.poll(first, (nuint)fds.Length, timeout));
        }
    }

    /// <summary>A descriptor, what to wait for on it, and what happened; a negative descriptor is passed over.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct pollfd
    {
        public int fd;
        public short events;
        public short revents;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int poll(Libc.pollfd* fds, nuint nfds, int timeout);
}
