using Multiplex.Multiplexers;

namespace Multiplex.Tests.Multiplexers;

/// <summary>A multiplexer by name.</summary>
/// <param name="Name">The system call that it waits in.</param>
/// <param name="Create">Makes it.</param>
/// <param name="TellsTroubleUnasked">Whether errors and hang-ups are Readable | Writable, whatever was asked for.</param>
public sealed record MultiplexerEntry(string Name, Func<IMultiplexer> Create, bool TellsTroubleUnasked = true)
{
    public override string ToString() => Name;
}

/// <summary>Every multiplexer: a new one joins all the tests by one line.</summary>
public static class EveryMultiplexer
{
    public static IReadOnlyList<MultiplexerEntry> All { get; } =
    [
        new("select", () => new SelectMultiplexer(), TellsTroubleUnasked: false),
        new("poll", () => new PollMultiplexer()),
        new("epoll", () => new EpollMultiplexer()),
    ];
}
