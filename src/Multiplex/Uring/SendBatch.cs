using Multiplex.Engine;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// The replies of one turn, behind each other in one buffer, with at most one send for each connection. All are submitted
/// with one call and none waits, so that the buffer is free again when the call returns; only one that the kernel did
/// not take in full is reported.
/// </summary>
/// <param name="context">Its replies are the batch's.</param>
/// <param name="ring">What the batch is submitted to.</param>
/// <param name="submissions">The ring's.</param>
/// <param name="connections">The ring's.</param>
internal sealed class SendBatch(LoopContext context, Ring ring, SubmissionQueue submissions, UringConnections connections)
{
    private const int Most = 512;            // sends
    private const int Enough = 512 * 1024;   // bytes of replies

    private readonly Entry[] _entries = new Entry[Most];
    private int _count;
    private long _since;   // the clock when it was begun

    /// <summary>A turn begins.</summary>
    public void Begin() => _since = context.Now;

    /// <summary>
    /// Makes room for replies of a connection: it has one send in a batch, to which they are appended only at the end and within bounds. A message is
    /// a send of its own.
    /// </summary>
    public void MakeRoomFor(UringConnection connection)
    {
        bool hasRoom = _count < Most && context.Replies.Length < Enough
            && (connection.Queued < 0
                || (!connection.Session.KeepsMessages && connection.Queued == _count - 1 && _entries[connection.Queued].Length < context.Options.MaxPendingOutput));
        if (!hasRoom)
            Flush();
    }

    /// <summary>The connection is to be sent the replies that its session has just made.</summary>
    public void Add(UringConnection connection)
    {
        int length = context.Fresh.Length;
        if (length == 0)
            return;
        if (connection.Queued < 0)
        {
            connection.Queued = _count;
            _entries[_count++] = new() { Connection = connection, Start = context.FreshStart };
        }

        _entries[connection.Queued].Length += length;
        context.FreshStart = context.Replies.Length;
    }

    /// <summary>In the midst of a turn: sends what there is, and takes nothing more from the kernel before the turn is over.</summary>
    public void Flush()
    {
        if (_count > 0)
            Submit(null);
    }

    /// <summary>
    /// A reply does not wait for the calls of all others in its turn, if they take long: a tick of the clock is longer than a batch is worth.
    /// </summary>
    public void FlushIfLate()
    {
        if (context.Now == _since)
            return;
        _since = context.Now;
        Flush();
    }

    /// <summary>Submits it, waits if it is to, and then knows which sends fell short: all others have no completion.</summary>
    /// <param name="milliseconds">How long to wait for a completion, see <see cref="Ring.SubmitAndWait"/>; null to wait for nothing.</param>
    public unsafe void Submit(long? milliseconds)
    {
        fixed (byte* replies = context.Replies.Written)
        {
            for (int i = 0; i < _count; i++)
                submissions.Send(_entries[i].Connection.Descriptor, replies + _entries[i].Start, _entries[i].Length, i);
            if (milliseconds is { } wait)
                ring.SubmitAndWait(wait);
            else
                ring.Submit();
        }

        connections.NeedAttention = false;
        if (_count == 0)
            return;
        long sent = context.FreshStart;
        for (uint i = ring.Head; i != ring.Tail; i++)
        {
            ref io_uring_cqe completion = ref ring.At(i);
            if (UserData.OperationOf(completion.user_data) != Operation.Send)
                continue;
            ref readonly Entry entry = ref _entries[UserData.IndexOf(completion.user_data)];
            sent -= entry.Length - Math.Max(completion.res, 0);
            OnFellShort(entry, completion.res);
            completion.user_data = UserData.Of(Operation.None, 0);
        }

        context.Counters.CountSent(sent);
        for (int i = 0; i < _count; i++)
        {
            UringConnection connection = _entries[i].Connection;
            connection.Queued = -1;
            connections.UpdateInterest(connection);
        }

        Array.Clear(_entries, 0, _count);
        _count = 0;
        context.FreshStart = 0;
        context.Replies.Clear(OutputBuffer.UsuallyKept);
    }

    private void OnFellShort(in Entry sent, int result)
    {
        if (result >= 0 || result is -EAGAIN or -EINTR)
            sent.Connection.Session.FellShort(context.Replies.Written.Slice(sent.Start, sent.Length)[Math.Max(result, 0)..], context);
        else if (!sent.Connection.IsLeaving)
            connections.Leave(sent.Connection, CloseReason.Broken);
    }

    private struct Entry
    {
        public UringConnection Connection;
        public int Start;
        public int Length;
    }
}
