using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Models;
using Multiplex.Tests.Multiplexers;
using Multiplex.Transports;

namespace Multiplex.Tests.Models;

/// <summary>A model whose one thread serves all connections, by name.</summary>
public sealed record ReactorEntry(string Name, Func<IServerModel> Create)
{
    public override string ToString() => Name;
}

/// <summary>The event loop on every multiplexer, and the loop on io_uring.</summary>
public static class ReactorModels
{
    public static IReadOnlyList<ReactorEntry> All { get; } =
    [
        .. EveryMultiplexer.All.Select(entry => new ReactorEntry(entry.Name, () => new LoopModel(entry.Create))),
        new("uring", () => new UringModel()),
        new("uring short of buffers", () => new UringModel(new(2, 512, Incremental: false))),
    ];
}

/// <summary>One thread that serves all connections, on any multiplexer; with workers, as the hybrid model, or without.</summary>
internal sealed class LoopModel(Func<IMultiplexer> multiplexer, bool hasWorkers = false) : IServerModel
{
    public void Run(Service service)
    {
        using EventLoop loop = new(multiplexer());
        using WorkerPool? workers = hasWorkers ? new(loop, service.Protocol, service.Options, service.Counters) : null;
        using LoopServer server = new(service, loop, workers);
        workers?.Start();
        server.Run();
    }
}
