using System.Runtime.InteropServices;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>The buffers that a ring is lent.</summary>
/// <param name="Count">How many, a power of two.</param>
/// <param name="Size">Bytes of each.</param>
/// <param name="Incremental">
/// Whether a buffer is filled by one receive behind the other and used up only when it is full, as Linux 6.12 can: short
/// messages then lie close together, in memory that the caches hold. Otherwise each receive uses up one.
/// </param>
internal sealed record UringBuffers(int Count, int Size, bool Incremental = true)
{
    /// <summary>Together, what the nearest caches hold.</summary>
    public static UringBuffers Usual { get; } = new(8, 32 * 1024);

    /// <summary>For a kernel that cannot fill a buffer bit by bit: many, of a size that few messages exceed.</summary>
    public UringBuffers WithoutIncrements() => this with { Count = Count * Size / PlainSize, Size = PlainSize, Incremental = false };

    private const int PlainSize = 4096;
}

/// <summary>
/// Buffers lent to the kernel, which takes one when bytes have come and not before: all connections wait with none of
/// their own. What it has filled is worked off at once and lent again.
/// </summary>
internal sealed unsafe class ProvidedBuffers : IDisposable
{
    private const ushort IOU_PBUF_RING_INC = 2;   // not in the headers of older systems

    private readonly int _ringDescriptor;
    private readonly int _size;
    private readonly uint _mask;
    private readonly int[] _filled;   // bytes of each buffer that have been received into
    private readonly bool _incremental;
    private readonly byte* _memory;
    private readonly byte* _buffers;
    private ushort _tail;

    /// <summary>Lends buffers to a ring, as its group 0.</summary>
    /// <exception cref="SyscallException">The kernel refuses them.</exception>
    public ProvidedBuffers(Ring ring, UringBuffers buffers)
    {
        _ringDescriptor = ring.Descriptor;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint entries = (nuint)(Math.Max(buffers.Count, buffers.WithoutIncrements().Count) * sizeof(io_uring_buf));
        nuint ahead = (entries + page - 1) / page * page;
        _memory = (byte*)NativeMemory.AlignedAlloc(ahead + ((nuint)buffers.Count * (nuint)buffers.Size), page);
        _buffers = _memory + ahead;
        NativeMemory.Clear(_memory, ahead);

        SyscallResult result = Register(buffers);
        if (buffers.Incremental && result.Is(EINVAL))
        {
            buffers = buffers.WithoutIncrements();
            result = Register(buffers);
        }

        result.OrThrow("io_uring_register", "ring of provided buffers");
        (_size, _mask, _incremental) = (buffers.Size, (uint)buffers.Count - 1, buffers.Incremental);
        _filled = new int[buffers.Count];
        for (int i = 0; i < buffers.Count; i++)
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

    private SyscallResult Register(UringBuffers buffers)
    {
        io_uring_buf_reg registration = new() { ring_addr = (ulong)_memory, ring_entries = (uint)buffers.Count };
        registration.SetFlags(buffers.Incremental ? IOU_PBUF_RING_INC : (ushort)0);
        return io_uring_register(_ringDescriptor, IORING_REGISTER_PBUF_RING, &registration, 1);
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
