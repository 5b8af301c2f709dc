using System.Numerics;

namespace Multiplex.Load;

/// <summary>
/// The requests that a connection has under way, a slot for each: a slot whose request has been answered asks the next one. A
/// request's number names its slot in the low bits, so that a reply finds it at once in whatever order replies come.
/// </summary>
/// <param name="depth">How many slots.</param>
internal sealed class RequestWindow(int depth)
{
    private readonly Slot[] _slots = NewSlots(depth);
    private readonly uint _stride = BitOperations.RoundUpToPowerOf2((uint)depth);
    private int _due;

    /// <summary>How many slots there are.</summary>
    public int Depth => _slots.Length;

    /// <summary>How many requests are under way.</summary>
    public int UnderWay { get; private set; }

    /// <summary>The request whose reply is due next, where replies come in order.</summary>
    public uint Due => _slots[_due].Sequence;

    /// <summary>The request that a slot asked last.</summary>
    public uint LastOf(int slot) => _slots[slot].Sequence;

    /// <summary>The request that a slot asks next.</summary>
    public uint NextOf(int slot) => _slots[slot].Sequence + _stride;

    /// <summary>Whether a request of this number has ever been asked.</summary>
    public bool WasAsked(uint sequence) => TryFindSlot(sequence, out int slot) && sequence <= _slots[slot].Sequence;

    /// <summary>A slot asks its next request.</summary>
    /// <param name="slot">Which: one that has none under way.</param>
    /// <param name="now">When.</param>
    /// <returns>The request's number.</returns>
    public uint Ask(int slot, long now)
    {
        ref Slot asking = ref _slots[slot];
        UnderWay++;
        asking.SentAt = now;
        return asking.Sequence += _stride;
    }

    /// <summary>A reply to this request has come.</summary>
    /// <param name="sequence">The request.</param>
    /// <param name="slot">The slot that asked it, and is free now.</param>
    /// <returns>When it was asked; 0 when no such request is under way.</returns>
    public long Answer(uint sequence, out int slot)
    {
        if (!TryFindSlot(sequence, out slot) || _slots[slot].Sequence != sequence)
            return 0;
        long sentAt = _slots[slot].SentAt;
        if (sentAt != 0)
            Free(slot);
        return sentAt;
    }

    /// <summary>Gives up what a slot has under way.</summary>
    public void Free(int slot)
    {
        _slots[slot].SentAt = 0;
        UnderWay--;
        if (slot == _due && ++_due == _slots.Length)
            _due = 0;
    }

    /// <summary>Whether a slot's request has been under way since before this time.</summary>
    public bool IsOlder(int slot, long time) => _slots[slot].SentAt != 0 && _slots[slot].SentAt < time;

    /// <summary>Whether any request has been under way since before this time.</summary>
    public bool HasOlder(long time)
    {
        foreach (ref readonly Slot slot in _slots.AsSpan())
        {
            if (slot.SentAt != 0 && slot.SentAt < time)
                return true;
        }

        return false;
    }

    /// <summary>Gives up everything that is under way.</summary>
    public void Clear()
    {
        foreach (ref Slot slot in _slots.AsSpan())
            slot.SentAt = 0;
        (UnderWay, _due) = (0, 0);
    }

    private bool TryFindSlot(uint sequence, out int slot)
    {
        slot = (int)(sequence & (_stride - 1));
        return slot < _slots.Length;
    }

    // So that the first requests are number 0, 1, 2 and so on.
    private static Slot[] NewSlots(int depth)
    {
        Slot[] slots = new Slot[depth];
        for (int i = 0; i < depth; i++)
            slots[i].Sequence = (uint)i - BitOperations.RoundUpToPowerOf2((uint)depth);
        return slots;
    }

    private struct Slot
    {
        public long SentAt;   // 0: nothing is under way
        public uint Sequence;
    }
}
