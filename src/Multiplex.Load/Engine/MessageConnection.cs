using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A socket that keeps the boundaries of messages: each request and each reply is one, sent and received whole.</summary>
internal abstract class MessageConnection(LoadContext context, uint seed) : BusyConnection(context, seed)
{
    private long _held;           // the due time of the request that the kernel did not take; 0 when there is none
    private long _blockedSince;   // the time since which the kernel has taken nothing; 0 while it takes requests

    protected sealed override bool HasUnsent => _held != 0;

    protected sealed override bool IsBlocked => _held != 0;

    /// <summary>Whether a message of no bytes is the end of the connection.</summary>
    protected abstract bool EndsWithEmptyMessage { get; }

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        MessageSize.MakeRoom(descriptor, Context.MessageLength);
        (_held, _blockedSince) = (0, 0);
    }

    public override bool Send(long now, int most)
    {
        for (int sent; _held == 0 && Context.Policy is null && (sent = SendTogether(most)) != 0; most -= sent)
        {
            if (sent < 0)
                return false;
        }

        OutputBuffer request = Context.Batch;
        long due = _held;
        while (due != 0 || TryTake(most--, now, out due))
        {
            request.Clear();
            Context.Exchange.Write(request, Window.Next);
            now = Stopwatch.GetTimestamp();
            SyscallResult result = Context.Send(Descriptor, request.Written);
            if (result.Is(EAGAIN))
            {
                // Its own buffer is full, or a UNIX-domain server's queue: net.unix.max_dgram_qlen.
                _held = due;
                _blockedSince = _blockedSince == 0 ? now : _blockedSince;
                return true;
            }

            if (result.IsError)
            {
                if (!GoesOnAfter(result))
                    return false;
                continue;
            }

            Context.Recorder.BytesSent += result.Value;
            Window.Send(Context.Policy is null ? now : due, now + Context.WayOut);
            (due, _held, _blockedSince) = (0, 0, 0);
        }

        return true;
    }

    public override IEnumerable<long> Unanswered() => _held == 0 ? base.Unanswered() : base.Unanswered().Append(_held);

    protected override void OnEnded()
    {
        base.OnEnded();
        _held = 0;
    }

    protected override bool Serve(Interest ready)
    {
        long freeSince = 0;
        if (((ready & Interest.Readable) != 0 && !Receive(out freeSince)) || (HasUnsent && !Send(Stopwatch.GetTimestamp(), most: 0)))
            return false;
        long now = Stopwatch.GetTimestamp();
        return SendNext(now, freeSince == 0 ? now : freeSince);
    }

    /// <summary>Whether the server, or the kernel, has taken nothing since before this time: then it is counted as a timeout.</summary>
    protected bool IsBlockedSince(long time)
    {
        bool blocked = _blockedSince != 0 && _blockedSince < time;
        if (blocked)
            Context.Recorder.Errors.Timeouts++;
        return blocked;
    }

    /// <summary>Sends several requests with one call, where that can be done.</summary>
    /// <param name="most">The upper limit.</param>
    /// <returns>The number of requests sent; 0 when each must be sent separately; negative when the connection has ended.</returns>
    protected virtual int SendTogether(int most) => 0;

    /// <summary>Receives a message into the thread's buffer.</summary>
    /// <param name="segment">If several messages arrived as one: the length of each except the last; otherwise 0.</param>
    /// <param name="arrivedAt">When it arrived.</param>
    /// <returns>Its length, or the errno.</returns>
    protected virtual SyscallResult ReceiveMessage(out int segment, out long arrivedAt)
    {
        // MSG_TRUNC: returns the whole length of a message even if the message is truncated
        segment = 0;
        return Context.Receive(Descriptor, tls: null, Context.Buffer, MSG_TRUNC, out _, out arrivedAt);
    }

    /// <summary>A right reply to a request that is not in flight.</summary>
    protected abstract void CountUnmatched(uint sequence);

    /// <summary>A call failed: counts it.</summary>
    /// <param name="result">What recv(2) or send(2) returned.</param>
    /// <returns>Whether a retry makes sense.</returns>
    protected virtual bool GoesOnAfter(SyscallResult result) => Disconnected(result);

    // As many messages as are expected: one more recv(2) would fail with EAGAIN. Returns the arrival of the first; 0 when none came.
    private bool Receive(out long firstAt)
    {
        firstAt = 0;
        for (int i = Math.Max(Window.InFlight, 1); i > 0;)
        {
            SyscallResult result = ReceiveMessage(out int segment, out long arrivedAt);
            if (result.Is(EAGAIN))
                break;
            if (result.Value == 0 && EndsWithEmptyMessage)
                return Disconnected(result);
            if (!result.IsError)
            {
                firstAt = firstAt == 0 ? arrivedAt : firstAt;
                i -= Check((int)result.Value, segment, arrivedAt);
            }
            else if (!GoesOnAfter(result))
            {
                return false;
            }
            else
            {
                i--;
            }
        }

        return true;
    }

    private bool TryTake(int most, long now, out long due)
    {
        due = now;
        if (Sendable(most) <= 0 || (Context.Policy is { } policy && !policy.TryTake(now, out due)))
            return false;
        CountSent(1);
        return true;
    }

    // Returns how many there were.
    private int Check(int length, int segment, long arrivedAt)
    {
        Context.Recorder.BytesReceived += length;
        int count = 1, start = 0;
        for (; segment > 0 && length - start > segment; start += segment, count++)
            Check(Context.Buffer.AsSpan(start, segment), segment, arrivedAt);
        Check(Context.Buffer.AsSpan(start, Math.Min(length, Context.Buffer.Length) - start), length - start, arrivedAt);
        return count;
    }

    private void Check(ReadOnlySpan<byte> message, int length, long arrivedAt)
    {
        ReplyOutcome outcome = Context.Exchange.Check(message, Window.Due, out int expected, out uint sequence);
        if (outcome == ReplyOutcome.Call)
        {
            Context.Recorder.Errors.ServerCalls++;
            return;
        }

        RequestTimes times = outcome == ReplyOutcome.Unreadable ? default : Window.Answer(sequence);
        if (outcome != ReplyOutcome.Right || length != expected)
            RecordWrong();
        else if (times.SentAt == 0)
            CountUnmatched(sequence);
        else
            RecordRight(times, arrivedAt, count: 1);
    }
}
