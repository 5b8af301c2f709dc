using Multiplex.Interop;
using Multiplex.Load.Workload;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A stream: requests go out in batches, and replies come in pieces of any length.</summary>
internal class StreamConnection(LoadContext context, uint seed) : BusyConnection(context, seed)
{
    private readonly OutputBuffer _unsent = new();
    private int _unsentStart;
    private byte[] _partial = [];   // bytes received that are not a whole reply yet
    private int _partialLength;

    protected override bool HasUnsent => _unsent.Length > _unsentStart;

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        _partialLength = 0;
        _unsent.Clear();
        _unsentStart = 0;
    }

    public override ConnectionState Ask(long now, int most)
    {
        OutputBuffer batch = Context.Batch;
        batch.Clear();
        long due = now, sentAt = now + Context.WayOut;
        int taken = 0;
        for (int askable = Askable(most); taken < askable && (Context.ArrivalPolicy is not { } policy || policy.TryTake(now, out due)); taken++)
            Context.Exchange.Write(batch, Window.Ask(due, sentAt));
        Took(taken);
        return batch.Length > 0 ? Send(batch.Written) : ConnectionState.Open;
    }

    public override ConnectionState Serve(Interest ready)
    {
        if ((ready & Interest.Writable) != 0 && HasUnsent && SendUnsent(int.MaxValue) == ConnectionState.Broken)
            return ConnectionState.Broken;
        return (ready & Interest.Readable) != 0 ? Receive(int.MaxValue) : ConnectionState.Open;
    }

    public override ConnectionState Tick(long now) => StateByAge(now);

    /// <summary>Receives once, and asks again for what has been answered.</summary>
    /// <param name="most">The most bytes to receive.</param>
    protected ConnectionState Receive(int most)
    {
        Span<byte> room = Room();
        SyscallResult result = Context.Receive(Descriptor, room[..Math.Min(room.Length, most)], 0, out long now, out long arrivedAt);
        if (result.Is(EAGAIN))
            return ConnectionState.Open;
        if (result.Value <= 0)
            return Disconnected(result);

        Context.Recorder.BytesReceived += result.Value;
        int length = _partialLength + (int)result.Value;
        ReadOnlySpan<byte> received = _partialLength > 0 ? _partial.AsSpan(0, length) : room[..length];
        int answered = Check(ref received, arrivedAt);
        if (answered < 0)
            return ConnectionState.Broken;
        Keep(received);
        return answered > 0 ? AskAgain(now, arrivedAt) : ConnectionState.Open;
    }

    /// <summary>Sends requests; what the kernel does not take is kept.</summary>
    protected virtual ConnectionState Send(ReadOnlySpan<byte> batch)
    {
        if (HasUnsent)
        {
            Postpone(batch);
            return SendUnsent(int.MaxValue);
        }

        SyscallResult result = Context.Send(Descriptor, batch);
        if (result.IsError && !result.Is(EAGAIN))
            return Disconnected(result);
        int sent = (int)Math.Max(result.Value, 0);
        Context.Recorder.BytesSent += sent;
        if (sent < batch.Length)
            Postpone(batch[sent..]);
        return ConnectionState.Open;
    }

    /// <summary>These bytes are to be sent later.</summary>
    protected void Postpone(ReadOnlySpan<byte> batch) => _unsent.Write(batch);

    /// <summary>Sends what has been kept, at most so many bytes of it.</summary>
    protected ConnectionState SendUnsent(int most)
    {
        ReadOnlySpan<byte> rest = _unsent.Written[_unsentStart..];
        SyscallResult result = send(Descriptor, rest[..Math.Min(rest.Length, most)], MSG_NOSIGNAL);
        if (result.IsError)
            return result.Is(EAGAIN) ? ConnectionState.Open : Disconnected(result);
        Context.Recorder.BytesSent += result.Value;
        _unsentStart += (int)result.Value;
        if (!HasUnsent)
        {
            _unsent.Clear();
            _unsentStart = 0;
        }

        return ConnectionState.Open;
    }

    // Records each whole reply. Returns how many slots are free now, or -1 when the connection has to be given up.
    private int Check(ref ReadOnlySpan<byte> received, long arrivedAt)
    {
        Exchange exchange = Context.Exchange;
        RequestWindow window = Window;
        ReplyOutcome outcome = ReplyOutcome.Right;
        AskedAt together = default;   // when the last requests were asked, and how many of that time have been answered rightly
        int right = 0, answered = 0;
        while (!received.IsEmpty && (window.UnderWay > 0 || exchange.HasCallsOfServer))
        {
            outcome = exchange.Check(received, window.Due, out int length, out uint sequence);
            if (outcome == ReplyOutcome.Call)
            {
                Context.Recorder.Errors.ServerCalls++;
                received = received[length..];
                continue;
            }

            if (outcome is ReplyOutcome.Incomplete or ReplyOutcome.Unreadable || window.UnderWay == 0)
                break;
            received = received[length..];
            AskedAt asked = window.Answer(sequence);
            if (asked.SentAt != 0)
                answered++;
            if (outcome == ReplyOutcome.Wrong || asked.SentAt == 0)
            {
                HeardWrong();   // a reply to nothing that was asked, or a second one to the same request, is a wrong one
                continue;
            }

            if (right > 0 && asked != together)
            {
                HeardRight(together, arrivedAt, right);
                right = 0;
            }

            together = asked;
            right++;
        }

        if (right > 0)
            HeardRight(together, arrivedAt, right);
        if (received.IsEmpty || outcome == ReplyOutcome.Incomplete)
            return answered;
        HeardWrong();   // bytes that make no sense, or that answer nothing
        return -1;
    }

    private Span<byte> Room()
    {
        if (_partialLength == 0)
            return Context.Buffer;
        if (_partialLength == _partial.Length)
            Array.Resize(ref _partial, 2 * _partialLength);
        return _partial.AsSpan(_partialLength);
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.Length > _partial.Length)
            _partial = new byte[Math.Max(rest.Length, 4096)];
        rest.CopyTo(_partial);
        _partialLength = rest.Length;
    }
}
