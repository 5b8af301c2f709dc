namespace Multiplex;

/// <summary>What a server counts. The order is the layout of the shared page.</summary>
public enum Counter
{
    /// <summary>Connections accepted.</summary>
    Accepted,

    /// <summary>Connections that have ended, whichever side ended them.</summary>
    Closed,

    /// <summary>Connections accepted and closed at once: too many of them, or no descriptor left.</summary>
    Refused,

    /// <summary>Datagrams received.</summary>
    Datagrams,

    /// <summary>Replies to datagrams that could not be sent: the sender has no address or takes no more, or they were too long.</summary>
    RepliesDropped,

    /// <summary>Calls of which the procedure was run, of any RPC program: the "served" of multiplex.x. Repeats that get a kept reply do not count.</summary>
    Calls,

    /// <summary>The protocol's one counter, which ADD adds to.</summary>
    Sum,

    /// <summary>Connections closed, or datagrams dropped, because the bytes were no request.</summary>
    ProtocolErrors,

    /// <summary>Connections closed for having been silent too long.</summary>
    IdleTimeouts,

    /// <summary>Connections closed because a request took too long to arrive.</summary>
    RequestTimeouts,

    /// <summary>Connections that ended with an error, such as a reset by the peer.</summary>
    Broken,

    /// <summary>Times that a connection was no longer read from because its peer did not take its replies.</summary>
    Throttled,

    /// <summary>Times that a connection or a datagram socket was not read from because as many calls waited for a worker as may.</summary>
    CallQueueFull,

    /// <summary>Calls that waited for a worker and were not run because their connection had ended.</summary>
    CallsDropped,

    /// <summary>Datagrams dropped because too many of the same source were in progress.</summary>
    DatagramsDropped,

    /// <summary>Bytes of memory that connections own now, in long requests of which a part has come and in replies that were not sent.</summary>
    HeldBytes,

    /// <summary>Connections closed because all together owned too much memory.</summary>
    MemoryClosed,

    /// <summary>Child processes made.</summary>
    ChildrenMade,

    /// <summary>Child processes that a signal ended or that left with a failure.</summary>
    ChildrenLost,

    /// <summary>Child processes forked ahead that wait for a connection now: fork --spare.</summary>
    SpareChildren,

    /// <summary>Times that a connection took the last child that was forked ahead, so that the next one waited for a fork.</summary>
    SparesUsedUp,

    /// <summary>Nanoseconds of CPU that children which have ended had used.</summary>
    ReapedCpuNanoseconds,

    /// <summary>Context switches of children, and of threads of connections, that have ended.</summary>
    EndedContextSwitches,

    /// <summary>Page faults of children that have ended, without those that read from a disk: most of what a fork costs beside its system call.</summary>
    ChildPageFaults,

    /// <summary>Bytes that children allocated on the managed heap while they served.</summary>
    ChildAllocatedBytes,

    /// <summary>Connections cut off because the time to drain was over.</summary>
    CutOff,

    /// <summary>Times that accepting paused because the queue or the number of children was at its limit.</summary>
    AcceptPaused,

    /// <summary>Repeated calls that got the reply of the first one again instead of being run.</summary>
    ReplyCacheHits,

    /// <summary>Repeated calls that were dropped because the first one was still in progress.</summary>
    ReplyCacheDrops,

    /// <summary>Replies forgotten before their time, because there was no room for more.</summary>
    ReplyCacheEvictions,

    /// <summary>UDP datagrams not echoed because their source is most likely a server: a port below 1024, or one of this server's own addresses.</summary>
    EchoesRefused,

    /// <summary>UDP datagrams not echoed because their source sent too many with the same bytes.</summary>
    EchoesLimited,

    /// <summary>Calls refused, and not run, because there was no room to remember them: too many others were in progress.</summary>
    ReplyCacheRefusals,

    /// <summary>Registrations that a name service refused because its table, or the owner's share of it, was full.</summary>
    RegistrationsRefused,

    /// <summary>Calls that a name service was asked to make for others and refused, because too many were in progress.</summary>
    IndirectCallsRefused,

    /// <summary>Not zero once the server is stopping: how a parent tells its children.</summary>
    Stopping,
}

/// <summary>
/// A server's counters, in memory that its child processes share, so that the figures add up the same in every model.
/// Each has a cache line to itself: two workers that count different things do not slow each other down. The layout is that of
/// <see cref="CountersFile"/>.
/// </summary>
public sealed class ServerCounters : IDisposable
{
    private readonly SharedMemory _memory;

    /// <summary>Makes counters that are all zero.</summary>
    /// <param name="path">A file to keep them in, for others to read while the server runs; null for none.</param>
    /// <exception cref="Interop.SyscallException">The file or the mapping was refused.</exception>
    public ServerCounters(string? path = null)
        : this(new SharedMemory(Size, path, Describe))
    {
    }

    private ServerCounters(SharedMemory memory) => _memory = memory;

    private static int Size => CountersFile.SizeOf(Enum.GetValues<Counter>().Length);

    /// <summary>The value of a counter now.</summary>
    public long this[Counter counter] => Volatile.Read(ref At(counter));

    /// <summary>Makes counters that are all zero, and that another process finds by the id of this one: <see cref="CountersFile.OfProcess"/>.</summary>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    public static ServerCounters Watchable()
    {
        ServerCounters counters = new(SharedMemory.InMemoryFile(CountersFile.Name, Size));
        Describe(counters._memory);
        return counters;
    }

    /// <summary>Reads the counters of another process.</summary>
    /// <param name="path">The file that it keeps them in.</param>
    /// <exception cref="Interop.SyscallException">The file or the mapping was refused.</exception>
    public static ServerCounters OpenReadOnly(string path) => new(SharedMemory.OpenReadOnly(path, Size));

    /// <summary>Counts one.</summary>
    /// <returns>The new value.</returns>
    public long Increment(Counter counter) => Interlocked.Increment(ref At(counter));

    /// <summary>
    /// Counts one more connection as accepted, unless so many are open: of two workers, threads or processes, that accept at the same
    /// moment only one gets the last place.
    /// </summary>
    /// <param name="most">Connections that may be open at a time.</param>
    /// <param name="open">Receives how many are open now, with the new one; meaningless without it.</param>
    public bool TryCountAccepted(int most, out long open)
    {
        ref long accepted = ref At(Counter.Accepted);
        while (true)
        {
            long before = Volatile.Read(ref accepted);
            open = before - this[Counter.Closed] + 1;
            if (open > most)
                return false;
            if (Interlocked.CompareExchange(ref accepted, before + 1, before) == before)
                return true;
        }
    }

    /// <summary>Adds to a counter.</summary>
    /// <returns>The new value.</returns>
    public long Add(Counter counter, long amount) => Interlocked.Add(ref At(counter), amount);

    /// <summary>What has happened, in one line: the counters that are not zero.</summary>
    public string Summary() => string.Join(
        ' ',
        Enum.GetValues<Counter>().Where(counter => this[counter] != 0 && counter != Counter.Stopping)
            .Select(counter => $"{counter}={this[counter]}"));

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _memory.Dispose();

    private static void Describe(SharedMemory memory) => CountersFile.Describe(memory.Bytes, Enum.GetNames<Counter>());

    private ref long At(Counter counter) => ref _memory.Word(CountersFile.OffsetOf((int)counter));
}
