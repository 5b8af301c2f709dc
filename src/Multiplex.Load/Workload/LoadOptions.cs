using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Load.Workload;

/// <summary>The options of a load.</summary>
public sealed record LoadOptions
{
    /// <summary>The server.</summary>
    public required Endpoint Server { get; init; }

    /// <summary>Makes requests and checks replies, for the kind of the server's endpoint.</summary>
    public required Func<Exchange> Exchange { get; init; }

    /// <summary>TLS 1.3 on each connection, which a call starts: RFC 9289. Null for none. Only for streams, and not with slow connections.</summary>
    public TlsClientOptions? Tls { get; init; }

    /// <summary>The program and version of the call that starts TLS.</summary>
    public (uint Program, uint Version) TlsProgram { get; init; }

    /// <summary>The part of this load that the generator makes; all of it by default. The other options are of the whole load, whatever the part.</summary>
    public LoadPart Part { get; init; } = LoadPart.Whole;

    /// <summary>Connections that send requests: at least as many as there are parts.</summary>
    public int Connections { get; init; } = 50;

    /// <summary>Connections of every kind.</summary>
    public int AllConnections => Connections + IdleConnections + SlowReaders + SlowWriters;

    /// <summary>The maximum number of requests in flight on each connection.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>When requests are due; null is a closed loop: the next one goes out when a reply comes in.</summary>
    public OpenLoop? Arrivals { get; init; }

    /// <summary>In a closed loop: the think time of a slot between a reply and the next request.</summary>
    public TimeSpan ThinkTime { get; init; }

    /// <summary>The number of requests of all threads, those of the warm-up included; 0 is no limit.</summary>
    public long Requests { get; init; }

    /// <summary>The maximum measured time.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time of load before measuring.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>Requests after which a connection is closed and made anew; 0 keeps it.</summary>
    public int CallsPerConnection { get; init; }

    /// <summary>The maximum number of connections made a second, all threads together; 0 is no limit.</summary>
    public double ConnectRate { get; init; }

    /// <summary>Connections beside the others that are made and never used.</summary>
    public int IdleConnections { get; init; }

    /// <summary>Connections beside the others, streams, that send many requests and read few replies: <see cref="SlowBytesPerS"/> each.</summary>
    public int SlowReaders { get; init; }

    /// <summary>Connections beside the others, streams, that send their requests at <see cref="SlowBytesPerS"/> each.</summary>
    public int SlowWriters { get; init; }

    /// <summary>Bytes a second that a slow connection reads or writes.</summary>
    public int SlowBytesPerS { get; init; } = 1024;

    /// <summary>The timeout of a reply. After it the connection is made anew; a datagram counts as lost, and the next one is sent.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The objectives: limits of latencies.</summary>
    public IReadOnlyList<Objective> Objectives { get; init; } = [];

    /// <summary>Client threads, each an event loop over its share of the connections.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How long a thread polls for further replies after each one before it sleeps, which keeps a core busy; with zero it sleeps at once.</summary>
    public TimeSpan Spin { get; init; }

    /// <summary>
    /// Called on the thread that called <see cref="LoadGenerator.Run"/> when all connections are made. The function returns when the load begins: a time of
    /// <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>. Null: it begins at once.
    /// </summary>
    public Func<long>? BeginAt { get; init; }

    /// <summary>
    /// Called on the thread that called <see cref="LoadGenerator.Run"/> when measuring begins, with true, and when it ends, with false;
    /// connections are open both times. The load does not wait for the call, so the call may take any time, and may come a little late. The
    /// function returns the number of right replies up to now.
    /// </summary>
    public Action<bool, Func<long>>? Measuring { get; init; }

    /// <summary>Called on the same thread for each second that is over, with its latencies; the histogram is used again after the call.</summary>
    public Action<LoadSecond, LatencyHistogram>? Interval { get; init; }
}
