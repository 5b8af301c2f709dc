using Multiplex.Multiplexing;

namespace Multiplex.Servers;

/// <summary>A server model by name.</summary>
/// <param name="Name">What <c>--model</c> takes.</param>
/// <param name="Summary">Who waits, who runs, and what it is good and bad at.</param>
/// <param name="Create">Makes it.</param>
/// <param name="Forks">Whether it calls fork(2), and so needs <see cref="ForkRuntime"/>.</param>
public sealed record ServerModelEntry(string Name, string Summary, Func<IServerModel> Create, bool Forks = false);

/// <summary>Every server model: a new one joins by one line.</summary>
public static class ServerModelCatalog
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ServerModelEntry> All { get; } =
    [
        new("poll", "one thread waits in poll(2) for all connections and serves whichever is ready; cheap per call, but a slow call stalls everyone", () => new ReactorModel(() => new PollMultiplexer())),
        new("fork", "a process for each connection; a crash stays in its process, but each connection costs a fork(2)", () => new ForkModel(), Forks: true),
        new("pool", "a fixed number of threads, each serving one connection to its end; a slow call stalls only its own connection, but silent connections hold threads", () => new PoolModel()),
        new("select", "one thread waits in select(2) for all connections; as poll, but only for descriptors below FD_SETSIZE (1024): clients past that are refused", () => new ReactorModel(() => new SelectMultiplexer())),
    ];

    /// <summary>The model of this name, or null.</summary>
    public static ServerModelEntry? Find(string name) => All.FirstOrDefault(entry => entry.Name == name);
}
