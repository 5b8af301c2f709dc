using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// perf_event_open(2)
public static unsafe partial class Libc
{
    public const uint PERF_TYPE_HARDWARE = 0;
    public const uint PERF_TYPE_SOFTWARE = 1;
    public const uint PERF_TYPE_TRACEPOINT = 2;
    public const ulong PERF_COUNT_HW_INSTRUCTIONS = 1;
    public const ulong PERF_COUNT_SW_CPU_CLOCK = 0;
    public const ulong PERF_COUNT_SW_PAGE_FAULTS = 2;
    public const ulong PERF_COUNT_SW_CONTEXT_SWITCHES = 3;
    public const uint PERF_ATTR_SIZE_VER3 = 96;
    public const uint PERF_FLAG_FD_CLOEXEC = 1 << 3;
    public const ulong PERF_SAMPLE_TID = 1 << 1;
    public const ulong PERF_SAMPLE_CALLCHAIN = 1 << 5;
    public const ulong PERF_SAMPLE_REGS_USER = 1 << 12;
    public const ulong PERF_SAMPLE_STACK_USER = 1 << 13;
    public const uint PERF_RECORD_LOST = 2;
    public const uint PERF_RECORD_FORK = 7;
    public const uint PERF_RECORD_SAMPLE = 9;

    /// <summary>A value in a call chain from here on up is not an address: it marks whether the next ones are of the kernel or of the program.</summary>
    public const long PERF_CONTEXT_MAX = -4095;

    /// <summary>ioctl(2) on an event: its records go to the memory of another event on the same processor.</summary>
    public const uint PERF_EVENT_IOC_SET_OUTPUT = 0x2405;

    /// <summary>
    /// perf_event_open(2): a descriptor from which read(2) returns how often an event has happened, as eight bytes. With a sample period, the memory
    /// that mmap(2) maps from it has a record of each sample.
    /// </summary>
    /// <param name="attr">The event; its size is set here.</param>
    /// <param name="pid">The thread to count in.</param>
    /// <param name="cpu">The processor to count on; -1 for all. To sample threads that are made later, give one.</param>
    /// <param name="group_fd">The leader of a group; -1 for none.</param>
    /// <param name="flags">PERF_FLAG_ and so on.</param>
    /// <returns>
    /// EACCES or EPERM where /proc/sys/kernel/perf_event_paranoid forbids it, ENOENT where the machine has no such event, ENOSYS where
    /// the kernel was built without it, ESRCH when the thread has ended.
    /// </returns>
    public static SyscallResult perf_event_open(perf_event_attr attr, int pid, int cpu, int group_fd, uint flags)
    {
        attr.size = PERF_ATTR_SIZE_VER3;
        return SyscallResult.Of(Raw.syscall(SYS_perf_event_open, (nint)(&attr), pid, cpu, group_fd, (nint)flags, 0));
    }

    /// <summary>What to count or to sample. This is the version of the struct that Linux 3.7 and later take.</summary>
    [StructLayout(LayoutKind.Explicit, Size = (int)PERF_ATTR_SIZE_VER3)]
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

        [FieldOffset(80)]
        public ulong sample_regs_user;
        [FieldOffset(88)]
        public uint sample_stack_user;

        /// <summary>Whether threads and processes that are made later count too.</summary>
        public bool Inherit
        {
            readonly get => Has(1);
            set => Set(1, value);
        }

        /// <summary>Whether nothing is counted or sampled while the kernel works for the thread.</summary>
        public bool ExcludeKernel
        {
            readonly get => Has(5);
            set => Set(5, value);
        }

        /// <summary>Whether there is a record of each thread and process that is made, and of each that ends.</summary>
        public bool Task
        {
            readonly get => Has(13);
            set => Set(13, value);
        }

        /// <summary>Whether call chains end where the kernel was entered.</summary>
        public bool ExcludeCallchainUser
        {
            readonly get => Has(22);
            set => Set(22, value);
        }

        private readonly bool Has(int bit) => (_flags & (1UL << bit)) != 0;

        private void Set(int bit, bool value) => _flags = value ? _flags | (1UL << bit) : _flags & ~(1UL << bit);
    }
}
