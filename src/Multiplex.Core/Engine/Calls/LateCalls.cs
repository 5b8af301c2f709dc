namespace Multiplex.Engine.Calls;

/// <summary>The calls of one connection, or of one source of datagrams, whose replies come later, in the order in which they came.</summary>
internal sealed class LateCalls
{
    // What a short call takes is covered by the limit on their number.
    private const int Uncounted = 256;

    private readonly Lock _lock = new();   // where workers run the calls, they add them
    private bool _isCancelled;
    private bool _hasEnded;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that they keep, beyond the first few of each.</summary>
    public long Bytes { get; private set; }

    /// <summary>The first, or null.</summary>
    public LateReply? First { get; private set; }

    /// <summary>The last, or null.</summary>
    public LateReply? Last { get; private set; }

    /// <summary>Adds a call at the end. One that comes after <see cref="Cancel"/> is cancelled.</summary>
    public void Add(LateReply call)
    {
        lock (_lock)
        {
            call.Calls = this;
            (call.Previous, call.Next) = (Last, null);
            if (Last is null)
                First = call;
            else
                Last.Next = call;
            Last = call;
            Count++;
            Bytes += Math.Max(0, call.Bytes - Uncounted);
        }

        if (_isCancelled)
            call.Cancel(_hasEnded);
    }

    /// <summary>Takes a call out.</summary>
    public void Remove(LateReply call)
    {
        lock (_lock)
        {
            if (call.Previous is null)
                First = call.Next;
            else
                call.Previous.Next = call.Next;
            if (call.Next is null)
                Last = call.Previous;
            else
                call.Next.Previous = call.Previous;
            (call.Calls, call.Previous, call.Next) = (null, null, null);
            Count--;
            Bytes -= Math.Max(0, call.Bytes - Uncounted) + call.Behind.Length;
        }
    }

    /// <summary>Has a reply leave behind that of the last call.</summary>
    public void HoldBack(ReadOnlySpan<byte> reply, bool isMessage)
    {
        int before = Last!.Behind.Length;
        Last.Behind.Add(reply, isMessage);
        Bytes += Last.Behind.Length - before;
    }

    /// <summary>Cancels all calls, and those added later: the client is gone, or the server ends.</summary>
    public void Cancel(bool hasEnded)
    {
        lock (_lock)
        {
            (_isCancelled, _hasEnded) = (true, _hasEnded | hasEnded);
            for (LateReply? call = First; call is not null; call = call.Next)
                call.Cancel(hasEnded);
        }
    }

    /// <summary>No reply is wanted any more: forgets all of them, and has them cancelled.</summary>
    public void Abandon()
    {
        Cancel(hasEnded: true);
        lock (_lock)
        {
            while (First is { } call)
            {
                First = call.Next;
                call.Behind.Release();
                (call.Calls, call.Previous, call.Next) = (null, null, null);
            }

            (Last, Count, Bytes) = (null, 0, 0);
        }
    }

    /// <summary>Has none, and is used for another connection.</summary>
    public void Reset() => (_isCancelled, _hasEnded) = (false, false);
}
