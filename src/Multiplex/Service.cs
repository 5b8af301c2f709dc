using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex;

/// <summary>All that a server model is given: what to listen on, what the bytes mean, the limits, the counters, and when to stop.</summary>
/// <param name="Listeners">Listening sockets, non-blocking. The model closes them when it stops.</param>
/// <param name="Protocol">What the bytes mean.</param>
/// <param name="Options">The limits.</param>
/// <param name="Counters">Where events are counted, over all processes and threads of the server.</param>
/// <param name="Stop">Signals the stop.</param>
public sealed record Service(
    IReadOnlyList<Listener> Listeners,
    IProtocol Protocol,
    ServerOptions Options,
    ServerCounters Counters,
    StopSignal Stop)
{
    /// <summary>What the bytes mean.</summary>
    public IProtocol Protocol { get; } = Protocol.OpenedOver(Counters);

    /// <summary>Bound datagram sockets, non-blocking, for the models that serve them. The model closes them when it stops.</summary>
    public IReadOnlyList<DatagramSocket> Datagrams { get; init; } = [];

    /// <summary>
    /// Whether one more connection can be taken in, over all processes and threads of the server. Where several of them accept,
    /// <see cref="ServerCounters.TryCountAccepted"/> decides.
    /// </summary>
    public bool HasRoom => Counters[Counter.Accepted] - Counters[Counter.Closed] < Options.MaxConnections;

    /// <summary>How many reactors share the limit on memory.</summary>
    internal int MemoryShares { get; init; } = 1;

    /// <summary>Called by the model once it is about to accept its first connection.</summary>
    public Action Ready { get; init; } = static () => { };

    /// <summary>
    /// Called by the model once a stop is requested, on the thread that called <see cref="IServerModel.Run"/>, while connections are still
    /// accepted: a name service stops sending clients here before connections are refused.
    /// </summary>
    public Action Stopping { get; init; } = static () => { };

    /// <summary>
    /// Called on any thread of the model when it has given memory back that no connection needed for some seconds: the time to give back what the program needed while
    /// it was busy.
    /// </summary>
    public Action Resting { get; init; } = static () => { };

    /// <summary>Whether <see cref="Rest"/> may have something to give back, now or later.</summary>
    internal bool MayRest => Counters[Counter.Accepted] != Counters[Counter.Closed] || !LargeBufferPool.Pool.IsEmpty;

    /// <summary>For a thread of the model, every few seconds: gives back memory that was not needed since the last time.</summary>
    internal void Rest()
    {
        if (LargeBufferPool.Pool.DropUnneeded(Environment.TickCount64))
            Resting();
    }
}

file static class Opening
{
    public static IProtocol OpenedOver(this IProtocol protocol, ServerCounters counters)
    {
        protocol.Open(counters);
        counters.Describe();
        return protocol;
    }
}
