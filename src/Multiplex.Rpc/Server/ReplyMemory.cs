using System.Runtime.CompilerServices;

namespace Multiplex.Rpc;

/// <summary>
/// The places of a <see cref="ReplyCache"/> in shared memory: buckets, each a lock and so many slots, each with room for a reply. The
/// kernel gives the memory when it is first written to, so a bucket is made ready when it is first used.
/// </summary>
internal sealed unsafe class ReplyMemory : IDisposable
{
    private const int CacheLine = 64;   // a bucket's lock has one to itself

    private readonly SharedMemory _memory;
    private readonly byte* _start;
    private readonly int _ways;
    private readonly int _slotSize;
    private readonly int _bucketSize;

    public ReplyMemory(int buckets, int ways, int longestReply)
    {
        (Buckets, _ways, LongestReply) = (buckets, ways, longestReply);
        _slotSize = Aligned(sizeof(ReplySlot) + longestReply);
        _bucketSize = CacheLine + (ways * _slotSize);
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

    // In front of the buckets stands one more lock, for those who make a bucket ready.
    private ref Bucket First => ref *(Bucket*)_start;

    /// <summary>Waits for a bucket.</summary>
    public void Lock(int bucket)
    {
        ref Bucket head = ref At(bucket);
        if (Volatile.Read(in head.Ready) == 0)
            MakeReady(bucket);
        head.Lock.Lock();
    }

    /// <summary>Lets others have it.</summary>
    public void Unlock(int bucket) => At(bucket).Lock.Unlock();

    /// <summary>One of a bucket's slots.</summary>
    public ref ReplySlot Slot(int bucket, int way) => ref *(ReplySlot*)SlotAt(bucket, way);

    /// <summary>The room for its reply.</summary>
    public Span<byte> Reply(int bucket, int way) => new(SlotAt(bucket, way) + sizeof(ReplySlot), LongestReply);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private void MakeReady(int bucket)
    {
        First.Lock.Lock();
        ref Bucket head = ref At(bucket);
        if (head.Ready == 0)
        {
            head.Lock.Initialize();
            for (int way = 0; way < _ways; way++)
                Slot(bucket, way).Running.Initialize();
            Volatile.Write(ref head.Ready, 1);
        }

        First.Lock.Unlock();
    }

    private ref Bucket At(int bucket) => ref *(Bucket*)BucketAt(bucket);

    private byte* BucketAt(int bucket) => _start + CacheLine + ((long)bucket * _bucketSize);

    private byte* SlotAt(int bucket, int way) => BucketAt(bucket) + CacheLine + (way * _slotSize);

    private static int Aligned(int size) => (size + CacheLine - 1) & -CacheLine;

    private struct Bucket
    {
        public SharedMutex Lock;
        public long Ready;
    }
}
