using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load.Engine;

/// <summary>A socket that keeps the boundaries of messages: each request and each reply is one, sent and received whole.</summary>
internal abstract class MessageConnection(LoadContext context, uint seed) : BusyConnection(context, seed)
{
    private long _held;           // when the request was due that the kernel did not take; 0 when there is none
    private long _blockedSince;   // since when the kernel has taken nothing; 0 while it does

    protected override bool HasUnsent => _held != 0;

    protected override bool IsBlocked => _held != 0;

    /// <summary>Whether a message of no bytes is the end of the connection.</summary>
    protected abstract bool EndsWithEmptyMessage { get; }

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        MessageSize.MakeRoom(descriptor, Context.RequestLength);
        (_held, _blockedSince) = (0, 0);
    }

    public override void Close()
    {
        base.Close();
        _held = 0;
    }

    public override ConnectionState Serve(Interest ready)
    {
        long freeSince = 0;
        ConnectionState state = (ready & Interest.Readable) != 0 ? Receive(out freeSince) : ConnectionState.Open;
        if (state == ConnectionState.Open && HasUnsent)
            state = Ask(Stopwatch.GetTimestamp(), most: 0);
        long now = Stopwatch.GetTimestamp();
        return state == ConnectionState.Open ? AskAgain(now, freeSince == 0 ? now : freeSince) : state;
    }

    public override ConnectionState Ask(long now, int most)
    {
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
                return ConnectionState.Open;
            }

            if (result.IsError)
            {
                if (Failed(result) == ConnectionState.Broken)
                    return ConnectionState.Broken;
                continue;
            }

            Context.Recorder.BytesSent += result.Value;
            Window.Ask(Context.ArrivalPolicy is null ? now : due, now + Context.WayOut);
            (due, _held, _blockedSince) = (0, 0, 0);
        }

        return ConnectionState.Open;
    }

    public override IEnumerable<long> Unanswered() => _held == 0 ? base.Unanswered() : base.Unanswered().Append(_held);

    /// <summary>Whether the server, or the kernel, has taken nothing since before this time: then it is counted as a timeout.</summary>
    protected bool IsBlockedSince(long time)
    {
        bool blocked = _blockedSince != 0 && _blockedSince < time;
        if (blocked)
            Context.Recorder.Errors.Timeouts++;
        return blocked;
    }

    /// <summary>A right reply has come to a request that is not under way.</summary>
    protected abstract void Unmatched(uint sequence);

    /// <summary>A call failed.</summary>
    /// <param name="result">What recv(2) or send(2) returned.</param>
    /// <returns>Open when it is worth trying again.</returns>
    protected abstract ConnectionState Failed(SyscallResult result);

    // As many messages as are expected: one more recv(2) would only say EAGAIN. Returns when the first came; 0 when none did.
    private ConnectionState Receive(out long firstAt)
    {
        firstAt = 0;
        for (int i = Math.Max(Window.UnderWay, 1); i > 0; i--)
        {
            // MSG_TRUNC: returns the whole length of what it cuts off
            SyscallResult result = Context.Receive(Descriptor, Context.Buffer, MSG_TRUNC, out _, out long arrivedAt);
            if (result.Is(EAGAIN))
                break;
            if (result.Value == 0 && EndsWithEmptyMessage)
                return Disconnected(result);
            if (!result.IsError)
            {
                firstAt = firstAt == 0 ? arrivedAt : firstAt;
                Take((int)result.Value, arrivedAt);
            }
            else if (Failed(result) == ConnectionState.Broken)
            {
                return ConnectionState.Broken;
            }
        }

        return ConnectionState.Open;
    }

    private bool TryTake(int most, long now, out long due)
    {
        due = now;
        if (Askable(most) <= 0 || (Context.ArrivalPolicy is { } policy && !policy.TryTake(now, out due)))
            return false;
        Took(1);
        return true;
    }

    private void Take(int length, long arrivedAt)
    {
        Context.Recorder.BytesReceived += length;
        ReadOnlySpan<byte> message = Context.Buffer.AsSpan(0, Math.Min(length, Context.Buffer.Length));
        ReplyOutcome outcome = Context.Exchange.Check(message, Window.Due, out int expected, out uint sequence);
        if (outcome == ReplyOutcome.Call)
        {
            Context.Recorder.Errors.ServerCalls++;
            return;
        }

        bool right = outcome == ReplyOutcome.Right && length == expected;
        AskedAt asked = outcome == ReplyOutcome.Unreadable ? default : Window.Answer(sequence);
        if (!right)
            HeardWrong();
        else if (asked.SentAt == 0)
            Unmatched(sequence);
        else
            HeardRight(asked, arrivedAt, count: 1);
    }
}
