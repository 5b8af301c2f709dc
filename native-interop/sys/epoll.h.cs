using System.Runtime.CompilerServices;
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
    public const uint EPOLLRDHUP = 0x2000;
    public const uint EPOLLET = 0x8000_0000;
    public const uint EPOLLEXCLUSIVE = 0x1000_0000;

    /// <summary>epoll_create1(2): makes an interest list in the kernel.</summary>
    /// <exception cref="PlatformNotSupportedException">See <see cref="Platform.RequireSupported"/>.</exception>
    public static SyscallResult epoll_create1(int flags)
    {
        Platform.RequireSupported();
        return SyscallResult.Of(Raw.epoll_create1(flags));
    }

    /// <summary>epoll_ctl(2): adds, changes or deletes an entry of the interest list.</summary>
    public static SyscallResult epoll_ctl(int epfd, int op, int fd, uint events)
    {
        if (Platform.IsArm64)
        {
            Arm64.epoll_event entry = new() { events = events, data = (ulong)fd };
            return SyscallResult.Of(Raw.epoll_ctl(epfd, op, fd, &entry));
        }
        else
        {
            X64.epoll_event entry = new() { events = events, data = (ulong)fd };
            return SyscallResult.Of(Raw.epoll_ctl(epfd, op, fd, &entry));
        }
    }

    /// <summary>epoll_wait(2): fills <paramref name="events"/> with what is ready. EINTR is returned, as for every wait.</summary>
    /// <param name="epfd">The interest list.</param>
    /// <param name="events">Room for the events.</param>
    /// <param name="maxevents">How many to take at most, from 1 to the events that there is room for.</param>
    /// <param name="timeout">Milliseconds; -1 waits for ever, 0 not at all.</param>
    /// <returns>How many events there are; 0 when the time was up.</returns>
    public static SyscallResult epoll_wait(int epfd, epoll_events events, int maxevents, int timeout)
    {
        fixed (byte* first = events.Room(maxevents))
        {
            return SyscallResult.Of(Raw.epoll_wait(epfd, first, maxevents, timeout));
        }
    }

    /// <summary>epoll_pwait2(2): as epoll_wait, for a time in nanoseconds. Linux 5.11; ENOSYS before that.</summary>
    public static SyscallResult epoll_pwait2(int epfd, epoll_events events, int maxevents, long nanoseconds)
    {
        timespec timeout = new() { tv_sec = nanoseconds / 1_000_000_000, tv_nsec = nanoseconds % 1_000_000_000 };
        fixed (byte* first = events.Room(maxevents))
        {
            return SyscallResult.Of(Raw.epoll_pwait2(epfd, first, maxevents, &timeout, null));
        }
    }

    /// <summary>An array of struct epoll_event in the layout of this processor.</summary>
    /// <param name="count">How many events it has room for.</param>
    public sealed class epoll_events(int count)
    {
        private readonly byte[] _memory = new byte[count * Size];

        /// <summary>How many events it has room for.</summary>
        public int Length => _memory.Length / Size;

        private static int Size => Platform.IsArm64 ? sizeof(Arm64.epoll_event) : sizeof(X64.epoll_event);

        /// <summary>What happened: EPOLLIN and so on.</summary>
        public uint EventsOf(int index) => Platform.IsArm64 ? At<Arm64.epoll_event>(index).events : At<X64.epoll_event>(index).events;

        /// <summary>The word that was registered with the descriptor: <see cref="epoll_ctl"/> registers the descriptor itself.</summary>
        public ulong DataOf(int index) => Platform.IsArm64 ? At<Arm64.epoll_event>(index).data : At<X64.epoll_event>(index).data;

        /// <summary>The memory of the first events.</summary>
        internal Span<byte> Room(int events) => _memory.AsSpan(0, events * Size);

        private ref T At<T>(int index)
            where T : unmanaged => ref Unsafe.As<byte, T>(ref _memory[index * sizeof(T)]);
    }

    public static partial class X64
    {
        /// <summary>What happened, and the word that was registered with the descriptor. Packed on x86-64, and only there.</summary>
        [StructLayout(LayoutKind.Sequential, Pack = 4)]
        public struct epoll_event
        {
            public uint events;
            public ulong data;
        }
    }

    public static partial class Arm64
    {
        /// <summary>What happened, and the word that was registered with the descriptor.</summary>
        [StructLayout(LayoutKind.Sequential)]
        public struct epoll_event
        {
            public uint events;
            public ulong data;
        }
    }
}

public static unsafe partial class Raw
{
    [LibraryImport(LibraryName)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(LibraryName)]
    public static partial int epoll_ctl(int epfd, int op, int fd, void* @event);

    [LibraryImport(LibraryName)]
    public static partial int epoll_wait(int epfd, void* events, int maxevents, int timeout);

    [LibraryImport(LibraryName)]
    public static partial int epoll_pwait2(int epfd, void* events, int maxevents, Libc.timespec* timeout, void* sigmask);
}
