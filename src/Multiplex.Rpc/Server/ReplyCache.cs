using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Server;

/// <summary>The bounds of what <see cref="RpcProtocol.Replies"/> remembers.</summary>
public sealed record ReplyCacheOptions
{
    /// <summary>
    /// How many replies are kept, 1 to 1,048,576: at least the last so many, and up to 2.3 times as many, for calls fall into
    /// buckets. Memory is taken as replies come, not before. When there are more, the caller that has the most loses those that it has not asked for
    /// longest, so that a busy client does not have the replies of others forgotten. A repeat of a forgotten call is run again: keep as many
    /// as clients call in the time for which they repeat. Calls that did not run take no place: their arguments could not be decoded, for example.
    /// </summary>
    public int Entries { get; init; } = 32 * 1024;

    /// <summary>How long a reply is kept after it was last sent, as long as there is room; more than zero.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The longest reply that is kept, in bytes with its head of 24, at least 24. A call whose reply is longer is still run only once, but a
    /// repeat of it gets SYSTEM_ERR.
    /// </summary>
    public int LongestReply { get; init; } = 408;

    /// <summary>
    /// Where the replies are kept for the next server, so that it knows the calls that this one has run; it goes on with them if it has the same
    /// <see cref="Entries"/> and <see cref="LongestReply"/>. Null, the default: they end with the server.
    /// </summary>
    public KeptMemory? Memory { get; init; }
}

/// <summary>
/// Remembers calls that must not be run twice, with their replies: a duplicate request cache. A client that misses the reply sends the
/// call again under the same xid; the repeat gets the first one's reply, or none while that is in progress. One cache serves all
/// threads and all processes forked after it was made.
/// </summary>
/// <remarks>
/// <para>What it guarantees is described at <see cref="RpcProtocol.Replies"/> and <see cref="ReplyCacheOptions.Entries"/>. Calls fall into buckets by a
/// hash, each of which keeps twice as many as falls to it on average: with 128 for 64, one in 10^11 has to forget early.</para>
/// <para>When a bucket is full and the next call begins, it forgets an old reply of a caller that has many in it. A call that
/// is found not to have run frees its place, and no reply was forgotten for it. Calls in progress are never forgotten. Replies that are
/// forgotten before their time are counted.</para>
/// </remarks>
internal sealed class ReplyCache : IDisposable
{
    /// <summary>Places of a bucket beyond those that it keeps, for calls in progress.</summary>
    internal const int Spare = 16;

    private const int MaxEntries = 1024 * 1024;
    private const int MostKept = ReplyBucket.MaxPlaces - Spare;

    private readonly int _kept;
    private readonly ReplyMemory _memory;
    private readonly long _time;
    private readonly long _seed;

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
        bool fitsOne = options.Entries <= MostKept;
        _kept = fitsOne ? options.Entries : MostKept;
        _memory = new(fitsOne ? 1 : (options.Entries * 2 / MostKept) + 1, _kept + Spare, options.LongestReply, options.Memory);
        _seed = _memory.Seed;
    }

    /// <summary>Where hits, drops, evictions and refusals are counted.</summary>
    public ServerCounters Counters { get; set; }

    /// <summary>Gives the memory back. No call may be in progress, and no process forked since then may use it.</summary>
    public void Dispose() => _memory.Dispose();

    /// <summary>Looks up a call, and enters it if it is new.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">Its arguments, as they came.</param>
    /// <param name="reply">Receives the reply, unless the call is to be run or dropped.</param>
    /// <param name="entry">Of a new call, what <see cref="Complete"/> takes.</param>
    internal Repeat Begin(in RpcCall call, ReadOnlySpan<byte> arguments, OutputBuffer reply, out Entry entry)
    {
        entry = default;
        if (!CallKey.TryTake(call, arguments, _seed, out CallKey key))
            return Repeat.New;   // a repeat could not be distinguished from another caller's call
        reply.EnsureRoom(_memory.LongestReply);   // a buffer must not grow while other threads wait for the lock
        ulong hash = key.Hash(_seed);
        int bucket = (int)(hash % (uint)_memory.Buckets);
        _memory.Lock(bucket);
        Repeat found = Look(bucket, hash, key, reply, ref entry, out bool evicted);
        _memory.Unlock(bucket);
        Count(found, evicted);
        return found;
    }

    /// <summary>
    /// A new call goes on without the thread that began it, which calls this: any thread may end it by <see cref="Complete"/> or
    /// <see cref="Forget"/>, and may have done so already. It is in progress until then, for the process has no other whose death could end it.
    /// </summary>
    internal void Defer(Entry entry)
    {
        if (!entry.IsKept)
            return;
        _memory.Bucket(entry.Bucket).Exchange(entry.Place, SlotState.Deferred, expected: SlotState.InProgress);
        _memory.Slot(entry.Bucket, entry.Place).Running.Unlock();
    }

    /// <summary>A new call has been run: keeps its reply. On the thread that began it, unless it was deferred.</summary>
    /// <param name="entry">The call.</param>
    /// <param name="reply">Its reply.</param>
    /// <param name="isDeferred">Whether the call goes on without the thread that began it.</param>
    internal void Complete(Entry entry, ReadOnlySpan<byte> reply, bool isDeferred = false)
    {
        if (!entry.IsKept)
            return;
        bool fits = reply.Length <= _memory.LongestReply;
        if (fits)
            reply.CopyTo(_memory.Reply(entry.Bucket, entry.Place));
        _memory.Slot(entry.Bucket, entry.Place).ReplyLength = fits ? reply.Length : 0;
        End(entry, fits ? SlotState.Answered : SlotState.WithoutReply, isDeferred);
    }

    /// <summary>A new call has not been run: its arguments could not be decoded, say. On the thread that began it, unless it was deferred.</summary>
    internal void Forget(Entry entry, bool isDeferred = false)
    {
        if (entry.IsKept)
            End(entry, SlotState.Empty, isDeferred);
    }

    private void End(Entry entry, SlotState state, bool isDeferred)
    {
        ReplyBucket places = _memory.Bucket(entry.Bucket);
        places.Touch(entry.Place, Environment.TickCount64);
        places.Set(entry.Place, state);
        if (!isDeferred)
            _memory.Slot(entry.Bucket, entry.Place).Running.Unlock();
    }

    private Repeat Look(int bucket, ulong hash, in CallKey key, OutputBuffer reply, ref Entry entry, out bool evicted)
    {
        long now = Environment.TickCount64;
        ReplyBucket places = _memory.Bucket(bucket);
        ushort tag = (ushort)(hash >> 48);
        evicted = false;
        for (int place = places.Find(tag, 0); place >= 0; place = places.Find(tag, place + 1))
        {
            SlotState state = places.State(place);
            if (state is SlotState.Unused or SlotState.Empty || _memory.Slot(bucket, place).Key != key || places.IsKeptFromBefore(place, now - _time))
                continue;
            if (state is SlotState.InProgress or SlotState.Deferred && IsRunning(bucket, place, now))
                return Repeat.InProgress;
            if (places.State(place) != SlotState.Empty)
                return Again(bucket, place, now, reply);
        }

        return Enter(bucket, Place(bucket, hash, now, out evicted), tag, key, now, reply, ref entry);
    }

    // A place for one more call, -1 when all are taken by calls in progress.
    private int Place(int bucket, ulong hash, long now, out bool evicted)
    {
        ReplyBucket places = _memory.Bucket(bucket);
        int place = places.Hand;
        evicted = false;
        if (places.IsKeptFromBefore(place, now - _time))
        {
            places.MoveHandBehind(place);
            return place;
        }

        int vacant = places.Vacant();
        if (vacant >= 0 && places.Kept <= _kept)
            return vacant;
        place = places.Victim(hash);
        if (place < 0)
            return vacant >= 0 ? vacant : Abandoned(bucket, now);
        evicted = !places.IsKeptFromBefore(place, now - _time);
        places.MoveHandBehind(place);
        return place;
    }

    private Repeat Again(int bucket, int place, long now, OutputBuffer reply)
    {
        ReplyBucket places = _memory.Bucket(bucket);
        ref ReplySlot slot = ref _memory.Slot(bucket, place);
        places.Touch(place, now);
        if (places.State(place) == SlotState.Answered)
            reply.Write(_memory.Reply(bucket, place)[..slot.ReplyLength]);
        else
            ReplyWriter.Accepted(reply, slot.Key.Xid, AcceptStatus.SystemError);
        return Repeat.Answered;
    }

    private Repeat Enter(int bucket, int place, ushort tag, in CallKey key, long now, OutputBuffer reply, ref Entry entry)
    {
        if (place < 0)
        {
            ReplyWriter.Accepted(reply, key.Xid, AcceptStatus.SystemError);
            return Repeat.Refused;
        }

        ReplyBucket places = _memory.Bucket(bucket);
        ref ReplySlot slot = ref _memory.Slot(bucket, place);
        if (places.State(place) == SlotState.Unused)
            slot.Running.Initialize();
        slot.Running.Lock();   // at most for the moment between an answer and its unlock
        places.Set(place, SlotState.Empty);
        Volatile.WriteBarrier();
        slot.Key = key;
        places.Enter(place, tag, (ushort)key.Caller, now);
        entry = new(bucket, place, IsKept: true);
        return Repeat.New;
    }

    // The place of a call whose process has died stays taken until the call is repeated, or there is no other place.
    private int Abandoned(int bucket, long now)
    {
        for (int place = 0; place < _memory.Bucket(bucket).Places; place++)
        {
            if (!IsRunning(bucket, place, now))
                return place;
        }

        return -1;
    }

    private bool IsRunning(int bucket, int place, long now)
    {
        ref ReplySlot slot = ref _memory.Slot(bucket, place);
        ReplyBucket places = _memory.Bucket(bucket);
        if (places.State(place) == SlotState.Deferred || !slot.Running.TryLock())
            return true;
        bool isDeferred = places.State(place) == SlotState.Deferred;   // in between
        if (places.State(place) == SlotState.InProgress)   // else it has just been answered, or forgotten
        {
            places.Touch(place, now);
            places.Set(place, SlotState.WithoutReply);
        }

        slot.Running.Unlock();
        return isDeferred;
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
    internal readonly record struct Entry(int Bucket, int Place, bool IsKept);
}

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

/// <summary>What two calls have in common when one is a repeat of the other.</summary>
/// <param name="Caller">A hash of the caller.</param>
/// <param name="Checksum">A hash of the arguments.</param>
/// <param name="Length">The arguments' length in bytes.</param>
/// <param name="Xid">The transaction.</param>
/// <param name="Program">The program's number.</param>
/// <param name="Version">Its version.</param>
/// <param name="Procedure">The procedure's number.</param>
/// <param name="Kind">The kind of socket.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct CallKey(
    ulong Caller, ulong Checksum, uint Length, uint Xid, uint Program, uint Version, uint Procedure, uint Kind)
{
    // The longest address with a connection's number before it, or AUTH_SYS's longest machine name with what goes with it.
    private const int LongestCaller = 512;

    /// <summary>Takes the key of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">Its arguments, as they came.</param>
    /// <param name="seed">Makes the hashes of this server different from any other's, so that a collision cannot be prepared.</param>
    /// <param name="key">The key.</param>
    /// <returns>False if nothing distinguishes this caller from others.</returns>
    public static bool TryTake(in RpcCall call, ReadOnlySpan<byte> arguments, long seed, out CallKey key)
    {
        Span<byte> caller = stackalloc byte[LongestCaller];
        int length = call.Credential.TryGetSys(out SysCredential sys) && sys.HasRandomStamp && IsPlaceKnown(call.Peer)
            ? Write(sys, call.Peer, caller)
            : Write(call.Peer, caller);
        key = length == 0 ? default : new(
            XxHash3.HashToUInt64(caller[..length], seed),
            XxHash3.HashToUInt64(arguments, seed),
            (uint)arguments.Length,
            call.Xid,
            call.Program,
            call.Version,
            call.Procedure,
            (uint)call.Peer.Kind);
        return length > 0;
    }

    /// <summary>A hash of the key.</summary>
    public ulong Hash(long seed) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(new ReadOnlySpan<CallKey>(in this)), seed);

    // On a UNIX-domain socket the place is the user that the kernel reports: the credential proves nothing.
    private static bool IsPlaceKnown(in Peer peer) => peer.Kind.IsInternet() ? !peer.Host.IsEmpty : peer.Unix is not null;

    // Without port and connection: this caller is known again on another connection.
    private static int Write(in SysCredential sys, in Peer peer, Span<byte> caller)
    {
        BinaryPrimitives.WriteUInt32BigEndian(caller, sys.Stamp);
        BinaryPrimitives.WriteUInt32BigEndian(caller[4..], sys.Uid);
        BinaryPrimitives.WriteUInt32BigEndian(caller[8..], peer.Unix?.UserId ?? 0);
        BinaryPrimitives.WriteInt32BigEndian(caller[12..], sys.MachineName.Length);
        sys.MachineName.CopyTo(caller[16..]);
        peer.Host.CopyTo(caller[(16 + sys.MachineName.Length)..]);
        return 16 + sys.MachineName.Length + peer.Host.Length;
    }

    // A later connection may have a port that another client had before, and begin with the same xid, so the connection's number
    // counts. A datagram has its sender's address; without one its caller cannot be distinguished from others.
    private static int Write(in Peer peer, Span<byte> caller)
    {
        const int FamilyAlone = 2;
        if (peer.Connection == 0 && peer.Address.Length <= FamilyAlone)
            return 0;
        BinaryPrimitives.WriteUInt64BigEndian(caller, peer.Connection);
        peer.Address.CopyTo(caller[sizeof(ulong)..]);
        return sizeof(ulong) + peer.Address.Length;
    }
}
