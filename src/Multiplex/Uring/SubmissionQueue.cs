using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>What is asked of the kernel: one entry for each operation, which the ring submits with the next call.</summary>
internal sealed class SubmissionQueue(Ring ring)
{
    /// <summary>Has the kernel take what was asked for, before the loop's next turn.</summary>
    public void Submit() => ring.Submit();

    /// <summary>Receives into the provided buffers, again and again, until it is cancelled or fails.</summary>
    public void Receive(int descriptor)
    {
        ref io_uring_sqe entry = ref Next(IORING_OP_RECV, descriptor, UserData.Of(Operation.Receive, descriptor));
        entry.flags = IOSQE_BUFFER_SELECT;
        entry.ioprio = IORING_RECV_MULTISHOT;
    }

    /// <summary>Completes once, when the descriptor is ready for one of these events of poll(2).</summary>
    public void Poll(int descriptor, short events, Operation operation, int index) =>
        Next(IORING_OP_POLL_ADD, descriptor, UserData.Of(operation, index)).poll32_events = (uint)events;

    /// <summary>Gives up one operation. It completes, with ECANCELED unless it was over before.</summary>
    public void Cancel(Operation operation, int index) =>
        Next(IORING_OP_ASYNC_CANCEL, 0, 0).addr = UserData.Of(operation, index);

    /// <summary>Gives up all operations of a descriptor.</summary>
    public void CancelAll(int descriptor) =>
        Next(IORING_OP_ASYNC_CANCEL, descriptor, 0).cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;

    /// <summary>Accepts one connection.</summary>
    /// <param name="descriptor">The listener.</param>
    /// <param name="slot">What the completion is known by.</param>
    /// <param name="address">Where the kernel writes the peer's address.</param>
    /// <param name="length">Where it finds the room for it, and writes its length: accept(2).</param>
    public unsafe void Accept(int descriptor, int slot, byte* address, int* length)
    {
        ref io_uring_sqe entry = ref Next(IORING_OP_ACCEPT, descriptor, UserData.Of(Operation.Accept, slot));
        entry.addr = (ulong)address;
        entry.off = (ulong)length;
        entry.accept_flags = SOCK_CLOEXEC;
    }

    /// <summary>Sends as much as the peer takes now. It completes only if that is not all.</summary>
    public unsafe void Send(int descriptor, byte* bytes, int length, int index)
    {
        // MSG_DONTWAIT: it ends at once, also when the peer takes nothing. MSG_WAITALL: less than all is a failure, and
        // so has a completion; success has none.
        ref io_uring_sqe entry = ref Next(IORING_OP_SEND, descriptor, UserData.Of(Operation.Send, index));
        entry.flags = IOSQE_CQE_SKIP_SUCCESS;
        entry.addr = (ulong)bytes;
        entry.len = (uint)length;
        entry.msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    }

    /// <summary>pread(2), known by a slot.</summary>
    public unsafe void Read(int descriptor, byte* buffer, int length, long offset, int slot) =>
        Transfer(IORING_OP_READ, descriptor, buffer, length, offset, slot);

    /// <summary>pwrite(2).</summary>
    public unsafe void Write(int descriptor, byte* data, int length, long offset, int slot) =>
        Transfer(IORING_OP_WRITE, descriptor, data, length, offset, slot);

    /// <summary>fsync(2).</summary>
    public void Sync(int descriptor, int slot) => Next(IORING_OP_FSYNC, descriptor, UserData.Of(Operation.File, slot));

    private unsafe void Transfer(byte operation, int descriptor, byte* memory, int length, long offset, int slot)
    {
        ref io_uring_sqe entry = ref Next(operation, descriptor, UserData.Of(Operation.File, slot));
        entry.addr = (ulong)memory;
        entry.len = (uint)length;
        entry.off = (ulong)offset;
    }

    private ref io_uring_sqe Next(byte operation, int descriptor, ulong userData)
    {
        ref io_uring_sqe entry = ref ring.Next();
        entry.opcode = operation;
        entry.fd = descriptor;
        entry.user_data = userData;
        return ref entry;
    }
}
