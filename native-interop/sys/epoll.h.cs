using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// epoll(7), epoll_create1(2), epoll_ctl(2), epoll_wait(2), epoll_pwait2(2)
public static unsafe partial class Libc
{
    public const int EPOLL_CLOEXEC = 0x80000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;
    public const uint EPOLLIN = 0x1;
    public const uint EPOLLOUT = 0x4;
    public const uint EPOLLERR = 0x8;
    public const uint EPOLLHUP = 0x10;
    public const uint EPOLLET = 0x8000_0000;
    public const uint EPOLLEXCLUSIVE = 0x1000_0000;

    /// <summary>epoll_create1(2): makes an interest list in the kernel.</summary>
    public static SyscallResult epoll_create1(int flags) => SyscallResult.Of(Raw.epoll_create1(flags));

    /// <summary>epoll_ctl(2): adds, changes or deletes an entry of the interest list.</summary>
    public static SyscallResult epoll_ctl(int epfd, int op, int fd, uint events)
    {
        epoll_event entry = new() { events = events, data = (ulong)fd };
        return SyscallResult.Of(Raw.epoll_ctl(epfd, op, fd, &entry));
    }

    /// <summary>epoll_wait(2): fills <paramref name="events"/> with what is ready. EINTR is returned, as for every wait.</summary>
    public static SyscallResult epoll_wait(int epfd, Span<epoll_event> events, int timeout)
    {
        fixed (epoll_event* first = events)
        {
            return SyscallResult.Of(Raw.epoll_wait(epfd, first, events.Length, timeout));
        }
    }

    /// <summary>epoll_pwait2(2): as epoll_wait, for a time in nanoseconds. Linux 5.11; ENOSYS before that.</summary>
    public static SyscallResult epoll_pwait2(int epfd, Span<epoll_event> events, long nanoseconds)
    {
        timespec timeout = new() { tv_sec = nanoseconds / 1_000_000_000, tv_nsec = nanoseconds % 1_000_000_000 };
        fixed (epoll_event* first = events)
        {
            return SyscallResult.Of(Raw.epoll_pwait2(epfd, first, events.Length, &timeout, null));
        }
    }

    /// <summary>What happened, and the word that was registered with the descriptor. Packed on x86-64, and only there.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct epoll_event
    {
        public uint events;
        public ulong data;
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(LibraryName)]
    public static partial int epoll_ctl(int epfd, int op, int fd, Libc.epoll_event* @event);

    [LibraryImport(LibraryName)]
    public static partial int epoll_wait(int epfd, Libc.epoll_event* events, int maxevents, int timeout);

    [LibraryImport(LibraryName)]
    public static partial int epoll_pwait2(int epfd, Libc.epoll_event* events, int maxevents, Libc.timespec* timeout, void* sigmask);
}
