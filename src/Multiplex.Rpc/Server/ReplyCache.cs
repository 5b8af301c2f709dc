namespace Multiplex.Rpc;

/// <summary>What <see cref="ReplyCache.Begin"/> found.</summary>
internal enum Repeat
{
    /// <summary>The call is new, and is to be run now.</summary>
    New,

    /// <summary>It repeats one that is in progress: to be dropped.</summary>
    InProgress,

    /// <summary>It repeats one that was run before: the reply stands in the buffer.</summary>
    Answered,

    /// <summary>The call is new, but as many as can be remembered are in progress: SYSTEM_ERR stands in the buffer.</summary>
    Refused,
}

/// <summary>
/// Remembers calls that must not be run twice, with their replies: a duplicate request cache. A client that misses the reply sends the
/// call again under the same xid; the repeat gets the first one's reply, or none while that is in progress. One cache serves all
/// threads and all processes forked after it was made.
/// </summary>
/// <remarks>
/// What it promises stands at <see cref="RpcProtocol.Replies"/>. Calls fall into buckets of 16 places by a hash; in a bucket, an empty or
/// outdated place is taken first, then the one not asked for longest. Calls in progress are never pushed out. Replies that are pushed
/// out before their time are counted.
/// </remarks>
internal sealed class ReplyCache : IDisposable
{
    /// <summary>Places of a bucket.</summary>
    internal const int Ways = 16;

    private const int MaxEntries = 1024 * 1024;

    private readonly ReplyMemory _memory;
    private readonly long _time;
    private readonly long _seed = Random.Shared.NextInt64();

    /// <summary>Makes an empty cache. In a server that forks, before the first fork.</summary>
    /// <param name="counters">Where hits, drops, evictions and refusals are counted.</param>
    /// <param name="options">The bounds; null for the usual ones.</param>
    /// <exception cref="ArgumentOutOfRangeException">A bound is out of its range, or the memory would be more than 2 GiB.</exception>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    public ReplyCache(ServerCounters counters, ReplyCacheOptions? options = null)
    {
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Entries is >= 1 and <= MaxEntries, true, nameof(options.Entries));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(options.Time, TimeSpan.Zero, nameof(options.Time));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.LongestReply, ReplyWriter.AcceptedLength, nameof(options.LongestReply));
        Counters = counters;
        _time = (long)options.Time.TotalMilliseconds;
        _memory = new((options.Entries + Ways - 1) / Ways, Ways, options.LongestReply);
        ReplyCacheRehearsal.Once();
    }

    /// <summary>Where hits, drops, evictions and refusals are counted.</summary>
    public ServerCounters Counters { get; set; }

    /// <summary>Gives the memory back. No call may be in progress, and no process forked since then may use it.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>Looks a call up, and enters it if it is new.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">Its arguments, as they came.</param>
    /// <param name="reply">Receives the reply, unless the call is to be run or dropped.</param>
    /// <param name="entry">Of a new call, what <see cref="Complete"/> takes.</param>
    internal Repeat Begin(in RpcCall call, ReadOnlySpan<byte> arguments, OutputBuffer reply, out Entry entry)
    {
        entry = default;
        if (!CallKey.TryTake(call, arguments, _seed, out CallKey key))
            return Repeat.New;   // not even a repeat could be told from another caller's call
        reply.EnsureRoom(_memory.LongestReply);   // what grows must not grow while others wait
        int bucket = (int)(key.Hash(_seed) % (uint)_memory.Buckets);
        _memory.Lock(bucket);
        Repeat found = Look(bucket, key, reply, ref entry, out bool evicted);
        _memory.Unlock(bucket);
        Count(found, evicted);
        return found;
    }

    /// <summary>A new call has been run: keeps its reply. On the thread that began it.</summary>
    internal void Complete(Entry entry, ReadOnlySpan<byte> reply)
    {
        if (!entry.IsKept)
            return;
        ref ReplySlot slot = ref _memory.Slot(entry.Bucket, entry.Way);
        bool fits = reply.Length <= _memory.LongestReply;
        if (fits)
            reply.CopyTo(_memory.Reply(entry.Bucket, entry.Way));
        slot.ReplyLength = fits ? reply.Length : 0;
        slot.Touched = Environment.TickCount64;
        slot.State = fits ? SlotState.Answered : SlotState.WithoutReply;
        slot.Running.Unlock();
    }

    private Repeat Look(int bucket, in CallKey key, OutputBuffer reply, ref Entry entry, out bool evicted)
    {
        long now = Environment.TickCount64;
        int free = -1, oldest = -1;
        evicted = false;
        for (int way = 0; way < Ways; way++)
        {
            ref ReplySlot slot = ref _memory.Slot(bucket, way);
            SlotState state = slot.State;
            if (state == SlotState.InProgress)
            {
                if (slot.Key != key)
                    continue;
                if (IsRunning(ref slot, now))
                    return Repeat.InProgress;
            }
            else if (state == SlotState.Empty || now - slot.Touched > _time)
            {
                free = way;
                continue;
            }

            if (slot.Key == key)
                return Again(bucket, way, now, reply);
            if (oldest < 0 || slot.Touched < _memory.Slot(bucket, oldest).Touched)
                oldest = way;
        }

        evicted = free < 0;
        return Enter(bucket, free >= 0 ? free : oldest >= 0 ? oldest : Abandoned(bucket, now), key, now, reply, ref entry);
    }

    private Repeat Again(int bucket, int way, long now, OutputBuffer reply)
    {
        ref ReplySlot slot = ref _memory.Slot(bucket, way);
        slot.Touched = now;
        if (slot.State == SlotState.Answered)
            reply.Write(_memory.Reply(bucket, way)[..slot.ReplyLength]);
        else
            ReplyWriter.Accepted(reply, slot.Key.Xid, AcceptStatus.SystemError);
        return Repeat.Answered;
    }

    private Repeat Enter(int bucket, int way, in CallKey key, long now, OutputBuffer reply, ref Entry entry)
    {
        if (way < 0)
        {
            ReplyWriter.Accepted(reply, key.Xid, AcceptStatus.SystemError);
            return Repeat.Refused;
        }

        ref ReplySlot slot = ref _memory.Slot(bucket, way);
        slot.Running.Lock();   // at most for the moment between an answer and its unlock
        slot.State = SlotState.Empty;
        Volatile.WriteBarrier();
        slot.Key = key;
        slot.Touched = now;
        slot.State = SlotState.InProgress;
        entry = new(bucket, way, IsKept: true);
        return Repeat.New;
    }

    // Places of calls whose runners have died stay taken until a repeat asks for them, or there is no other place.
    private int Abandoned(int bucket, long now)
    {
        for (int way = 0; way < Ways; way++)
        {
            if (!IsRunning(ref _memory.Slot(bucket, way), now))
                return way;
        }

        return -1;
    }

    private static bool IsRunning(ref ReplySlot slot, long now)
    {
        if (!slot.Running.TryLock())
            return true;
        if (slot.State == SlotState.InProgress)   // else it has just been answered
        {
            slot.Touched = now;
            slot.State = SlotState.WithoutReply;
        }

        slot.Running.Unlock();
        return false;
    }

    private void Count(Repeat found, bool evicted)
    {
        if (found == Repeat.Answered)
            Counters.Increment(Counter.ReplyCacheHits);
        else if (found == Repeat.InProgress)
            Counters.Increment(Counter.ReplyCacheDrops);
        else if (found == Repeat.Refused)
            Counters.Increment(Counter.ReplyCacheRefusals);
        else if (evicted)
            Counters.Increment(Counter.ReplyCacheEvictions);
    }

    /// <summary>Where a call that is being run is remembered.</summary>
    internal readonly record struct Entry(int Bucket, int Way, bool IsKept);
}
