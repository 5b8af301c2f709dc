namespace Multiplex.Rpc.Client.Calls;

/// <summary>
/// The calls in flight, by xid. Xids are given out in sequence, so that their lowest bits are as good as a hash; where an old call
/// still has the place, the xid is passed over.
/// </summary>
internal sealed class PendingCalls
{
    private PendingCall?[] _slots = new PendingCall?[64];
    private uint _next = (uint)Random.Shared.NextInt64(uint.MaxValue);   // a client that starts anew does not repeat the old one's

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>For how many of them a thread blocks.</summary>
    public int WaiterCount { get; private set; }

    /// <summary>An xid that no call in flight has.</summary>
    public uint NewXid()
    {
        while (_slots[IndexOf(_next)] is not null)
            _next++;
        return _next++;
    }

    /// <summary>Gives the call its xid and keeps it.</summary>
    public void Add(PendingCall call)
    {
        if (2 * (Count + 1) > _slots.Length)
            Grow();
        call.Xid = NewXid();
        _slots[IndexOf(call.Xid)] = call;
        Count++;
        WaiterCount += call.HasWaiter ? 1 : 0;
    }

    /// <summary>The call of this xid; null when there is none.</summary>
    public PendingCall? Find(uint xid) => _slots[IndexOf(xid)] is { } call && call.Xid == xid ? call : null;

    /// <summary>Takes the call of this xid out; null when there is none.</summary>
    public PendingCall? Remove(uint xid)
    {
        ref PendingCall? slot = ref _slots[IndexOf(xid)];
        return slot is { } call && call.Xid == xid ? Empty(ref slot) : null;
    }

    /// <summary>Takes the call out.</summary>
    /// <returns>False when it is not, or no longer, in flight.</returns>
    public bool Remove(PendingCall call)
    {
        ref PendingCall? slot = ref _slots[IndexOf(call.Xid)];
        return slot == call && Empty(ref slot) is not null;
    }

    /// <summary>The oldest call.</summary>
    public PendingCall? Oldest()
    {
        for (uint i = 0; i < _slots.Length; i++)
        {
            if (_slots[IndexOf(_next + i)] is { } call)
                return call;
        }

        return null;
    }

    /// <summary>The calls, oldest first; the current one may be removed.</summary>
    public IEnumerable<PendingCall> InOrder()
    {
        int first = IndexOf(_next), count = _slots.Length;
        for (int i = 0; i < count && Count > 0; i++)
        {
            if (_slots[(first + i) & (count - 1)] is { } call)
                yield return call;
        }
    }

    private PendingCall Empty(ref PendingCall? slot)
    {
        PendingCall call = slot!;
        slot = null;
        Count--;
        WaiterCount -= call.HasWaiter ? 1 : 0;
        return call;
    }

    private int IndexOf(uint xid) => (int)(xid & (uint)(_slots.Length - 1));

    // Xids that differ in their lowest bits differ in one bit more, too.
    private void Grow()
    {
        PendingCall?[] old = _slots;
        _slots = new PendingCall?[2 * old.Length];
        foreach (PendingCall? call in old)
        {
            if (call is not null)
                _slots[IndexOf(call.Xid)] = call;
        }
    }
}
