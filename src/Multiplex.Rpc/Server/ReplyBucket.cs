using System.Runtime.InteropServices;

namespace Multiplex.Rpc;

/// <summary>
/// Which calls the places of one bucket of a <see cref="ReplyMemory"/> have. What is searched stands side by side here; the calls and
/// replies themselves are elsewhere, and only the right one is looked at.
/// </summary>
/// <remarks>
/// Under the bucket's lock, but for the state of a place that is in progress: it belongs to the thread that runs the call. What is
/// written last is always the state, so that the figures make sense whenever their writer dies.
/// </remarks>
/// <param name="memory">The bytes of it, <see cref="Size"/> of them, which begin as zeros.</param>
/// <param name="places">How many places there are, at most <see cref="MaxPlaces"/>.</param>
internal readonly ref struct ReplyBucket(Span<byte> memory, int places)
{
    /// <summary>The most places that a bucket may have.</summary>
    public const int MaxPlaces = 144;

    private const int PlaceSize = sizeof(long) + (2 * sizeof(uint)) + sizeof(int);
    private const byte NotKept = byte.MaxValue;

    private readonly Span<long> _touched = MemoryMarshal.Cast<byte, long>(memory[..(places * sizeof(long))]);
    private readonly Span<uint> _tags = MemoryMarshal.Cast<byte, uint>(memory.Slice(places * 8, places * sizeof(uint)));
    private readonly Span<uint> _callers = MemoryMarshal.Cast<byte, uint>(memory.Slice(places * 12, places * sizeof(uint)));
    private readonly Span<int> _states = MemoryMarshal.Cast<byte, int>(memory.Slice(places * 16, places * sizeof(int)));

    /// <summary>How many bytes so many places take.</summary>
    public static int Size(int places) => places * PlaceSize;

    /// <summary>How many places there are.</summary>
    public int Places => _states.Length;

    /// <summary>How far the call of a place is.</summary>
    public SlotState State(int place) => (SlotState)Volatile.Read(in _states[place]);

    /// <summary>The same from now on.</summary>
    public void Set(int place, SlotState state) => Volatile.Write(ref _states[place], (int)state);

    /// <summary>The call of a place is asked for, at this time of <see cref="Environment.TickCount64"/>.</summary>
    public void Touch(int place, long now) => _touched[place] = now;

    /// <summary>A place gets a call. It must be empty or unused.</summary>
    /// <param name="place">The place.</param>
    /// <param name="tag">By which the call is found.</param>
    /// <param name="caller">Tells callers apart.</param>
    /// <param name="now">The time.</param>
    public void Enter(int place, uint tag, uint caller, long now)
    {
        (_tags[place], _callers[place], _touched[place]) = (tag, caller, now);
        Set(place, SlotState.InProgress);
    }

    /// <summary>The next place, from this one on, whose call has the tag, or had it before it was emptied; -1 when there is none.</summary>
    public int Find(uint tag, int from) => _tags[from..].IndexOf(tag) is >= 0 and int found ? from + found : -1;

    /// <summary>Whether the call of a place was answered, or given up, and last asked for before this time.</summary>
    public bool IsKeptFromBefore(int place, long time) => IsKept(State(place)) && _touched[place] < time;

    /// <summary>Looks for room.</summary>
    /// <param name="time">Calls that were last asked for before this time do not count.</param>
    /// <param name="kept">How many others are kept, in progress not included.</param>
    /// <returns>A place for one more call; -1 when all are taken.</returns>
    public int Free(long time, out int kept)
    {
        int free = -1;
        kept = 0;
        for (int place = 0; place < Places; place++)
        {
            SlotState state = State(place);
            if (state == SlotState.InProgress)
                continue;
            if (IsKept(state) && _touched[place] >= time)
                kept++;
            else if (free < 0)
                free = place;
        }

        return free;
    }

    /// <summary>What is forgotten first: of the caller that has the most calls here, the one that was not asked for longest.</summary>
    /// <returns>Its place; -1 when none is kept.</returns>
    public int Victim()
    {
        // Each caller's calls are counted at its first place, which is found by the caller's lowest byte and the bytes after that.
        Span<byte> firsts = stackalloc byte[byte.MaxValue + 1];   // 1 more than the place; 0 for none
        Span<byte> counts = stackalloc byte[MaxPlaces];
        Span<byte> firstOf = stackalloc byte[MaxPlaces];
        byte most = 0;
        for (int place = 0; place < Places; place++)
        {
            firstOf[place] = NotKept;
            if (!IsKept(State(place)))
                continue;
            byte cell = (byte)_callers[place];
            while (firsts[cell] != 0 && _callers[firsts[cell] - 1] != _callers[place])
                cell++;
            if (firsts[cell] == 0)
                firsts[cell] = (byte)(place + 1);
            firstOf[place] = (byte)(firsts[cell] - 1);
            most = Math.Max(most, ++counts[firstOf[place]]);
        }

        int victim = -1;
        for (int place = 0; place < Places; place++)
        {
            if (firstOf[place] != NotKept && counts[firstOf[place]] == most && (victim < 0 || _touched[place] < _touched[victim]))
                victim = place;
        }

        return victim;
    }

    private static bool IsKept(SlotState state) => state is SlotState.Answered or SlotState.WithoutReply;
}
