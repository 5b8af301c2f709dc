namespace Multiplex.Forking;

/// <summary>
/// The slots of the workers that are made ahead: for each the process in it, when it may be filled again, and whether its worker serves a
/// connection. A worker that ends right after its start is replaced later each time.
/// </summary>
/// <remarks>Times are milliseconds of a clock that the caller reads, such as <see cref="Environment.TickCount64"/>.</remarks>
internal sealed class WorkerSlots(int count) : IDisposable
{
    /// <summary>A worker that lived this long was no failure from the start.</summary>
    public const int InfancyMilliseconds = 1000;

    /// <summary>The first delay after an early death; each further one doubles it.</summary>
    public const int FirstDelayMilliseconds = 10;

    /// <summary>The longest delay.</summary>
    public const int LongestDelayMilliseconds = 1000;

    private const int CacheLine = 64;   // each worker writes to its own

    private readonly Slot[] _slots = new Slot[count];
    private readonly SharedMemory _board = new(count * CacheLine);

    /// <summary>Whether a worker serves one connection only: one that ends in the middle of it says nothing of the next worker.</summary>
    public bool ServeOnce { get; init; }

    /// <summary>How many there are.</summary>
    public int Count => _slots.Length;

    /// <summary>Whether the worker of a slot is in the middle of a connection: workers say it, the parent reads it.</summary>
    public ref long IsServing(int slot) => ref _board.Word(slot * CacheLine);

    /// <summary>The first slot that may be filled now, or -1; then <paramref name="waitMilliseconds"/> is when to ask again, or -1 for never.</summary>
    /// <param name="atMost">How many empty slots to look at: where most are empty, a delay of one does not have the next one filled instead.</param>
    /// <param name="now">The time.</param>
    /// <param name="waitMilliseconds">Receives how long no slot may be filled.</param>
    public int NextToFill(int atMost, long now, out int waitMilliseconds)
    {
        long soonest = long.MaxValue;
        for (int i = 0, empty = 0; i < _slots.Length && empty < atMost; i++)
        {
            if (_slots[i].Pid != 0)
                continue;
            empty++;
            soonest = Math.Min(soonest, _slots[i].NotBefore);
            if (_slots[i].NotBefore <= now)
            {
                waitMilliseconds = 0;
                return i;
            }
        }

        waitMilliseconds = soonest == long.MaxValue ? -1 : (int)(soonest - now);
        return -1;
    }

    /// <summary>A worker has this slot.</summary>
    public void Fill(int slot, int pid, long now)
    {
        _slots[slot].Pid = pid;
        _slots[slot].Born = now;
    }

    /// <summary>A worker has ended.</summary>
    /// <param name="pid">Which.</param>
    /// <param name="lost">Whether by a signal or a failure.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it leaves a connection behind that it did not get to count as closed.</returns>
    public bool Vacate(int pid, bool lost, long now)
    {
        int slot = Array.FindIndex(_slots, candidate => candidate.Pid == pid);
        if (slot < 0)
            return false;
        bool wasServing = IsServing(slot) != 0;
        if (lost && now - _slots[slot].Born < InfancyMilliseconds && !(ServeOnce && wasServing))
            Delay(slot, now);
        else
            _slots[slot] = default;
        _slots[slot].Pid = 0;
        IsServing(slot) = 0;
        return wasServing;
    }

    /// <summary>No worker is to take this slot for a while, and each time for longer.</summary>
    public void Delay(int slot, long now)
    {
        int delay = Math.Clamp(2 * _slots[slot].Delay, FirstDelayMilliseconds, LongestDelayMilliseconds);
        _slots[slot].Delay = delay;
        _slots[slot].NotBefore = now + delay;
    }

    /// <summary>How many workers are in the middle of a connection.</summary>
    public int CountServing()
    {
        int serving = 0;
        for (int i = 0; i < _slots.Length; i++)
            serving += (int)IsServing(i);
        return serving;
    }

    /// <inheritdoc/>
    public void Dispose() => _board.Dispose();

    private struct Slot
    {
        public int Pid { get; set; }   // 0: empty

        public long Born { get; set; }

        public int Delay { get; set; }

        public long NotBefore { get; set; }
    }
}
