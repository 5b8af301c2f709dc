using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// perf_event_open(2)
public static unsafe partial class Libc
{
    public const uint PERF_TYPE_HARDWARE = 0;
    public const uint PERF_TYPE_SOFTWARE = 1;
    public const uint PERF_TYPE_TRACEPOINT = 2;
    public const ulong PERF_COUNT_HW_INSTRUCTIONS = 1;
    public const ulong PERF_COUNT_SW_PAGE_FAULTS = 2;
    public const ulong PERF_COUNT_SW_CONTEXT_SWITCHES = 3;
    public const uint PERF_ATTR_SIZE_VER0 = 64;
    public const uint PERF_FLAG_FD_CLOEXEC = 1 << 3;

    /// <summary>perf_event_open(2): a descriptor whose read(2) gives how often an event has happened, as eight bytes.</summary>
    /// <param name="attr">The event; its size is set here.</param>
    /// <param name="pid">The thread to count in.</param>
    /// <param name="cpu">The processor to count on; -1 for all.</param>
    /// <param name="group_fd">The leader of a group; -1 for none.</param>
    /// <param name="flags">PERF_FLAG_ and so on.</param>
    /// <returns>
    /// EACCES or EPERM where /proc/sys/kernel/perf_event_paranoid forbids it, ENOENT where the machine has no such event, ENOSYS where
    /// the kernel was built without, ESRCH when the thread has ended.
    /// </returns>
    public static SyscallResult perf_event_open(perf_event_attr attr, int pid, int cpu, int group_fd, uint flags)
    {
        attr.size = PERF_ATTR_SIZE_VER0;
        return SyscallResult.Of(Raw.syscall(SYS_perf_event_open, (nint)(&attr), pid, cpu, group_fd, (nint)flags, 0));
    }

    /// <summary>What to count. This is the first version of the struct, which every kernel takes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = (int)PERF_ATTR_SIZE_VER0)]
    public struct perf_event_attr
    {
        [FieldOffset(0)]
        public uint type;
        [FieldOffset(4)]
        public uint size;
        [FieldOffset(8)]
        public ulong config;
        [FieldOffset(16)]
        public ulong sample_period;
        [FieldOffset(24)]
        public ulong sample_type;
        [FieldOffset(32)]
        public ulong read_format;

        // Bit fields in C: disabled, inherit, pinned, …
        [FieldOffset(40)]
        private ulong _flags;

        /// <summary>Whether threads and processes that are made later count too.</summary>
        public bool Inherit
        {
            readonly get => (_flags & 2) != 0;
            set => _flags = value ? _flags | 2 : _flags & ~2UL;
        }
    }
}
