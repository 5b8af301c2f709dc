using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Multiplex.Rpc.Server;

/// <summary>
/// The places of a <see cref="ReplyCache"/> in shared memory: buckets, each a lock, a <see cref="ReplyBucket"/>, and for each of its places
/// a slot and room for a reply. The kernel gives the memory when it is first written to, so buckets and slots are made ready when they
/// are first used.
/// </summary>
internal sealed unsafe class ReplyMemory : IDisposable
{
    /// <summary>The name of the file that the next server gets.</summary>
    public const string FileName = "multiplex-reply-cache";

    private const ulong Magic = 0x594c_5045_5258_504d;   // MPXREPLY
    private const int Version = 1;
    private const int CacheLine = 64;   // a bucket's lock has a cache line of its own
    private const int BucketsOffset = 2 * CacheLine;

    private readonly SharedMemory _memory;
    private readonly byte* _start;
    private readonly int _places;
    private readonly int _slotsOffset;
    private readonly int _slotSize;
    private readonly int _bucketSize;

    /// <summary>Maps them: those of an earlier server, where it had as many of the same size, else none that are taken.</summary>
    /// <param name="buckets">How many buckets.</param>
    /// <param name="places">Places of each.</param>
    /// <param name="longestReply">Room for a reply, in bytes.</param>
    /// <param name="kept">Keeps them for the next server; null: they end with this one.</param>
    public ReplyMemory(int buckets, int places, int longestReply, KeptMemory? kept = null)
    {
        (Buckets, _places, LongestReply) = (buckets, places, longestReply);
        _slotsOffset = CacheLine + Aligned(ReplyBucket.Size(places));
        _slotSize = Aligned(sizeof(ReplySlot) + longestReply);
        _bucketSize = _slotsOffset + (places * _slotSize);
        long size = BucketsOffset + ((long)buckets * _bucketSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, int.MaxValue, nameof(buckets));
        Layout layout = new() { Magic = Magic, Version = Version, Buckets = buckets, Places = places, SlotSize = _slotSize, LongestReply = longestReply };
        bool isNew = true;
        _memory = kept?.Map(FileName, (int)size, memory => LayoutOf(memory).IsSameAs(layout), out isNew) ?? new((int)size);
        _start = (byte*)Unsafe.AsPointer(ref _memory.Word(0));
        if (!isNew)
            return;
        First.Lock.Initialize();
        layout.Seed = Random.Shared.NextInt64();
        LayoutOf(_memory) = layout;
    }

    /// <summary>Makes the hashes of calls different from any other server's; the same in all that share the memory.</summary>
    public long Seed => LayoutOf(_memory).Seed;

    /// <summary>How many buckets there are.</summary>
    public int Buckets { get; }

    /// <summary>Room for a reply, in bytes.</summary>
    public int LongestReply { get; }

    // In front of the buckets stands what they are, and one more lock, under which a bucket is made ready.
    private ref Head First => ref *(Head*)(_start + CacheLine);

    private static ref Layout LayoutOf(SharedMemory memory) => ref Unsafe.As<long, Layout>(ref memory.Word(0));

    /// <summary>Locks a bucket.</summary>
    public void Lock(int bucket)
    {
        ref Head head = ref HeadOf(bucket);
        if (Volatile.Read(in head.Ready) == 0)
            MakeReady(bucket);
        head.Lock.Lock();
    }

    /// <summary>Unlocks it.</summary>
    public void Unlock(int bucket) => HeadOf(bucket).Lock.Unlock();

    /// <summary>Which calls its places have.</summary>
    public ReplyBucket Bucket(int bucket) => new(new(BucketAt(bucket) + CacheLine, ReplyBucket.Size(_places)), _places, ref HeadOf(bucket).Hand);

    /// <summary>One of a bucket's slots.</summary>
    public ref ReplySlot Slot(int bucket, int place) => ref *(ReplySlot*)SlotAt(bucket, place);

    /// <summary>The room for its reply.</summary>
    public Span<byte> Reply(int bucket, int place) => new(SlotAt(bucket, place) + sizeof(ReplySlot), LongestReply);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private void MakeReady(int bucket)
    {
        First.Lock.Lock();
        ref Head head = ref HeadOf(bucket);
        if (head.Ready == 0)
        {
            head.Lock.Initialize();
            Volatile.Write(ref head.Ready, 1);
        }

        First.Lock.Unlock();
    }

    private ref Head HeadOf(int bucket) => ref *(Head*)BucketAt(bucket);

    private byte* BucketAt(int bucket) => _start + BucketsOffset + ((long)bucket * _bucketSize);

    private byte* SlotAt(int bucket, int place) => BucketAt(bucket) + _slotsOffset + (place * _slotSize);

    private static int Aligned(int size) => (size + CacheLine - 1) & -CacheLine;

    // What another server must have the same to use the memory.
    private struct Layout
    {
        public ulong Magic;
        public int Version, Buckets, Places, SlotSize, LongestReply;
        public long Seed;

        public readonly bool IsSameAs(in Layout other) => Magic == other.Magic
            && (Version, Buckets, Places, SlotSize, LongestReply) == (other.Version, other.Buckets, other.Places, other.SlotSize, other.LongestReply);
    }

    private struct Head
    {
        public SharedMutex Lock;
        public int Ready;
        public int Hand;
    }
}

/// <summary>
/// Which calls the places of one bucket of a <see cref="ReplyMemory"/> have. What is searched stands side by side here, in few cache lines; the
/// calls and replies themselves are elsewhere, and only the right one is looked at.
/// </summary>
/// <remarks>
/// Under the bucket's lock, but for the state of a place that is in progress: it belongs to the thread that runs the call. What is
/// written last is always the state, so that the figures make sense whenever their writer dies.
/// </remarks>
internal readonly ref struct ReplyBucket
{
    /// <summary>The most places that a bucket may have.</summary>
    public const int MaxPlaces = 144;

    private const int PlaceSize = sizeof(long) + (2 * sizeof(ushort)) + sizeof(byte);
    private const int OldestOf = 4;

    private readonly Span<long> _touched;
    private readonly Span<ushort> _tags;
    private readonly Span<ushort> _callers;
    private readonly Span<byte> _states;
    private readonly ref int _hand;

    /// <summary>A view of a bucket's memory.</summary>
    /// <param name="memory">The bytes of it, <see cref="Size"/> of them, which begin as zeros.</param>
    /// <param name="places">How many places there are, at most <see cref="MaxPlaces"/>.</param>
    /// <param name="hand">The place at which the search for the oldest calls begins; zero at first.</param>
    public ReplyBucket(Span<byte> memory, int places, ref int hand)
    {
        const int Tags = sizeof(long), Callers = Tags + sizeof(ushort), States = Callers + sizeof(ushort);
        _touched = MemoryMarshal.Cast<byte, long>(memory[..(places * Tags)]);
        _tags = MemoryMarshal.Cast<byte, ushort>(memory[(places * Tags)..(places * Callers)]);
        _callers = MemoryMarshal.Cast<byte, ushort>(memory[(places * Callers)..(places * States)]);
        _states = memory[(places * States)..];
        _hand = ref hand;
    }

    /// <summary>How many bytes so many places take.</summary>
    public static int Size(int places) => places * PlaceSize;

    /// <summary>How many places there are.</summary>
    public int Places => _states.Length;

    /// <summary>How many calls have been answered or given up, in progress not included.</summary>
    public int Kept => _states.Count((byte)SlotState.Answered) + _states.Count((byte)SlotState.WithoutReply);

    /// <summary>How far the call of a place is.</summary>
    public SlotState State(int place) => (SlotState)Volatile.Read(in _states[place]);

    /// <summary>Sets how far it is.</summary>
    public void Set(int place, SlotState state) => Volatile.Write(ref _states[place], (byte)state);

    /// <summary>Sets how far it is, if that is as expected.</summary>
    public void Exchange(int place, SlotState state, SlotState expected) =>
        Interlocked.CompareExchange(ref _states[place], (byte)state, (byte)expected);

    /// <summary>A repeat of a place's call has come, at this time of <see cref="Environment.TickCount64"/>.</summary>
    public void Touch(int place, long now) => _touched[place] = now;

    /// <summary>A place gets a call. It must be empty or unused.</summary>
    /// <param name="place">The place.</param>
    /// <param name="tag">By which the call is found.</param>
    /// <param name="caller">Identifies the caller.</param>
    /// <param name="now">The time.</param>
    public void Enter(int place, ushort tag, ushort caller, long now)
    {
        (_tags[place], _callers[place], _touched[place]) = (tag, caller, now);
        Set(place, SlotState.InProgress);
    }

    /// <summary>The next place, from this one on, whose call has the tag, or had it before it was emptied; -1 when there is none.</summary>
    public int Find(ushort tag, int from) => _tags[from..].IndexOf(tag) is >= 0 and int found ? from + found : -1;

    /// <summary>Whether the call of a place was answered, or given up, and last asked for before this time.</summary>
    public bool IsKeptFromBefore(int place, long time) => IsKept(place) && _touched[place] < time;

    /// <summary>A place without a call, one that had a call before rather than one that takes more memory; -1 when there is none.</summary>
    public int Vacant() => _states.IndexOf((byte)SlotState.Empty) is >= 0 and int empty ? empty : _states.IndexOf((byte)SlotState.Unused);

    /// <summary>The place where the oldest call is, if all came in order and none was asked for again.</summary>
    public int Hand => _hand;

    /// <summary>The place at the hand has got another call: moves the hand on.</summary>
    public void MoveHandBehind(int place) => _hand = Next(place);

    /// <summary>
    /// Finds the call to forget first: an old one of a caller that has many calls here. The callers of eight places
    /// at random are compared, so that a caller with few calls is almost never taken for one with many; then the calls from the hand on.
    /// </summary>
    /// <param name="random">Chooses the eight places.</param>
    /// <returns>Its place; -1 when none is kept.</returns>
    public int Victim(ulong random)
    {
        int heaviest = -1, most = 0;
        for (int i = 0; i < sizeof(ulong); i++, random >>= 8)
        {
            int place = (int)(random & byte.MaxValue) % Places;
            if (!IsKept(place) || (heaviest >= 0 && _callers[place] == _callers[heaviest]))
                continue;
            int count = _callers.Count(_callers[place]);
            if (count > most)
                (heaviest, most) = (place, count);
        }

        int victim = -1;
        for (int i = 0, seen = 0, place = _hand; i < Places && seen < OldestOf; i++, place = Next(place))
        {
            if (!IsKept(place) || (heaviest >= 0 && _callers[place] != _callers[heaviest]))
                continue;
            seen++;
            if (victim < 0 || _touched[place] < _touched[victim])
                victim = place;
        }

        return victim;
    }

    private int Next(int place) => place + 1 < Places ? place + 1 : 0;

    private bool IsKept(int place) => State(place) is SlotState.Answered or SlotState.WithoutReply;
}

/// <summary>One call that was, or is being, run; the bytes of its reply follow it in memory.</summary>
internal struct ReplySlot
{
    /// <summary>Held while the call is run: if the thread that ran it has died, it is free.</summary>
    public SharedMutex Running;

    /// <summary>Identifies the call among all others. Means nothing when the place is empty.</summary>
    public CallKey Key;

    /// <summary>Bytes of the reply.</summary>
    public int ReplyLength;
}

/// <summary>How far the call of a place of a <see cref="ReplyBucket"/> is.</summary>
internal enum SlotState
{
    /// <summary>There never was one: its <see cref="ReplySlot"/> is still zeros.</summary>
    Unused = 0,

    /// <summary>There is none.</summary>
    Empty,

    /// <summary>It is run by the thread that has <see cref="ReplySlot.Running"/>.</summary>
    InProgress,

    /// <summary>It goes on without the thread that began it.</summary>
    Deferred,

    /// <summary>It has been answered, and here is the reply.</summary>
    Answered,

    /// <summary>It has been run, once or not at all, and there is no reply to repeat: that was too long, or the thread died.</summary>
    WithoutReply,
}
