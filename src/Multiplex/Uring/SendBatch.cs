using Multiplex.Engine;

namespace Multiplex.Uring;

/// <summary>
/// The replies of one turn, behind each other in one buffer, with at most one send for each connection. All are submitted
/// with one call and none waits, so that the buffer is free again when the call returns; only one that the kernel did
/// not take in full is reported.
/// </summary>
/// <param name="context">Its replies are the batch's.</param>
internal sealed class SendBatch(LoopContext context)
{
    private const int Most = 512;            // sends
    private const int Enough = 512 * 1024;   // bytes of replies

    private readonly Entry[] _entries = new Entry[Most];

    /// <summary>How many sends there are.</summary>
    public int Count { get; private set; }

    /// <summary>The replies of all.</summary>
    public ReadOnlySpan<byte> Replies => context.Replies.Written;

    /// <summary>Whether this connection can have replies appended: only at the end, and within bounds.</summary>
    public bool HasRoomFor(UringConnection connection) =>
        Count < Most && context.Replies.Length < Enough
        && (connection.Queued < 0
            || (connection.Queued == Count - 1 && _entries[connection.Queued].Length < context.Options.MaxPendingOutput));

    /// <summary>The connection is to be sent the replies that its session has just made.</summary>
    public void Add(UringConnection connection)
    {
        int length = context.Fresh.Length;
        if (length == 0)
            return;
        if (connection.Queued < 0)
        {
            connection.Queued = Count;
            _entries[Count++] = new() { Connection = connection, Start = context.FreshStart };
        }

        _entries[connection.Queued].Length += length;
        context.FreshStart = context.Replies.Length;
    }

    /// <summary>The connection of a send.</summary>
    public UringConnection ConnectionOf(int index) => _entries[index].Connection;

    /// <summary>The bytes of a send.</summary>
    public ReadOnlySpan<byte> BytesOf(int index) => Replies.Slice(_entries[index].Start, _entries[index].Length);

    /// <summary>Writes all sends into the submission queue. <paramref name="replies"/> is where the bytes stay until they are submitted.</summary>
    public unsafe void Submit(SubmissionQueue submissions, byte* replies)
    {
        for (int i = 0; i < Count; i++)
            submissions.Send(_entries[i].Connection.Descriptor, replies + _entries[i].Start, _entries[i].Length, i);
    }

    /// <summary>Forgets all of it.</summary>
    public void Clear()
    {
        Array.Clear(_entries, 0, Count);
        Count = 0;
        context.FreshStart = 0;
        context.Replies.Clear(OutputBuffer.UsuallyKept);
    }

    private struct Entry
    {
        public UringConnection Connection;
        public int Start;
        public int Length;
    }
}
