using Multiplex.Tracing.Recordings;

namespace Multiplex.Tracing.Lanes;

/// <summary>A recording as lanes, connections and arrows. Times are microseconds of the story.</summary>
/// <param name="Name">What the server is called.</param>
/// <param name="Description">What it is.</param>
/// <param name="Clients">The names of the clients; a client of a server that was attached to has its address for a name.</param>
/// <param name="Lanes">The clients' lanes, then the server's, each process's together.</param>
/// <param name="Connections">The connections.</param>
/// <param name="Arrows">What goes from lane to lane.</param>
/// <param name="Start">When the story began, in microseconds since 1970.</param>
/// <param name="Duration">How long it is.</param>
/// <param name="Preparations">The calls before the story that made sockets and lanes, by name.</param>
/// <param name="Notes">What a reader should know, a sentence each.</param>
public sealed record Scene(
    string Name,
    string Description,
    IReadOnlyList<string> Clients,
    IReadOnlyList<Lane> Lanes,
    IReadOnlyList<Connection> Connections,
    IReadOnlyList<Arrow> Arrows,
    long Start,
    long Duration,
    IReadOnlyList<string> Preparations,
    IReadOnlyList<string> Notes)
{
    /// <summary>All calls in the order in which they began.</summary>
    public IReadOnlyList<LaneCall> Calls { get; } = [.. Lanes.SelectMany(lane => lane.Calls).OrderBy(call => call.Start)];

    /// <summary>Makes it of a recording.</summary>
    public static Scene Of(Recording recording)
    {
        const string Silent = "It made no system call while it was recorded.";
        LaneTable table = LaneTable.Of(recording);
        ConnectionTable connections = new(recording, table);
        connections.Assign();
        foreach (Lane lane in table.Lanes)
            Activity.Find(lane);
        Arrow[] arrows = [.. new ArrowFinder(table, connections).Find()];
        foreach (Lane lane in table.Lanes)
            Activity.Draw(lane, arrows);
        return new(
            recording.Name, recording.Description, connections.Clients, table.Lanes, connections.All, arrows, recording.Start, recording.End - recording.Start,
            [.. table.Preparations.Select(call => call.Name)], [.. recording.Notes, .. table.Notes, .. recording.ServerCalls.Count == 0 ? [Silent] : Array.Empty<string>()]);
    }
}
