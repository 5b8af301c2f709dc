using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// The replies of one turn, behind each other in one buffer, with at most one send for each connection. All are submitted
/// with one call and none waits, so that the buffer is free again when the call returns; only one that the kernel did
/// not take in full is reported.
/// </summary>
internal sealed class SendBatch
{
    private const int Most = 512;            // sends
    private const int Enough = 512 * 1024;   // bytes of replies

    private readonly Entry[] _entries = new Entry[Most];

    /// <summary>The replies of all.</summary>
    public OutputBuffer Replies { get; } = new();

    /// <summary>How many sends there are.</summary>
    public int Count { get; private set; }

    /// <summary>Whether this connection can have replies appended: only at the end, and within bounds.</summary>
    public bool HasRoomFor(UringConnection connection, int most) =>
        Count < Most && Replies.Length < Enough
        && (connection.Queued < 0 || (connection.Queued == Count - 1 && _entries[connection.Queued].Length < most));

    /// <summary>The connection is to be sent the replies from <paramref name="start"/> on, which end the buffer.</summary>
    public void Add(UringConnection connection, int start)
    {
        int length = Replies.Length - start;
        if (length == 0)
            return;
        if (connection.Queued >= 0)
        {
            _entries[connection.Queued].Length += length;
            return;
        }

        connection.Queued = Count;
        _entries[Count++] = new() { Connection = connection, Start = start, Length = length };
    }

    /// <summary>The connection of a send.</summary>
    public UringConnection ConnectionOf(int index) => _entries[index].Connection;

    /// <summary>The bytes of a send.</summary>
    public ReadOnlySpan<byte> BytesOf(int index) => Replies.Written.Slice(_entries[index].Start, _entries[index].Length);

    /// <summary>Writes all sends into the submission queue. <paramref name="replies"/> is where the bytes stay until they are submitted.</summary>
    public unsafe void Submit(Ring ring, byte* replies)
    {
        for (int i = 0; i < Count; i++)
        {
            // MSG_DONTWAIT: it ends at once, also when the peer takes nothing. MSG_WAITALL: less than all is a failure, and
            // so has a completion; success has none.
            ref io_uring_sqe entry = ref ring.Next();
            entry.opcode = IORING_OP_SEND;
            entry.flags = IOSQE_CQE_SKIP_SUCCESS;
            entry.fd = _entries[i].Connection.Descriptor;
            entry.addr = (ulong)(replies + _entries[i].Start);
            entry.len = (uint)_entries[i].Length;
            entry.msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
            entry.user_data = Token.Of(Operation.Send, i);
        }
    }

    /// <summary>Forgets all of it.</summary>
    public void Clear()
    {
        Array.Clear(_entries, 0, Count);
        Count = 0;
        Replies.Clear(OutputBuffer.UsuallyKept);
    }

    private struct Entry
    {
        public UringConnection Connection;
        public int Start;
        public int Length;
    }
}
