using Multiplex.Observing;

namespace Multiplex;

/// <summary>What a server counts whatever its protocol is. A protocol registers its own counters beside these: <see cref="ServerCounters.Register"/>.</summary>
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

    /// <summary>Connections closed, or datagrams dropped, because the bytes were no request.</summary>
    ProtocolErrors,

    /// <summary>Connections that have got TLS: their handshake is done.</summary>
    TlsConnections,

    /// <summary>Connections closed because the two sides did not agree on TLS, or because what came was no TLS.</summary>
    TlsFailures,

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

    /// <summary>Calls of async procedures that are in flight now.</summary>
    CallsInFlight,

    /// <summary>Times that a connection or a datagram socket was not read from because as many calls of async procedures were in flight as may.</summary>
    CallsInFlightFull,

    /// <summary>Calls of async procedures that were cancelled: the client had gone, the server ended, or the time for a call was over.</summary>
    CallsCancelled,

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

    /// <summary>Bytes received from clients; counted where <see cref="ServerCounters.CountsBytes"/>.</summary>
    ReceivedBytes,

    /// <summary>Bytes of replies that the kernel took; counted where <see cref="ServerCounters.CountsBytes"/>.</summary>
    SentBytes,

    /// <summary>No count: not zero once a server with a thread or a process for each connection is stopping, which its threads and processes look for.</summary>
    Stopping,

    /// <summary>Sockets that another server has taken over, which goes on with them.</summary>
    SocketsHandedOver,

    /// <summary>Connections of proxies closed because they did not begin with a header of the PROXY protocol: <see cref="ServerOptions.Proxies"/>.</summary>
    ProxyErrors,

    /// <summary>Connections closed, and datagrams dropped, because their clients are not among those that are served: <see cref="ServerOptions.Allowed"/>, <see cref="ServerOptions.Denied"/>.</summary>
    Denied,

    /// <summary>Connections closed because their clients had as many as one may have: <see cref="ServerOptions.MaxConnectionsPerAddress"/>.</summary>
    AddressFull,

    /// <summary>Times that calls of a connection waited, and datagrams dropped, because the client had made as many calls as it may: <see cref="ServerOptions.MaxCallsPerSecond"/>.</summary>
    CallsLimited,
}

/// <summary>
/// A server's counters, in memory that its child processes share, so that the figures add up the same in every model.
/// Each has a cache line to itself: two workers that count different things do not slow each other down. The layout is that of
/// <see cref="CountersFile"/>.
/// </summary>
public sealed class ServerCounters : IDisposable
{
    private const int Most = 63;   // with the line of the file, a page

    // A counter's place is its line. Those of protocols come after those of Counter, in the order in which they are registered.
    private static readonly List<string> s_names = [.. Enum.GetNames<Counter>()];
    private static readonly List<CounterMetric?> s_metrics = [.. Enum.GetValues<Counter>().Select(CounterMetric.Of)];

    private static CounterMetric?[] s_limits = [.. s_metrics.Select(LimitOrNone)];   // by line; null of a counter that is of no limit

    private readonly SharedMemory _memory;
    private LimitReports? _limits;
    private readonly Dictionary<string, int>? _lines;   // of another process, which may have registered in another order

    /// <summary>Makes counters that are all zero.</summary>
    /// <param name="path">A file to keep them in, for others to read while the server runs; null for none.</param>
    /// <exception cref="Interop.SyscallException">The file or the mapping was refused.</exception>
    public ServerCounters(string? path = null)
        : this(new SharedMemory(Size, path, Describe))
    {
    }

    private ServerCounters(SharedMemory memory, Dictionary<string, int>? lines = null) => (_memory, _lines) = (memory, lines);

    private static int Size => CountersFile.SizeOf(Most);

    /// <summary>Every counter that has a metric: those of all servers, then those that protocols have registered.</summary>
    public static IReadOnlyList<(Counter Counter, CounterMetric Metric)> Metrics
    {
        get
        {
            lock (s_names)
                return [.. s_metrics.Select((metric, line) => ((Counter)line, metric!)).Where(one => one.Item2 is not null)];
        }
    }

    /// <summary>
    /// Whether <see cref="Counter.ReceivedBytes"/> and <see cref="Counter.SentBytes"/> are counted, at two atomic additions a request; by default they are not.
    /// To be set before the server runs.
    /// </summary>
    public bool CountsBytes { get; set; }

    /// <summary>The value of a counter now.</summary>
    public long this[Counter counter] =>
        _lines is null ? Volatile.Read(ref At(counter))
        : _lines.TryGetValue(NameOf(counter), out int line) ? Volatile.Read(ref _memory.Word(CountersFile.OffsetOf(line)))
        : 0;

    /// <summary>A counter of a protocol, for all servers of this process; the one that has the name, if one has it.</summary>
    /// <remarks>Register it while the protocol is made: a reader of the counters learns the names when the server starts, and a counter that
    /// is registered in a forked child is that child's alone.</remarks>
    /// <param name="name">Its name in <see cref="Summary"/> and in the file: ASCII, at most 55 characters.</param>
    /// <param name="metric">Its name where metrics are collected; null keeps it out of them.</param>
    /// <exception cref="InvalidOperationException">There are 63 already.</exception>
    public static Counter Register(string name, CounterMetric? metric = null)
    {
        lock (s_names)
        {
            int line = s_names.IndexOf(name);
            if (line < 0)
            {
                if (s_names.Count == Most)
                    throw new InvalidOperationException($"there are {Most} counters already, and no room for '{name}'");
                line = s_names.Count;
                s_names.Add(name);
                s_metrics.Add(metric);
                s_limits = [.. s_metrics.Select(LimitOrNone)];
            }

            return (Counter)line;
        }
    }

    /// <summary>The name of a counter.</summary>
    public static string NameOf(Counter counter)
    {
        lock (s_names)
            return s_names[(int)counter];
    }

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
    public static ServerCounters OpenReadOnly(string path)
    {
        SharedMemory memory = SharedMemory.OpenReadOnly(path, Size);
        string[] names = CountersFile.NamesIn(memory.Bytes);
        return new(memory, names.Select((name, line) => (name, line)).ToDictionary(one => one.name, one => one.line));
    }

    /// <summary>
    /// Has the limits that are reached reported from now on, each at most once in 10 seconds: <see cref="ServerEvents"/>. To be called before the server runs, and before it forks.
    /// </summary>
    /// <exception cref="Interop.SyscallException">The memory was refused.</exception>
    public void ReportLimits() => _limits ??= new(new(LimitReports.LengthFor(Most)));

    /// <summary>Counts one.</summary>
    /// <returns>The new value.</returns>
    public long Increment(Counter counter)
    {
        long value = Interlocked.Increment(ref At(counter));
        if (_limits is not null)
            Report(counter, value);
        return value;
    }

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
    public long Add(Counter counter, long amount)
    {
        long value = Interlocked.Add(ref At(counter), amount);
        if (_limits is not null && amount > 0)
            Report(counter, value);
        return value;
    }

    /// <summary>Counts bytes that clients have sent, where bytes are counted.</summary>
    internal void CountReceived(long bytes)
    {
        if (CountsBytes)
            Add(Counter.ReceivedBytes, bytes);
    }

    /// <summary>Counts bytes that the kernel took for clients, where bytes are counted.</summary>
    internal void CountSent(long bytes)
    {
        if (CountsBytes)
            Add(Counter.SentBytes, bytes);
    }

    /// <summary>What has happened, in one line: the counters that are not zero.</summary>
    public string Summary() => string.Join(
        ' ',
        Enumerable.Range(0, Names().Length).Select(line => (Counter)line)
            .Where(counter => this[counter] != 0 && counter != Counter.Stopping)
            .Select(counter => $"{NameOf(counter)}={this[counter]}"));

    /// <summary>Publishes counters that were registered after the file was made to its readers.</summary>
    internal void Describe() => Describe(_memory);

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => _memory.Dispose();

    private void Report(Counter counter, long value)
    {
        if (s_limits[(int)counter] is { } limit)
            _limits!.Grown(counter, value, limit);
    }

    private static CounterMetric? LimitOrNone(CounterMetric? metric) => metric?.Limit is null ? null : metric;

    private static void Describe(SharedMemory memory) => CountersFile.Describe(memory.Bytes, Names());

    private static string[] Names()
    {
        lock (s_names)
            return [.. s_names];
    }

    private ref long At(Counter counter) => ref _memory.Word(CountersFile.OffsetOf((int)counter));
}
