using System.Diagnostics;
using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Load;

/// <summary>A stream: requests go out in batches, and replies come in pieces of any length.</summary>
internal sealed class StreamConnection(LoadContext context) : LoadConnection(context)
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

    public override ConnectionState Start()
    {
        for (int slot = 0; slot < Window.Depth; slot++)
            Context.Answered[slot] = slot;
        return Ask(Context.Answered, Stopwatch.GetTimestamp());
    }

    public override ConnectionState Serve(Interest ready)
    {
        if ((ready & Interest.Writable) != 0 && HasUnsent && Send([]) == ConnectionState.Broken)
            return ConnectionState.Broken;
        if ((ready & Interest.Readable) == 0)
            return ConnectionState.Open;
        Span<byte> room = Room();
        SyscallResult result = recv(Descriptor, room, 0);
        if (result.Is(EAGAIN))
            return ConnectionState.Open;
        if (result.Value <= 0)
            return Disconnected();

        long now = Stopwatch.GetTimestamp();
        Context.Tally.BytesReceived += result.Value;
        int length = _partialLength + (int)result.Value;
        ReadOnlySpan<byte> received = _partialLength > 0 ? _partial.AsSpan(0, length) : room[..length];
        int answered = Check(ref received, now);
        if (answered < 0)
            return ConnectionState.Broken;
        Keep(received);
        ConnectionState state = StateByCalls();
        return state == ConnectionState.Open && answered > 0 ? Ask(Context.Answered.AsSpan(0, answered), now) : state;
    }

    public override ConnectionState Tick(long now) => StateByAge(now);

    // Records each whole reply. Returns how many slots are free now, or -1 when the connection has to be given up.
    private int Check(ref ReadOnlySpan<byte> received, long now)
    {
        int answered = 0;
        while (!received.IsEmpty && Window.UnderWay > 0)
        {
            ReplyVerdict verdict = Context.Exchange.Check(received, Window.Due, out int length, out uint sequence);
            if (verdict == ReplyVerdict.Incomplete)
                return answered;
            if (verdict == ReplyVerdict.Unreadable)
                break;

            // A reply to nothing that was asked, or a second one to the same request, is a wrong one.
            long sentAt = Window.Answer(sequence, out int slot);
            if (verdict == ReplyVerdict.Right && sentAt != 0)
                Context.Record(sentAt, now);
            else
                Context.Tally.Errors.WrongReplies++;
            if (sentAt != 0)
            {
                Context.Answered[answered++] = slot;
                Answered++;
            }

            received = received[length..];
        }

        if (received.IsEmpty)
            return answered;
        Context.Tally.Errors.WrongReplies++;   // bytes that make no sense, or that nobody asked for
        return -1;
    }

    private ConnectionState Ask(ReadOnlySpan<int> slots, long now)
    {
        OutputBuffer batch = Context.Batch;
        batch.Clear();
        foreach (int slot in slots)
            Context.Exchange.Write(batch, Window.Ask(slot, now));
        return Send(batch.Written);
    }

    // Sends a batch, or the rest of an earlier one; what the kernel does not take is kept.
    private ConnectionState Send(ReadOnlySpan<byte> batch)
    {
        if (HasUnsent)
        {
            _unsent.Write(batch);
            batch = _unsent.Written[_unsentStart..];
        }

        SyscallResult result = send(Descriptor, batch, MSG_NOSIGNAL);
        if (result.IsError && !result.Is(EAGAIN))
            return Disconnected();
        int sent = (int)Math.Max(result.Value, 0);
        Context.Tally.BytesSent += sent;
        if (HasUnsent)
            _unsentStart += sent;
        else if (sent < batch.Length)
            _unsent.Write(batch[sent..]);
        if (!HasUnsent)
        {
            _unsent.Clear();
            _unsentStart = 0;
        }

        return ConnectionState.Open;
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
