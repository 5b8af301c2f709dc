using Multiplex.Engine;
using Multiplex.Sockets.Networks;
using static Multiplex.Engine.LiveLimits;

namespace Multiplex;

/// <summary>The limits that keep a server standing. Each has a default, a counter, and an option of <c>serve</c>, which has no async procedures.</summary>
public sealed record ServerOptions
{
    /// <summary>The longest text of <see cref="Allowed"/> and of <see cref="Denied"/> where they may change, in bytes: about 3,500 networks.</summary>
    public const int MostBytesOfNetworks = 64 * 1024;

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
    public int MaxConnections { get => Live is { } live ? (int)live[Limit.MaxConnections] : field; init; } = int.MaxValue;

    /// <summary>
    /// Connections at a time of one client: an IPv4 address, the first 64 bits of an IPv6 address, or the user of a UNIX-domain socket; over all threads and processes of the
    /// server. One more is accepted and closed. 0: as many as there may be.
    /// </summary>
    public int MaxConnectionsPerAddress { get => Live is { } live ? (int)live[Limit.MaxConnectionsPerAddress] : field; init; }

    /// <summary>
    /// Calls of one client in a second, at once or one after another, a client as for <see cref="MaxConnectionsPerAddress"/>; over all threads and processes of the server. Past it nothing is
    /// received from its connections until it may make the next, and its datagrams are dropped. 0: as many as it makes; at most 1,000,000.
    /// </summary>
    public int MaxCallsPerSecond { get => Live is { } live ? (int)live[Limit.MaxCallsPerSecond] : field; init; }

    /// <summary>
    /// The clients that are served; null: all are. Of others connections are closed once they are accepted, behind a proxy once its header has come, and
    /// datagrams dropped.
    /// </summary>
    public PeerNetworks? Allowed { get => Live is { } live ? live.Allowed : field; init; }

    /// <summary>The clients that are not served, though they may be among those that are allowed; null: there are none.</summary>
    public PeerNetworks? Denied { get => Live is { } live ? live.Denied : field; init; }

    /// <summary>
    /// Bytes of a connection's pending replies past which it is not read from; where workers answer, calls in progress count too.
    /// </summary>
    public int MaxPendingOutput { get => Live is { } live ? (int)live[Limit.MaxPendingOutput] : field; init; } = 256 * 1024;

    /// <summary>
    /// Bytes of memory that all connections together may own, in half requests and in replies that were not sent. What passes it is no longer
    /// read from, and the connections that own most are closed. By default half of what the machine, the container or the collector's own limit allows.
    /// </summary>
    public long MaxMemory { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>
    /// The proxies that begin each connection over a stream socket with a header of the PROXY protocol, version 1 or 2, which names the client; null: there are
    /// none. A connection of theirs that begins otherwise is closed, and the connections of others are served as they are. The header may take as long to arrive as
    /// a request.
    /// </summary>
    public PeerNetworks? Proxies { get; init; }

    /// <summary>How long a connection may be silent in both directions; zero is for ever.</summary>
    public TimeSpan IdleTimeout { get => Live is { } live ? TimeSpan.FromMilliseconds(live[Limit.IdleTimeout]) : field; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a request on a stream may take to arrive, from the first byte that is received of it to the last; zero is for ever. Time in which
    /// the server does not read, or reads as much as it takes at once, does not count.
    /// </summary>
    public TimeSpan RequestTimeout { get => Live is { } live ? TimeSpan.FromMilliseconds(live[Limit.RequestTimeout]) : field; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a stop waits for calls in progress before it cuts them off.</summary>
    public TimeSpan DrainTime { get => Live is { } live ? TimeSpan.FromMilliseconds(live[Limit.DrainTime]) : field; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a stop waits for a peer that reads nothing while replies are pending; where a service manager keeps the listeners, also for the first
    /// request of a connection that has sent nothing yet.
    /// </summary>
    public TimeSpan DrainStall { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The limits that may change; null: none does.</summary>
    internal LiveLimits? Live { get; init; }

    /// <summary>
    /// The same, of which some may change while a server runs: <see cref="MaxConnections"/>, <see cref="MaxConnectionsPerAddress"/>, <see cref="MaxCallsPerSecond"/>, <see cref="Allowed"/>,
    /// <see cref="Denied"/>, <see cref="MaxPendingOutput"/>, <see cref="IdleTimeout"/>, <see cref="RequestTimeout"/> and <see cref="DrainTime"/>. Times are whole milliseconds then.
    /// </summary>
    public ServerOptions Changeable()
    {
        ServerOptions changeable = this with { Live = new() };
        changeable.Change(this);
        return changeable;
    }

    /// <summary>Changes those limits, in all threads and processes of the server. Where a thread or a process serves one connection, its times are those of when it began.</summary>
    /// <param name="to">Has their values.</param>
    /// <exception cref="InvalidOperationException">They may not change: <see cref="Changeable"/> makes those that may.</exception>
    /// <exception cref="NotSupportedException">The networks are longer than <see cref="MostBytesOfNetworks"/>.</exception>
    public void Change(ServerOptions to)
    {
        LiveLimits live = Live ?? throw new InvalidOperationException("the limits of this server do not change: make them by Changeable()");
        live.Set(to.Allowed, to.Denied);
        live[Limit.MaxConnections] = to.MaxConnections;
        live[Limit.MaxConnectionsPerAddress] = to.MaxConnectionsPerAddress;
        live[Limit.MaxCallsPerSecond] = to.MaxCallsPerSecond;
        live[Limit.MaxPendingOutput] = to.MaxPendingOutput;
        live[Limit.IdleTimeout] = (long)to.IdleTimeout.TotalMilliseconds;
        live[Limit.RequestTimeout] = (long)to.RequestTimeout.TotalMilliseconds;
        live[Limit.DrainTime] = (long)to.DrainTime.TotalMilliseconds;
    }

    /// <summary>Whether a client is served.</summary>
    internal bool Admits(in Peer peer) => Denied?.Contains(peer) != true && Allowed?.Contains(peer) != false;
}
