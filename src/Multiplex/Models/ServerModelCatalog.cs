using Multiplex.Interop;
using Multiplex.Sockets;

namespace Multiplex.Models;

/// <summary>A server model by name.</summary>
/// <param name="Name">What <c>--model</c> takes.</param>
/// <param name="Summary">What waits, what runs, and what it is good and bad at.</param>
/// <param name="Kinds">The kinds of endpoint that it serves.</param>
/// <param name="Create">Makes it.</param>
public sealed record ServerModelEntry(string Name, string Summary, IReadOnlyList<EndpointKind> Kinds, Func<IServerModel> Create)
{
    /// <summary>Whether it calls fork(2), and so needs <see cref="Forking.ForkRuntime"/>.</summary>
    public bool Forks { get; init; }

    /// <summary>How many connections it serves at a time under these limits: further ones wait for the end of another, or are refused.</summary>
    public Func<ServerOptions, int> ConnectionsAtATime { get; init; } = options => options.MaxConnections;

    /// <summary>Whether it serves one connection at a time, so that a second one waits for the end of the first.</summary>
    public bool OneAtATime => ConnectionsAtATime(new()) == 1;

    /// <summary>Whether the thread that waits for connections runs the procedures too, so that a call which takes long holds others up.</summary>
    public bool StallsOthers { get; init; }

    /// <summary>Whether calls of one connection run at the same time, so that their replies may be ready in another order.</summary>
    public bool RunsCallsTogether { get; init; }

    /// <summary>Whether each connection has its own child process, which can be forked ahead: <see cref="ServerOptions.SpareChildren"/>.</summary>
    public bool ForksEach { get; init; }

    /// <summary>Whether its loops can look for requests before they sleep: <see cref="ServerOptions.Spin"/>.</summary>
    public bool Spins { get; init; }

    /// <summary>How many loops, each with sockets of its own, serve each address under these limits: see <see cref="BoundSocket.OpenSiblings"/>.</summary>
    public Func<ServerOptions, int> Loops { get; init; } = static _ => 1;
}

/// <summary>Every server model: a new one takes one line here.</summary>
public static class ServerModelCatalog
{
    // The runtime and the server have descriptors of their own.
    private const int OtherDescriptors = 64;

    private static readonly EndpointKind[] s_connections = [EndpointKind.Tcp, EndpointKind.Unix, EndpointKind.UnixPacket];
    private static readonly EndpointKind[] s_all = Enum.GetValues<EndpointKind>();

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ServerModelEntry> All { get; } =
    [
        new("iterative", "one thread serves one client to its end, then accepts the next; nothing is simpler, but a silent client holds up all others", s_all, () => new IterativeModel()) { StallsOthers = true, ConnectionsAtATime = _ => 1 },
        new("fork", "a process for each connection; a crash stays in its process, but each connection costs a fork(2)", s_connections, () => new ForkModel()) { Forks = true, ForksEach = true, ConnectionsAtATime = options => options.MaxChildren },
        new("prefork", "processes made ahead that all accept and serve one connection, or one datagram, at a time each; a crash stays in its process and a new one takes its place, but silent connections hold processes", s_all, () => new PreforkModel()) { Forks = true, ConnectionsAtATime = options => options.Workers },
        new("threads", "a thread for each connection, up to a limit; a slow call stalls only its own connection, but each connection costs a thread and its stack", s_connections, () => new ThreadsModel()) { ConnectionsAtATime = options => options.MaxThreads },
        new("pool", "a fixed number of threads, each serving one connection to its end; a slow call stalls only its own connection, but silent connections hold threads", s_connections, () => new PoolModel()) { ConnectionsAtATime = options => options.Workers },
        new("select", "as poll, but in select(2), which can watch no descriptor from 1024 up: such a client is refused", s_all, () => new SelectModel()) { Spins = true, StallsOthers = true, ConnectionsAtATime = BelowSetSize },
        new("poll", "one thread waits in poll(2) for all connections and serves whichever is ready; cheap per call, but a slow call stalls everyone", s_all, () => new PollModel()) { Spins = true, StallsOthers = true },
        new("epoll", "as poll, but the kernel keeps the set: silent connections cost nothing; a slow call stalls everyone", s_all, () => new EpollModel()) { Spins = true, StallsOthers = true },
        new("reactors", "an epoll loop for each core, each with its own listeners; uses every core without a lock, but a slow call stalls its loop's share", s_all, () => new ReactorsModel()) { Spins = true, Loops = ReactorsModel.Loops, StallsOthers = true },
        new("hybrid", "an epoll loop does the I/O, threads run the procedures; a slow call stalls no other, but each call is handed over and back", s_all, () => new HybridModel()) { Spins = true, RunsCallsTogether = true },
        new("uring", "one thread tells io_uring(7) to accept, receive and send, and enters the kernel once a batch; the least CPU per call, but a slow call stalls everyone, and some kernels and containers forbid it", s_all, () => new UringModel()) { Spins = true, Loops = UringModel.Loops, StallsOthers = true },
    ];

    /// <summary>The model of this name, or null.</summary>
    public static ServerModelEntry? Find(string name) => All.FirstOrDefault(entry => entry.Name == name);

    private static int BelowSetSize(ServerOptions options) => Math.Min(options.MaxConnections, Libc.FD_SETSIZE - OtherDescriptors);
}
