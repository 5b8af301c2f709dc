using Multiplex.Multiplexing;

namespace Multiplex.Tests.Multiplexing;

/// <summary>A multiplexer by name, and the number that its descriptors must stay below.</summary>
public sealed record MultiplexerEntry(string Name, Func<IMultiplexer> Create, int DescriptorLimit = int.MaxValue)
{
    public override string ToString() => Name;
}

/// <summary>Every multiplexer: a new one joins all the tests by one line.</summary>
public static class Multiplexers
{
    public static IReadOnlyList<MultiplexerEntry> All { get; } =
    [
        new("poll", () => new PollMultiplexer()),
        new("epoll", () => new EpollMultiplexer()),
    ];
}
