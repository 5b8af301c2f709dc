using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Load.Workload;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A stream: requests go out in batches, and replies come in pieces of any length.</summary>
internal class StreamConnection(LoadContext context, uint seed) : BusyConnection(context, seed)
{
    private WriteQueue _unsent;
    private ReadBuffer _partial;   // bytes received that are not a whole reply yet
    private bool _isLevel;         // level-triggered: the loop reports a socket again while it stays ready

    public override Interest Wanted => HasUnsent ? Interest.Readable | Interest.Writable
        : _isLevel ? Interest.Readable
        : Interest.Readable | Interest.Edge;

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        _isLevel = Tls is not null;   // TLS may receive less than the socket has
    }

    protected sealed override bool HasUnsent => _unsent.Length > 0 || Tls is { HasUnsent: true };

    public override bool Send(long now, int most)
    {
        OutputBuffer batch = Context.Batch;
        batch.Clear();
        long due = now, sentAt = now + Context.WayOut;
        int taken = 0;
        for (int sendable = Sendable(most); taken < sendable && (Context.Policy is not { } policy || policy.TryTake(now, out due)); taken++)
            Context.Exchange.Write(batch, Window.Send(due, sentAt));
        CountSent(taken);
        return taken == 0 || Send(batch.Written);
    }

    public override bool Tick(long now) => IsInTime(now);

    protected override void OnEnded()
    {
        base.OnEnded();
        _partial.Set([]);
        _unsent.Release();
    }

    protected override bool Serve(Interest ready)
    {
        // If a read leaves bytes, or an end of file after them, in the kernel, the loop must report the socket again.
        if ((ready & Interest.Writable) != 0)
            _isLevel = true;
        return ((ready & Interest.Writable) == 0 || !HasUnsent || SendUnsent(int.MaxValue))
            && ((ready & Interest.Readable) == 0 || ReceiveAll());
    }

    private bool ReceiveAll()
    {
        do
        {
            if (!Receive(int.MaxValue))
                return false;
        }
        while (Tls is { MayHaveMore: true });

        return true;
    }

    /// <summary>Receives once, and sends new requests for those that were answered.</summary>
    /// <param name="most">The most bytes to receive.</param>
    protected bool Receive(int most)
    {
        Span<byte> room = _partial.BufferForMore(Context.Buffer);
        SyscallResult result = Context.Receive(Descriptor, Tls, room[..Math.Min(room.Length, most)], 0, out long now, out long arrivedAt);
        if (result.Value <= 0)
            return result.Is(EAGAIN) || Disconnected(result);

        Context.Recorder.BytesReceived += result.Value;
        _isLevel |= result.Value == room.Length;
        ReadOnlySpan<byte> received = _partial.With((int)result.Value, Context.Buffer, out _);
        int answered = Check(ref received, arrivedAt);
        if (answered < 0)
            return false;
        if (_partial.Length > 0 || !received.IsEmpty)
            _partial.Set(received);
        return answered == 0 || SendNext(now, arrivedAt);
    }

    /// <summary>Sends requests; what the kernel does not take is kept.</summary>
    protected virtual bool Send(ReadOnlySpan<byte> batch)
    {
        if (HasUnsent)
        {
            Postpone(batch);
            return SendUnsent(int.MaxValue);
        }

        SyscallResult result = Tls is null ? Context.Send(Descriptor, batch) : Tls.Send(Descriptor, batch);
        if (result.IsError && !result.Is(EAGAIN))
            return Disconnected(result);
        int sent = (int)Math.Max(result.Value, 0);
        Context.Recorder.BytesSent += sent;
        Postpone(batch[sent..]);
        return true;
    }

    /// <summary>Keeps these bytes to be sent later.</summary>
    protected void Postpone(ReadOnlySpan<byte> batch) => _unsent.Append(batch);

    /// <summary>Sends kept bytes, up to a limit.</summary>
    protected bool SendUnsent(int most)
    {
        ReadOnlySpan<byte> unsent = _unsent.Bytes;
        unsent = unsent[..Math.Min(unsent.Length, most)];
        SyscallResult result = Tls is null ? send(Descriptor, unsent, MSG_NOSIGNAL) : Tls.Send(Descriptor, unsent);
        if (result.IsError)
            return result.Is(EAGAIN) || Disconnected(result);
        Context.Recorder.BytesSent += result.Value;
        _unsent.Taken((int)result.Value);
        return true;
    }

    // Records each whole reply. Returns the number of free slots, or -1 when the connection must be closed.
    private int Check(ref ReadOnlySpan<byte> received, long arrivedAt)
    {
        Exchange exchange = Context.Exchange;
        RequestWindow window = Window;
        ReplyOutcome outcome = ReplyOutcome.Right;
        RequestTimes together = default;   // the times of the last requests, and the number of right replies to requests of the same times
        int right = 0, answered = 0;
        while (!received.IsEmpty && (window.InFlight > 0 || exchange.HasCallsOfServer))
        {
            outcome = exchange.Check(received, window.Due, out int length, out uint sequence);
            if (outcome == ReplyOutcome.Call)
            {
                Context.Recorder.Errors.ServerCalls++;
                received = received[length..];
                continue;
            }

            if (outcome is ReplyOutcome.Incomplete or ReplyOutcome.Unreadable || window.InFlight == 0)
                break;
            received = received[length..];
            RequestTimes times = window.Answer(sequence);
            if (times.SentAt != 0)
                answered++;
            if (outcome == ReplyOutcome.Wrong || times.SentAt == 0)
            {
                RecordWrong();   // a reply without a request, or a second one to the same request, is a wrong one
                continue;
            }

            if (right > 0 && times != together)
            {
                RecordRight(together, arrivedAt, right);
                right = 0;
            }

            together = times;
            right++;
        }

        if (right > 0)
            RecordRight(together, arrivedAt, right);
        if (received.IsEmpty || outcome == ReplyOutcome.Incomplete)
            return answered;
        RecordWrong();   // bytes that are malformed, or that answer no request
        return -1;
    }
}
