using Multiplex.Models;
using Multiplex.Tests.Multiplexing;

namespace Multiplex.Tests.Servers;

/// <summary>A model whose one thread serves all connections, by name.</summary>
public sealed record ReactorEntry(string Name, Func<IServerModel> Create, bool StreamsOnly = false)
{
    public override string ToString() => Name;
}

/// <summary>The reactor on every multiplexer, and the model that does the same on io_uring.</summary>
public static class ReactorModels
{
    public static IReadOnlyList<ReactorEntry> All { get; } =
    [
        .. EveryMultiplexer.All.Select(entry => new ReactorEntry(entry.Name, () => new ReactorModel(entry.Create))),
        new("uring", () => new UringModel(), StreamsOnly: true),
        new("uring short of buffers", () => new UringModel(new(2, 512, Incremental: false)), StreamsOnly: true),
    ];
}
