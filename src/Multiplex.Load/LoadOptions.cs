using Multiplex.Sockets;

namespace Multiplex.Load;

/// <summary>What load to make.</summary>
public sealed record LoadOptions
{
    /// <summary>The server.</summary>
    public required Endpoint Server { get; init; }

    /// <summary>What is asked and how replies are checked; made for the kind of the server's endpoint.</summary>
    public required Func<IExchange> Exchange { get; init; }

    /// <summary>Connections.</summary>
    public int Connections { get; init; } = 50;

    /// <summary>Requests that each connection keeps under way: the next one goes out when a reply comes in.</summary>
    public int Depth { get; init; } = 1;

    /// <summary>How long to measure.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long to load before measuring.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>Replies after which a connection is closed and made anew; 0 keeps it.</summary>
    public int CallsPerConnection { get; init; }

    /// <summary>How long a reply may take. Then its connection is made anew; a datagram counts as lost, and the next one is sent.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Client threads, each an event loop over its share of the connections.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Called by the first client thread just before measuring, with true, and just after, with false; connections are open.</summary>
    public Action<bool>? Measuring { get; init; }
}
