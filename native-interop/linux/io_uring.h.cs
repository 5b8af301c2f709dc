using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Interop;

// io_uring(7), io_uring_setup(2), io_uring_enter(2), io_uring_register(2)
public static unsafe partial class Libc
{
    // Flags of io_uring_setup(2)
    public const uint IORING_SETUP_CQSIZE = 1 << 3;
    public const uint IORING_SETUP_CLAMP = 1 << 4;
    public const uint IORING_SETUP_SUBMIT_ALL = 1 << 7;
    public const uint IORING_SETUP_SINGLE_ISSUER = 1 << 12;
    public const uint IORING_SETUP_DEFER_TASKRUN = 1 << 13;

    // Where mmap(2) finds the rings in the descriptor
    public const long IORING_OFF_SQ_RING = 0;
    public const long IORING_OFF_SQES = 0x10000000;

    // Flags of io_uring_enter(2)
    public const uint IORING_ENTER_GETEVENTS = 1 << 0;
    public const uint IORING_ENTER_EXT_ARG = 1 << 3;
    public const uint IORING_ENTER_REGISTERED_RING = 1 << 4;

    // Requests of io_uring_register(2)
    public const uint IORING_REGISTER_RING_FDS = 20;
    public const uint IORING_UNREGISTER_RING_FDS = 21;
    public const uint IORING_REGISTER_PBUF_RING = 22;
    public const uint IORING_UNREGISTER_PBUF_RING = 23;

    // Operations, and their flags
    public const byte IORING_OP_NOP = 0;
    public const byte IORING_OP_FSYNC = 3;
    public const byte IORING_OP_POLL_ADD = 6;
    public const byte IORING_OP_ACCEPT = 13;
    public const byte IORING_OP_ASYNC_CANCEL = 14;
    public const byte IORING_OP_READ = 22;
    public const byte IORING_OP_WRITE = 23;
    public const byte IORING_OP_SEND = 26;
    public const byte IORING_OP_RECV = 27;
    public const byte IOSQE_BUFFER_SELECT = 1 << 5;
    public const byte IOSQE_CQE_SKIP_SUCCESS = 1 << 6;
    public const ushort IORING_RECV_MULTISHOT = 1 << 1;
    public const uint IORING_ASYNC_CANCEL_ALL = 1 << 0;
    public const uint IORING_ASYNC_CANCEL_FD = 1 << 1;

    // Flags of a completion
    public const uint IORING_CQE_F_BUFFER = 1 << 0;
    public const uint IORING_CQE_F_MORE = 1 << 1;
    public const int IORING_CQE_BUFFER_SHIFT = 16;

    /// <summary>io_uring_setup(2): makes a submission queue of <paramref name="entries"/> and its completion queue.</summary>
    /// <returns>A descriptor to map both from; <paramref name="p"/> gets their offsets in it.</returns>
    public static SyscallResult io_uring_setup(uint entries, ref io_uring_params p)
    {
        fixed (io_uring_params* setup = &p)
        {
            return SyscallResult.Of(Raw.syscall(SYS_io_uring_setup, (nint)entries, (nint)setup, 0, 0, 0, 0));
        }
    }

    /// <summary>io_uring_enter(2): submits, and with IORING_ENTER_GETEVENTS waits. EINTR is returned, as for every wait.</summary>
    /// <param name="fd">The ring, or its index among the registered ones.</param>
    /// <param name="to_submit">How many entries of the submission queue to take.</param>
    /// <param name="min_complete">How many completions to wait for.</param>
    /// <param name="flags">IORING_ENTER_ and so on.</param>
    /// <param name="arg">How long to wait, with IORING_ENTER_EXT_ARG.</param>
    /// <returns>How many entries were taken; ETIME when none were and the time was up.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SyscallResult io_uring_enter(int fd, uint to_submit, uint min_complete, uint flags, io_uring_getevents_arg* arg) =>
        SyscallResult.Of(Raw.syscall(
            SYS_io_uring_enter, fd, (nint)to_submit, (nint)min_complete, (nint)flags, (nint)arg, sizeof(io_uring_getevents_arg)));

    /// <summary>io_uring_register(2): registers resources with the ring for longer than one operation.</summary>
    public static SyscallResult io_uring_register(int fd, uint opcode, void* arg, uint nr_args) =>
        SyscallResult.Of(Raw.syscall(SYS_io_uring_register, fd, (nint)opcode, (nint)arg, (nint)nr_args, 0, 0));

    /// <summary>An entry of the submission queue. The C struct has unions; these are the members that are used here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    public struct io_uring_sqe
    {
        [FieldOffset(0)]
        public byte opcode;
        [FieldOffset(1)]
        public byte flags;
        [FieldOffset(2)]
        public ushort ioprio;
        [FieldOffset(4)]
        public int fd;
        [FieldOffset(8)]
        public ulong off;
        [FieldOffset(16)]
        public ulong addr;
        [FieldOffset(24)]
        public uint len;
        [FieldOffset(28)]
        public uint poll32_events;
        [FieldOffset(28)]
        public uint msg_flags;
        [FieldOffset(28)]
        public uint accept_flags;
        [FieldOffset(28)]
        public uint cancel_flags;
        [FieldOffset(32)]
        public ulong user_data;
        [FieldOffset(40)]
        public ushort buf_group;
        [FieldOffset(42)]
        public ushort personality;
        [FieldOffset(44)]
        public uint file_index;
        [FieldOffset(48)]
        public ulong addr3;
    }

    /// <summary>An entry of the completion queue: the request's user data, the count or the negative errno, and flags.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_cqe
    {
        public ulong user_data;
        public int res;
        public uint flags;
    }

    /// <summary>Where the parts of the submission queue are in its mapping.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_sqring_offsets
    {
        public uint head;
        public uint tail;
        public uint ring_mask;
        public uint ring_entries;
        public uint flags;
        public uint dropped;
        public uint array;
        public uint resv1;
        public ulong resv2;
    }

    /// <summary>Where the parts of the completion queue are in its mapping.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_cqring_offsets
    {
        public uint head;
        public uint tail;
        public uint ring_mask;
        public uint ring_entries;
        public uint overflow;
        public uint cqes;
        public uint flags;
        public uint resv1;
        public ulong resv2;
    }

    /// <summary>The argument of io_uring_setup(2), which fills in what the kernel has set up.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_params
    {
        public uint sq_entries;
        public uint cq_entries;
        public uint flags;
        public uint sq_thread_cpu;
        public uint sq_thread_idle;
        public uint features;
        public uint wq_fd;
        private readonly uint _resv0;
        private readonly uint _resv1;
        private readonly uint _resv2;
        public io_sqring_offsets sq_off;
        public io_cqring_offsets cq_off;
    }

    /// <summary>How long io_uring_enter(2) is to wait; ts points to a timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_getevents_arg
    {
        public ulong sigmask;
        public uint sigmask_sz;
        public uint pad;
        public ulong ts;
    }

    /// <summary>A descriptor to register, and the index for it; ~0 lets the kernel choose.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_rsrc_update
    {
        public uint offset;
        public uint resv;
        public ulong data;
    }

    /// <summary>An entry of a ring of provided buffers.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_buf
    {
        public ulong addr;
        public uint len;
        public ushort bid;
        public ushort resv;
    }

    /// <summary>A ring of provided buffers: its tail lies where the first entry has resv.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    public struct io_uring_buf_ring
    {
        [FieldOffset(14)]
        public ushort tail;
    }

    /// <summary>The registration of a ring of provided buffers.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct io_uring_buf_reg
    {
        public ulong ring_addr;
        public uint ring_entries;
        public ushort bgid;
        private ushort _flags;   // called pad by headers from before Linux 6.4
        private readonly ulong _resv0;
        private readonly ulong _resv1;
        private readonly ulong _resv2;

        /// <summary>IOU_PBUF_RING_ and so on.</summary>
        public void SetFlags(ushort flags) => _flags = flags;
    }
}
