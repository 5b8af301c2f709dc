using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Uring;

/// <summary>
/// Buffers lent to the kernel, which takes one when bytes have come and not before: all connections wait with none of
/// their own. What it has filled is worked off at once and lent again.
/// </summary>
internal sealed unsafe class ProvidedBuffers : IDisposable
{
    // IOU_PBUF_RING_INC, Linux 6.12: a buffer is filled by one receive behind the other, and used up only when it is full.
    // Short messages then lie close together, in memory that the caches hold.
    private const ushort Incremental = 2;

    private readonly int _ringDescriptor;
    private readonly int _size;
    private readonly uint _mask;
    private readonly int[] _filled;   // bytes of each buffer that have been received into
    private readonly bool _incremental;
    private readonly byte* _memory;
    private readonly byte* _buffers;
    private ushort _tail;

    /// <summary>Lends buffers to a ring, as its group 0.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="count">How many buffers, a power of two.</param>
    /// <param name="size">Bytes of each.</param>
    /// <param name="incremental">False for one receive a buffer, as before Linux 6.12.</param>
    /// <exception cref="SyscallException">The kernel refuses them.</exception>
    public ProvidedBuffers(Ring ring, int count, int size, bool incremental = true)
    {
        (_ringDescriptor, _size, _mask) = (ring.Descriptor, size, (uint)count - 1);
        _filled = new int[count];
        nuint entries = (nuint)(count * sizeof(io_uring_buf));
        nuint page = (nuint)Environment.SystemPageSize;
        nuint ahead = (entries + page - 1) / page * page;
        _memory = (byte*)NativeMemory.AlignedAlloc(ahead + ((nuint)count * (nuint)size), page);
        _buffers = _memory + ahead;
        NativeMemory.Clear(_memory, ahead);

        io_uring_buf_reg registration = new() { ring_addr = (ulong)_memory, ring_entries = (uint)count };
        registration.SetFlags(incremental ? Incremental : (ushort)0);
        SyscallResult result = io_uring_register(_ringDescriptor, IORING_REGISTER_PBUF_RING, &registration, 1);
        if (incremental && result.Is(EINVAL))
        {
            incremental = false;
            registration.SetFlags(0);
            result = io_uring_register(_ringDescriptor, IORING_REGISTER_PBUF_RING, &registration, 1);
        }

        result.OrThrow("io_uring_register", "ring of provided buffers");
        _incremental = incremental;
        for (int i = 0; i < count; i++)
            Lend(i);
    }

    /// <summary>The bytes that a receive has filled in; they stay until <see cref="Return"/>.</summary>
    public ReadOnlySpan<byte> Received(in io_uring_cqe completion)
    {
        int buffer = BufferOf(completion);
        return new(_buffers + ((nint)buffer * _size) + _filled[buffer], completion.res);
    }

    /// <summary>The bytes are done with: a buffer that is used up is lent again. To be called for every receive, in their order.</summary>
    public void Return(in io_uring_cqe completion)
    {
        if ((completion.flags & IORING_CQE_F_BUFFER) == 0)
            return;
        int buffer = BufferOf(completion);

        // By count, and not by IORING_CQE_F_BUF_MORE, which some kernels leave out at the end of a stream.
        if (_incremental)
        {
            _filled[buffer] += Math.Max(completion.res, 0);
            if (_filled[buffer] < _size)
                return;
            _filled[buffer] = 0;
        }

        Lend(buffer);
    }

    /// <summary>Takes the buffers back.</summary>
    public void Dispose()
    {
        io_uring_buf_reg registration = default;
        io_uring_register(_ringDescriptor, IORING_UNREGISTER_PBUF_RING, &registration, 1);
        NativeMemory.AlignedFree(_memory);
    }

    private static int BufferOf(in io_uring_cqe completion) => (int)(completion.flags >> IORING_CQE_BUFFER_SHIFT);

    private void Lend(int buffer)
    {
        io_uring_buf* entry = (io_uring_buf*)_memory + (_tail & _mask);
        entry->addr = (ulong)(_buffers + ((nint)buffer * _size));
        entry->len = (uint)_size;
        entry->bid = (ushort)buffer;
        Volatile.Write(ref ((io_uring_buf_ring*)_memory)->tail, ++_tail);
    }
}
