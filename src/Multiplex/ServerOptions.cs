namespace Multiplex;

/// <summary>The limits that keep a server standing. Each has a default, a counter, and an option of <c>serve</c>, which has no async procedures.</summary>
public sealed record ServerOptions
{
    /// <summary>Workers, threads or processes, of a model that has a fixed number of them.</summary>
    public int Workers { get; init; } = 64;

    /// <summary>Loops, each on a thread with its own listeners, of a model that can have several; 0: one a core for reactors, and one for uring.</summary>
    public int Reactors { get; init; }

    /// <summary>
    /// How long a loop looks for something to do before it sleeps, at each wait; zero sleeps at once. It shortens latencies where the next request
    /// comes sooner than a core wakes, and takes a core while it looks. A loop that mostly finds nothing in this time sleeps at once.
    /// </summary>
    public TimeSpan Spin { get; init; }

    /// <summary>Calls of one connection, or of one source of datagrams, in progress at a time where workers answer; past it, a connection is not read from.</summary>
    public int MaxCallsInProgress { get; init; } = 64;

    /// <summary>
    /// Calls of all connections together that may wait for a worker; past it, a connection that has calls in progress is not read from.
    /// A source of datagrams may have an eighth of them; further ones are dropped.
    /// </summary>
    public int MaxQueuedCalls { get; init; } = 4096;

    /// <summary>
    /// Calls in flight of async procedures, over all connections of the server; past it, a connection that has some is not read from, and a datagram
    /// socket that has some neither. Where workers answer, <see cref="MaxQueuedCalls"/> holds beside it.
    /// </summary>
    public int MaxAsyncCalls { get; init; } = 64 * 1024;

    /// <summary>
    /// Those of one connection, or of one source of datagrams; past it, the connection is not read from, and datagrams of the source are dropped. Where
    /// workers answer, <see cref="MaxCallsInProgress"/> takes its place.
    /// </summary>
    public int MaxAsyncCallsPerConnection { get; init; } = 16 * 1024;

    /// <summary>Accepted connections that may wait for a worker; past it, the kernel's queue holds them.</summary>
    public int QueueLength { get; init; } = 1024;

    /// <summary>Child processes at a time; past it, the kernel's queue holds the connections.</summary>
    public int MaxChildren { get; init; } = 1024;

    /// <summary>
    /// Child processes of the fork model that are forked ahead and wait for a connection, as far as <see cref="MaxChildren"/> allows; 0: each is
    /// forked when its connection is there.
    /// </summary>
    public int SpareChildren { get; init; }

    /// <summary>Threads at a time of a model that gives each connection one; past it, the kernel's queue holds the connections.</summary>
    public int MaxThreads { get; init; } = 1024;

    /// <summary>Connections at a time, over all threads and processes of the server; one more is accepted and closed.</summary>
    public int MaxConnections { get; init; } = int.MaxValue;

    /// <summary>
    /// Bytes of a connection's pending replies past which it is not read from; where workers answer, calls in progress count too.
    /// </summary>
    public int MaxPendingOutput { get; init; } = 256 * 1024;

    /// <summary>
    /// Bytes of memory that all connections together may own, in half requests and in replies that were not sent. What passes it is no longer
    /// read from, and the connections that own most are closed. By default half of what the machine, the container or the collector's own limit allows.
    /// </summary>
    public long MaxMemory { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>How long a connection may be silent in both directions; zero is for ever.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a request on a stream may take to arrive, from the first byte that is received of it to the last; zero is for ever. Time in which
    /// the server does not read, or reads as much as it takes at once, does not count.
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a stop waits for calls in progress before it cuts them off.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a stop waits for a peer that reads nothing while replies are pending.</summary>
    public TimeSpan DrainStall { get; init; } = TimeSpan.FromSeconds(2);
}
