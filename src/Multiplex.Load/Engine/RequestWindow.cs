using System.Numerics;

namespace Multiplex.Load.Engine;

/// <summary>The times at which a request was due, and sent.</summary>
/// <param name="DueAt">When it was due: the start of its latency.</param>
/// <param name="SentAt">When it was sent; 0 when there is no such request.</param>
internal readonly record struct RequestTimes(long DueAt, long SentAt);

/// <summary>
/// The requests that a connection may have in flight, a slot for each: a slot whose request has been answered is free for the
/// next one. The low bits of a request's number are the index of its slot, so the slot of a reply is found at once in any order of replies.
/// </summary>
internal sealed class RequestWindow
{
    private readonly Slot[] _slots;
    private readonly int[] _free;   // a ring: the slot that was freed first is used first, so that replies in order are due in the order of sending
    private readonly uint _first;
    private readonly uint _stride;
    private int _firstFree;
    private int _due;

    /// <param name="depth">The number of slots.</param>
    /// <param name="seed">Connections with different seeds number their requests differently; with 0 they are number 0, 1, 2 and so on.</param>
    public RequestWindow(int depth, uint seed = 0)
    {
        _stride = BitOperations.RoundUpToPowerOf2((uint)depth);
        _first = seed * _stride;
        _slots = new Slot[depth];
        _free = new int[depth];
        for (int i = 0; i < depth; i++)
            _slots[i].Sequence = _first + (uint)i - _stride;
        Clear();
    }

    /// <summary>The number of slots.</summary>
    public int Depth => _slots.Length;

    /// <summary>The number of free slots.</summary>
    public int FreeCount { get; private set; }

    /// <summary>The number of requests in flight.</summary>
    public int InFlight => _slots.Length - FreeCount;

    /// <summary>The request whose reply is due next, where replies come in order.</summary>
    public uint Due => _slots[_due].Sequence;

    /// <summary>The request that will be sent next.</summary>
    public uint Next => Ahead(0);

    /// <summary>The request that will be sent after so many others, of as many free slots.</summary>
    public uint Ahead(int others)
    {
        int free = _firstFree + others;
        return _slots[_free[free < _free.Length ? free : free - _free.Length]].Sequence + _stride;
    }

    /// <summary>The request that a slot sent last.</summary>
    public uint LastOf(int slot) => _slots[slot].Sequence;

    /// <summary>Whether a request of this number has ever been sent.</summary>
    public bool WasSent(uint sequence)
    {
        int slot = (int)(sequence & (_stride - 1));
        uint never = _first - _stride;   // one round before the first request
        return slot < _slots.Length && sequence - never <= _slots[slot].Sequence - never && sequence - never >= _stride;
    }

    /// <summary>Sends the next request; a slot has to be free.</summary>
    /// <returns>The request's number.</returns>
    public uint Send(long dueAt, long now)
    {
        ref Slot sending = ref _slots[_free[_firstFree]];
        _firstFree = _firstFree + 1 < _free.Length ? _firstFree + 1 : 0;
        FreeCount--;
        (sending.DueAt, sending.SentAt) = (dueAt, now);
        return sending.Sequence += _stride;
    }

    /// <summary>Records a reply to this request and frees its slot.</summary>
    /// <returns>Its times; its SentAt is 0 when no such request is in flight.</returns>
    public RequestTimes Answer(uint sequence)
    {
        int slot = (int)(sequence & (_stride - 1));
        if (slot >= _slots.Length || _slots[slot].Sequence != sequence || _slots[slot].SentAt == 0)
            return default;
        RequestTimes times = new(_slots[slot].DueAt, _slots[slot].SentAt);
        Free(slot);
        return times;
    }

    /// <summary>Gives up what a slot has in flight.</summary>
    public void Free(int slot)
    {
        _slots[slot].SentAt = 0;
        int end = _firstFree + FreeCount++;
        _free[end < _free.Length ? end : end - _free.Length] = slot;
        if (slot == _due && ++_due == _slots.Length)
            _due = 0;
    }

    /// <summary>Whether a slot's request has been in flight since before this time.</summary>
    public bool IsOlder(int slot, long time) => _slots[slot].SentAt != 0 && _slots[slot].SentAt < time;

    /// <summary>Whether any request has been in flight since before this time.</summary>
    public bool HasOlder(long time)
    {
        if (InFlight == 0)
            return false;
        for (int slot = 0; slot < _slots.Length; slot++)
        {
            if (IsOlder(slot, time))
                return true;
        }

        return false;
    }

    /// <summary>The times at which the requests in flight were due.</summary>
    public IEnumerable<long> DueTimes() => _slots.Where(slot => slot.SentAt != 0).Select(slot => slot.DueAt);

    /// <summary>Gives up everything that is in flight.</summary>
    public void Clear()
    {
        for (int slot = 0; slot < _slots.Length; slot++)
            (_slots[slot].SentAt, _free[slot]) = (0, slot);
        (_firstFree, FreeCount, _due) = (0, _slots.Length, 0);
    }

    private struct Slot
    {
        public long DueAt;
        public long SentAt;   // 0: nothing is in flight
        public uint Sequence;
    }
}
