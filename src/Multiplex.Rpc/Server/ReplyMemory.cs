using System.Runtime.CompilerServices;

namespace Multiplex.Rpc;

/// <summary>
/// The places of a <see cref="ReplyCache"/> in shared memory: buckets, each a lock, a <see cref="ReplyBucket"/>, and for each of its places
/// a slot and room for a reply. The kernel gives the memory when it is first written to, so buckets and slots are made ready when they
/// are first used.
/// </summary>
internal sealed unsafe class ReplyMemory : IDisposable
{
    private const int CacheLine = 64;   // a bucket's lock has one to itself

    private readonly SharedMemory _memory;
    private readonly byte* _start;
    private readonly int _places;
    private readonly int _slotsOffset;
    private readonly int _slotSize;
    private readonly int _bucketSize;

    public ReplyMemory(int buckets, int places, int longestReply)
    {
        (Buckets, _places, LongestReply) = (buckets, places, longestReply);
        _slotsOffset = CacheLine + Aligned(ReplyBucket.Size(places));
        _slotSize = Aligned(sizeof(ReplySlot) + longestReply);
        _bucketSize = _slotsOffset + (places * _slotSize);
        long size = CacheLine + ((long)buckets * _bucketSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, int.MaxValue, nameof(buckets));
        _memory = new((int)size);
        _start = (byte*)Unsafe.AsPointer(ref _memory.Word(0));
        First.Lock.Initialize();
    }

    /// <summary>How many buckets there are.</summary>
    public int Buckets { get; }

    /// <summary>Room for a reply, in bytes.</summary>
    public int LongestReply { get; }

    // In front of the buckets stands one more lock, under which a bucket is made ready.
    private ref Head First => ref *(Head*)_start;

    /// <summary>Waits for a bucket.</summary>
    public void Lock(int bucket)
    {
        ref Head head = ref HeadOf(bucket);
        if (Volatile.Read(in head.Ready) == 0)
            MakeReady(bucket);
        head.Lock.Lock();
    }

    /// <summary>Lets others have it.</summary>
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

    private byte* BucketAt(int bucket) => _start + CacheLine + ((long)bucket * _bucketSize);

    private byte* SlotAt(int bucket, int place) => BucketAt(bucket) + _slotsOffset + (place * _slotSize);

    private static int Aligned(int size) => (size + CacheLine - 1) & -CacheLine;

    private struct Head
    {
        public SharedMutex Lock;
        public int Ready;
        public int Hand;
    }
}
