using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload;

/// <summary>What load to make.</summary>
public sealed record LoadOptions
{
    /// <summary>The server.</summary>
    public required Endpoint Server { get; init; }

    /// <summary>What is asked and how replies are checked; made for the kind of the server's endpoint.</summary>
    public required Func<Exchange> Exchange { get; init; }

    /// <summary>Connections that ask.</summary>
    public int Connections { get; init; } = 50;

    /// <summary>Connections of every kind.</summary>
    public int AllConnections => Connections + IdleConnections + SlowReaders + SlowWriters;

    /// <summary>The most requests that each connection has under way.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>When requests are due; null is a closed loop: the next one goes out when a reply comes in.</summary>
    public OpenLoop? Arrivals { get; init; }

    /// <summary>In a closed loop: how long a slot waits after a reply before it asks again.</summary>
    public TimeSpan ThinkTime { get; init; }

    /// <summary>How many requests to make, all threads together, the warm-up's included; 0 is as many as there is time for.</summary>
    public long Requests { get; init; }

    /// <summary>How long to measure, at most.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long to load before measuring.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>Requests after which a connection is closed and made anew; 0 keeps it.</summary>
    public int CallsPerConnection { get; init; }

    /// <summary>The most connections to make in a second, all threads together; 0 is as fast as it goes.</summary>
    public double ConnectRate { get; init; }

    /// <summary>Connections beside the others that are made and never used.</summary>
    public int IdleConnections { get; init; }

    /// <summary>Connections beside the others, streams, that ask much and read little: <see cref="SlowBytesPerS"/> each.</summary>
    public int SlowReaders { get; init; }

    /// <summary>Connections beside the others, streams, that send their requests at <see cref="SlowBytesPerS"/> each.</summary>
    public int SlowWriters { get; init; }

    /// <summary>Bytes a second that a slow connection reads or writes.</summary>
    public int SlowBytesPerS { get; init; } = 1024;

    /// <summary>How long a reply may take. Then its connection is made anew; a datagram counts as lost, and the next one is sent.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Latencies that the server is held to.</summary>
    public IReadOnlyList<Objective> Objectives { get; init; } = [];

    /// <summary>Client threads, each an event loop over its share of the connections.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Called on the thread that called <see cref="LoadGenerator.Run"/> when measuring begins, with true, and when it ends, with false;
    /// connections are open. The load waits for it neither time, so it may take as long as it likes, and may come a little late: the
    /// function tells how many right replies have been counted by now.
    /// </summary>
    public Action<bool, Func<long>>? Measuring { get; init; }

    /// <summary>Called on the same thread for each second that is over, with its latencies, which are another's afterwards.</summary>
    public Action<LoadSecond, LatencyHistogram>? Interval { get; init; }
}
