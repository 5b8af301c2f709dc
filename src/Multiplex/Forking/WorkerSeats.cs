namespace Multiplex.Forking;

/// <summary>
/// The places of the workers that are made ahead: who has each, when it may be filled again, and whether its worker is
/// in the middle of a connection. One that dies right after it was made is replaced later and later.
/// </summary>
/// <remarks>Times are milliseconds of a clock that the caller reads, such as <see cref="Environment.TickCount64"/>.</remarks>
internal sealed class WorkerSeats(int count) : IDisposable
{
    /// <summary>A worker that lived this long was no failure from the start.</summary>
    public const int InfancyMilliseconds = 1000;

    /// <summary>The first delay after an early death; each further one doubles it.</summary>
    public const int FirstDelayMilliseconds = 10;

    /// <summary>The longest delay.</summary>
    public const int LongestDelayMilliseconds = 1000;

    private const int CacheLine = 64;   // each worker writes to its own

    private readonly Seat[] _seats = new Seat[count];
    private readonly SharedMemory _board = new(count * CacheLine);

    /// <summary>Whether the worker of a seat is in the middle of a connection: workers say it, the parent reads it.</summary>
    public ref long IsServing(int seat) => ref _board.Word(seat * CacheLine);

    /// <summary>The first seat that may be filled now, or -1; then <paramref name="waitMilliseconds"/> is when to ask again, or -1 for never.</summary>
    public int NextToFill(long now, out int waitMilliseconds)
    {
        long soonest = long.MaxValue;
        for (int i = 0; i < _seats.Length; i++)
        {
            if (_seats[i].Pid == 0)
                soonest = Math.Min(soonest, _seats[i].NotBefore);
            if (_seats[i].Pid == 0 && _seats[i].NotBefore <= now)
            {
                waitMilliseconds = 0;
                return i;
            }
        }

        waitMilliseconds = soonest == long.MaxValue ? -1 : (int)(soonest - now);
        return -1;
    }

    /// <summary>A worker has this seat.</summary>
    public void Fill(int seat, int pid, long now)
    {
        _seats[seat].Pid = pid;
        _seats[seat].Born = now;
    }

    /// <summary>A worker has ended.</summary>
    /// <param name="pid">Which.</param>
    /// <param name="lost">Whether by a signal or a failure.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether it leaves a connection behind that it did not get to count as closed.</returns>
    public bool Vacate(int pid, bool lost, long now)
    {
        int seat = Array.FindIndex(_seats, candidate => candidate.Pid == pid);
        if (seat < 0)
            return false;
        if (lost && now - _seats[seat].Born < InfancyMilliseconds)
            Delay(seat, now);
        else
            _seats[seat] = default;
        _seats[seat].Pid = 0;
        bool wasServing = IsServing(seat) != 0;
        IsServing(seat) = 0;
        return wasServing;
    }

    /// <summary>No worker is to take this seat for a while, and each time for longer.</summary>
    public void Delay(int seat, long now)
    {
        int delay = Math.Clamp(2 * _seats[seat].Delay, FirstDelayMilliseconds, LongestDelayMilliseconds);
        _seats[seat].Delay = delay;
        _seats[seat].NotBefore = now + delay;
    }

    /// <summary>How many workers are in the middle of a connection.</summary>
    public int CountServing()
    {
        int serving = 0;
        for (int i = 0; i < _seats.Length; i++)
            serving += (int)IsServing(i);
        return serving;
    }

    /// <inheritdoc/>
    public void Dispose() => _board.Dispose();

    private struct Seat
    {
        public int Pid { get; set; }   // 0: nobody

        public long Born { get; set; }

        public int Delay { get; set; }

        public long NotBefore { get; set; }
    }
}
