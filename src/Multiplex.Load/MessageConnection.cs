using System.Diagnostics;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>A socket that keeps the boundaries of messages: each request and each reply is one, sent and received whole.</summary>
internal abstract class MessageConnection(LoadContext context) : LoadConnection(context)
{
    private readonly int[] _free = new int[context.Options.Depth];   // a ring: slots that are to ask next
    private int _firstFree;
    private int _freeCount;
    private long _blockedSince;   // when the kernel took no more; 0 while it does

    protected override bool HasUnsent => _freeCount > 0;

    /// <summary>Whether nothing could be sent since before this time.</summary>
    protected bool IsBlockedSince(long time) => _blockedSince != 0 && _blockedSince < time;

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        MessageSize.MakeRoom(descriptor, Context.RequestLength);
        (_firstFree, _freeCount, _blockedSince) = (0, 0, 0);
    }

    public override ConnectionState Start()
    {
        for (int slot = 0; slot < Window.Depth; slot++)
            Release(slot);
        return Flush();
    }

    public override ConnectionState Serve(Interest ready)
    {
        ConnectionState state = ConnectionState.Open;
        if ((ready & Interest.Readable) != 0)
            state = Receive();
        return state == ConnectionState.Open && HasUnsent ? Flush() : state;
    }

    /// <summary>A right reply has come to a request that is not under way.</summary>
    protected abstract void Unmatched(uint sequence);

    /// <summary>A call failed.</summary>
    /// <param name="result">What recv(2) or send(2) returned.</param>
    /// <returns>Open when it is worth trying again.</returns>
    protected abstract ConnectionState Failed(SyscallResult result);

    /// <summary>Whether a message of no bytes is the end of the connection.</summary>
    protected abstract bool EndsWithEmptyMessage { get; }

    /// <summary>This slot is to ask its next request.</summary>
    protected void Release(int slot)
    {
        int end = _firstFree + _freeCount++;
        _free[end < _free.Length ? end : end - _free.Length] = slot;
    }

    /// <summary>Sends a request for each free slot, until the kernel takes no more.</summary>
    protected ConnectionState Flush()
    {
        OutputBuffer request = Context.Batch;
        while (_freeCount > 0)
        {
            int slot = _free[_firstFree];
            request.Clear();
            Context.Exchange.Write(request, Window.NextOf(slot));
            long now = Stopwatch.GetTimestamp();
            SyscallResult result = send(Descriptor, request.Written, MSG_NOSIGNAL);
            if (result.Is(EAGAIN))
            {
                // Its own buffer is full, or a UNIX-domain server's queue: net.unix.max_dgram_qlen.
                _blockedSince = _blockedSince == 0 ? now : _blockedSince;
                return ConnectionState.Open;
            }

            if (result.IsError)
            {
                if (Failed(result) == ConnectionState.Broken)
                    return ConnectionState.Broken;
                continue;
            }

            Context.Tally.BytesSent += result.Value;
            Window.Ask(slot, now);
            _firstFree = _firstFree + 1 < _free.Length ? _firstFree + 1 : 0;
            _freeCount--;
            _blockedSince = 0;
        }

        return ConnectionState.Open;
    }

    // As many messages as are expected: one more recv(2) would only say EAGAIN.
    private ConnectionState Receive()
    {
        for (int i = Math.Max(Window.UnderWay, 1); i > 0; i--)
        {
            SyscallResult result = recv(Descriptor, Context.Buffer, MSG_TRUNC);   // returns the whole length of what it cuts off
            if (result.Is(EAGAIN))
                break;
            if (result.Value == 0 && EndsWithEmptyMessage)
                return Disconnected();
            if (!result.IsError)
                Take((int)result.Value, Stopwatch.GetTimestamp());
            else if (Failed(result) == ConnectionState.Broken)
                return ConnectionState.Broken;
        }

        return StateByCalls();
    }

    private void Take(int length, long now)
    {
        Context.Tally.BytesReceived += length;
        ReadOnlySpan<byte> message = Context.Buffer.AsSpan(0, Math.Min(length, Context.Buffer.Length));
        ReplyVerdict verdict = Context.Exchange.Check(message, Window.Due, out int expected, out uint sequence);
        bool right = verdict == ReplyVerdict.Right && length == expected;
        int slot = 0;
        long sentAt = verdict == ReplyVerdict.Unreadable ? 0 : Window.Answer(sequence, out slot);
        if (!right)
            Context.Tally.Errors.WrongReplies++;
        else if (sentAt == 0)
            Unmatched(sequence);
        else
            Context.Record(sentAt, now);
        if (sentAt == 0)
            return;
        Answered++;
        Release(slot);
    }
}
