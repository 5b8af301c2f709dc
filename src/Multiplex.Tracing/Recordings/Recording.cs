using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Recordings;

/// <summary>The calls of one server and of its clients.</summary>
/// <param name="Name">What the server is called.</param>
/// <param name="Description">What it is.</param>
/// <param name="ServerCalls">All calls of the server, its start-up among them.</param>
/// <param name="ClientCalls">Those of the clients.</param>
/// <param name="Clients">The clients of the story, and the thread that each is; none when a running server was attached to.</param>
/// <param name="Start">When the story began, in microseconds since 1970.</param>
/// <param name="End">When it ended; what came later is not drawn.</param>
public sealed record Recording(
    string Name,
    string Description,
    IReadOnlyList<TracedCall> ServerCalls,
    IReadOnlyList<TracedCall> ClientCalls,
    IReadOnlyList<(string Name, int Thread)> Clients,
    long Start,
    long End)
{
    /// <summary>The process of each thread that was there before the recording: of the others clone(2) tells.</summary>
    public IReadOnlyDictionary<int, int> ProcessOfThread { get; init; } = new Dictionary<int, int>();

    /// <summary>The names of the threads that were there at its end: /proc/PID/task/TID/comm.</summary>
    public IReadOnlyDictionary<int, string> ThreadNames { get; init; } = new Dictionary<int, string>();

    /// <summary>Where the recording differs from the story, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
