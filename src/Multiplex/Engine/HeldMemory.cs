using Multiplex.Forking;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// The memory that the connections of workers hold in long requests and replies: each worker, a thread or process, serves one connection and has an entry
/// in a table that all share. A worker that passes the limit closes the connection that holds most, its own or another's.
/// </summary>
/// <param name="options">Gives the limit.</param>
/// <param name="counters">Where the total is kept.</param>
/// <param name="places">How many workers there are at most.</param>
/// <param name="evict">Ends the connection of another worker; given the owner that it named.</param>
internal sealed class HeldMemory(ServerOptions options, ServerCounters counters, int places, Action<int> evict) : IDisposable
{
    /// <summary>What a connection holds up to this is not counted: its worker has buffers of that size anyway.</summary>
    public const int Uncounted = LargeBufferPool.LongestShort;

    // Measured: each process has its own heap, which takes about as much again as a long request.
    private const int PerProcess = 1 << 20;

    private const int PlaceLength = 2 * sizeof(long);
    private const int NoPlace = -1;
    private const long Evicted = -1;

    private readonly SharedMemory _board = new(places * PlaceLength);

    /// <summary>Of workers that are processes: the signal at which they look for a stop has them look here too.</summary>
    public static HeldMemory OfProcesses(Service service, int places) =>
        new(service.Options, service.Counters, places, evict: pid => kill(pid, ChildProcess.StopSignal)) { Overhead = PerProcess };

    // Bytes that come with whatever a worker holds.
    private int Overhead { get; init; }

    /// <summary>Clears the entry of a worker that has ended: it may have been killed.</summary>
    public void Forget(int owner)
    {
        for (int place = 0; place < places; place++)
        {
            if (Volatile.Read(ref Owner(place)) == owner)
                Vacate(place);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _board.Dispose();

    // Reserves a place for this owner.
    private int Claim(int owner)
    {
        for (int place = 0; place < places; place++)
        {
            if (Volatile.Read(ref Owner(place)) == 0 && Interlocked.CompareExchange(ref Owner(place), owner, 0) == 0)
                return place;
        }

        return NoPlace;
    }

    // Returns false when the connection is to be closed, by the decision of this worker or of another.
    private bool TryHold(int place, long bytes)
    {
        long before;
        do
        {
            before = Volatile.Read(ref Bytes(place));
            if (before == Evicted)
                return false;
        }
        while (Interlocked.CompareExchange(ref Bytes(place), bytes, before) != before);

        counters.Add(Counter.HeldBytes, bytes - before);
        while (bytes > before && counters[Counter.HeldBytes] > options.MaxMemory)
        {
            int largest = FindLargest();
            if (largest == NoPlace || (TryEvict(largest) && largest == place))
                return largest == NoPlace;
        }

        return true;
    }

    private int FindLargest()
    {
        (int largest, long most) = (NoPlace, 0);
        for (int place = 0; place < places; place++)
        {
            long bytes = Volatile.Read(ref Bytes(place));
            if (bytes > most)
                (largest, most) = (place, bytes);
        }

        return largest;
    }

    // What it holds counts no more from now on, or the next to look would take another connection for it.
    private bool TryEvict(int place)
    {
        long bytes = Volatile.Read(ref Bytes(place));
        int owner = (int)Volatile.Read(ref Owner(place));
        if (bytes <= 0 || Interlocked.CompareExchange(ref Bytes(place), Evicted, bytes) != bytes)
            return false;
        counters.Add(Counter.HeldBytes, -bytes);
        counters.Increment(Counter.MemoryClosed);
        evict(owner);
        return true;
    }

    // Returns whether the connection was one to be closed.
    private bool Vacate(int place)
    {
        long bytes = Interlocked.Exchange(ref Bytes(place), 0);
        counters.Add(Counter.HeldBytes, -Math.Max(0, bytes));
        Volatile.Write(ref Owner(place), 0);
        return bytes == Evicted;
    }

    private ref long Bytes(int place) => ref _board.Word(place * PlaceLength);

    private ref long Owner(int place) => ref _board.Word((place * PlaceLength) + sizeof(long));

    /// <summary>What one worker's connections hold, one after another.</summary>
    /// <param name="memory">The table.</param>
    /// <param name="owner">What identifies it; not 0.</param>
    public sealed class Holder(HeldMemory memory, Func<int> owner)
    {
        private int _place = NoPlace;

        /// <summary>Whether another worker has decided that this one's connection be closed.</summary>
        public bool IsEvicted => _place != NoPlace && Volatile.Read(ref memory.Bytes(_place)) == Evicted;

        /// <summary>The connection holds so many bytes now.</summary>
        /// <returns>False when it is to be closed.</returns>
        public bool TryHold(long bytes)
        {
            if (bytes <= Uncounted && _place == NoPlace)
                return true;
            if (_place == NoPlace)
                _place = memory.Claim(owner());
            return _place == NoPlace || memory.TryHold(_place, bytes <= Uncounted ? 0 : bytes + memory.Overhead);
        }

        /// <summary>The connection has ended.</summary>
        /// <returns>Whether it was one to be closed.</returns>
        public bool Release()
        {
            bool wasEvicted = _place != NoPlace && memory.Vacate(_place);
            _place = NoPlace;
            return wasEvicted;
        }
    }
}
