using Multiplex.Multiplexers;

namespace Multiplex.Tests.Multiplexers;

/// <summary>A multiplexer by name.</summary>
/// <param name="Name">The system call that it waits in.</param>
/// <param name="Create">Makes it.</param>
/// <param name="TellsTroubleUnasked">Whether errors and hang-ups are reported as Readable | Writable, whatever was asked for.</param>
/// <param name="IsEndedBySignals">Whether a signal ends a wait at any time.</param>
public sealed record MultiplexerEntry(string Name, Func<IMultiplexer> Create, bool TellsTroubleUnasked = true, bool IsEndedBySignals = true)
{
    public override string ToString() => Name;
}

/// <summary>Every multiplexer: one line here includes a new one in all the tests.</summary>
public static class EveryMultiplexer
{
    public static IReadOnlyList<MultiplexerEntry> All { get; } =
    [
        new("select", () => new SelectMultiplexer(), TellsTroubleUnasked: false),
        new("poll", () => new PollMultiplexer()),
        new("epoll", () => new EpollMultiplexer()),
        new("spinning", () => SpinningMultiplexer.Of(new EpollMultiplexer(), TimeSpan.FromMicroseconds(50)), IsEndedBySignals: false),
    ];
}
