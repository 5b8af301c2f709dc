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

    /// <summary>How many connections each client has; null where that is not limited.</summary>
    internal ConnectionsByAddress? Addresses { get; } = Options is { MaxConnectionsPerAddress: 0, MaxCallsPerSecond: 0, Live: null } ? null : new(Options);

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

    /// <summary>
    /// How long a stop waits for the first request of a connection. Where another server goes on with the queue, a client that has connected and has sent nothing
    /// yet cannot know that it has reached the one that ends. While the other one does not serve yet, others wait for the end of this one.
    /// </summary>
    internal TimeSpan FirstRequestTime =>
        Counters[Counter.SocketsHandedOver] != 0 ? Options.DrainTime
        : Listeners.Any(listener => listener.IsKept) ? Options.DrainStall
        : TimeSpan.Zero;

    /// <summary>For the model, where a stop begins: before it changes a socket.</summary>
    internal void BeginStop()
    {
        Stopping();
        KeepHandedOver();
    }

    /// <summary>Closes the listeners and the datagram sockets; again, it does nothing.</summary>
    internal void CloseSockets()
    {
        foreach (BoundSocket socket in (IEnumerable<BoundSocket>)[.. Listeners, .. Datagrams])
            socket.Dispose();
    }

    /// <summary>Leaves the sockets that another server has got as they are. For each process of a server that stops.</summary>
    internal void KeepHandedOver()
    {
        if (Counters[Counter.SocketsHandedOver] == 0)
            return;
        foreach (BoundSocket socket in (IEnumerable<BoundSocket>)[.. Listeners, .. Datagrams])
            socket.Keep();
    }

    /// <summary>How often <see cref="Alive"/> is to be called; zero, the default: never.</summary>
    public TimeSpan AliveInterval { get; init; }

    /// <summary>
    /// Called by the loop that accepts, between two waits, and in a model whose loops serve too, while each of them turns: no call shows that one hangs. The model
    /// <c>iterative</c> calls it from the thread that awaits the stop.
    /// </summary>
    public Action Alive { get; init; } = static () => { };

    /// <summary>How often a thread of the model is to call <see cref="Rest"/> while <see cref="MayRest"/>, in milliseconds.</summary>
    internal const int RestInterval = LargeBufferPool.UnneededAfter;

    /// <summary>Whether <see cref="Rest"/> has something to give back, now or later: buffers are kept, or there are connections in this process, which may leave some.</summary>
    /// <param name="hasConnections">Whether connections are open in this process. The counters do not tell: they count those of children too, and a child that was killed has not counted its own as closed.</param>
    internal static bool MayRest(bool hasConnections) => hasConnections || !LargeBufferPool.Pool.IsEmpty;

    /// <summary>Gives back memory that was not needed since the last time.</summary>
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
