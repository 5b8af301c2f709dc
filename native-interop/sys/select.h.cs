using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// select(2)
public static unsafe partial class Libc
{
    /// <summary>One more than the highest descriptor that a set has room for.</summary>
    public const int FD_SETSIZE = 1024;

    /// <summary>
    /// select(2): waits until a descriptor of the sets is ready or the time is up, and leaves the ready ones in them. EINTR is
    /// returned, as for every wait; the sets are then as they were.
    /// </summary>
    /// <param name="nfds">One more than the highest descriptor in the sets.</param>
    /// <param name="readfds">A read would not block; Unsafe.NullRef for no set, as for the others.</param>
    /// <param name="writefds">A write would not block.</param>
    /// <param name="exceptfds">Something exceptional, such as out-of-band data; an error is none: it makes readable and writable.</param>
    /// <param name="timeout">Milliseconds; -1 waits for ever, 0 not at all.</param>
    /// <returns>How many bits are set in the sets; 0 when the time was up. EBADF when a descriptor is not open.</returns>
    public static SyscallResult select(int nfds, ref fd_set readfds, ref fd_set writefds, ref fd_set exceptfds, int timeout)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nfds, FD_SETSIZE);   // the kernel would write past the end of the sets
        timeval limit = new() { tv_sec = timeout / 1000, tv_usec = timeout % 1000 * 1000 };
        fixed (fd_set* read = &readfds, write = &writefds, except = &exceptfds)
        {
            return SyscallResult.Of(Raw.select(nfds, read, write, except, timeout < 0 ? null : &limit));
        }
    }

    /// <summary>Puts a descriptor into a set. C's macro writes wherever a number past FD_SETSIZE points; this one throws.</summary>
    public static void FD_SET(int fd, ref fd_set set) => set[fd >>> 6] |= 1UL << fd;

    /// <summary>Takes a descriptor out of a set.</summary>
    public static void FD_CLR(int fd, ref fd_set set) => set[fd >>> 6] &= ~(1UL << fd);

    /// <summary>Whether a descriptor is in a set.</summary>
    public static bool FD_ISSET(int fd, in fd_set set) => (set[fd >>> 6] & (1UL << fd)) != 0;

    /// <summary>Empties a set.</summary>
    public static void FD_ZERO(out fd_set set) => set = default;

    /// <summary>A set of descriptors, one bit each; its words hold 64.</summary>
    [InlineArray(FD_SETSIZE / 64)]
    public struct fd_set
    {
        private ulong _first;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int select(int nfds, Libc.fd_set* readfds, Libc.fd_set* writefds, Libc.fd_set* exceptfds, Libc.timeval* timeout);
}
