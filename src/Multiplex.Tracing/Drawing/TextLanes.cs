using Multiplex.Tracing.Lanes;

namespace Multiplex.Tracing.Drawing;

/// <summary>Scenes as text: a line for each lane, a character for each stretch of time.</summary>
public static class TextLanes
{
    private const char Absent = ' ', Waiting = '·', Working = '#', Pausing = '-';
    private const int Shortest = 20;
    private const double MicrosecondsAMillisecond = 1000;

    /// <summary>What the characters mean: the lines before the first scene.</summary>
    public static IEnumerable<string> Legend(Scene scene) =>
    [
        .. scene.Clients.Count == 0 ? Array.Empty<string>() : [$"{string.Join(", ", scene.Clients.Select((client, i) => $"{Letter(i)} works for {client} and {char.ToLowerInvariant(Letter(i))} waits for it alone"))};"],
        $"{Working} works for no client in particular, {Waiting} waits for several or for something else, {Pausing} a client pauses.",
    ];

    /// <summary>The lines of a scene.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="width">Columns.</param>
    /// <param name="duration">What the whole width stands for, in microseconds: the same for all scenes.</param>
    public static IEnumerable<string> Of(Scene scene, int width, long duration)
    {
        int margin = scene.Lanes.Select(lane => lane.Title.Length).DefaultIfEmpty().Max() + 1;
        int columns = Math.Max(width - margin, Shortest);
        yield return $"{scene.Name}, {duration / MicrosecondsAMillisecond:0} ms";
        if (scene.Lanes.Count == 0)
            yield return string.Join(' ', scene.Notes);
        foreach (Lane lane in scene.Lanes)
        {
            IEnumerable<char> cells = Enumerable.Range(0, columns).Select(i => Cell(lane, duration * i / columns, duration * (i + 1) / columns));
            yield return lane.Title.PadRight(margin) + string.Concat(cells).TrimEnd();
        }
    }

    // Work is shown however short it is, as it distinguishes the lanes.
    private static char Cell(Lane lane, long from, long to)
    {
        Stretch[] stretches = [.. lane.Stretches.Where(one => one.Start < to && one.End > from)];
        if (stretches.Length == 0)
            return Absent;
        Stretch most = stretches.OrderBy(one => one.Wait is null ? 0 : 1).ThenBy(one => one.Client is null ? 1 : 0).ThenByDescending(one => Math.Min(one.End, to) - Math.Max(one.Start, from)).First();
        return most switch
        {
            { Wait: null, Client: { } client } => Letter(client),
            { Wait: null } => Working,
            _ when lane.Kind == LaneKind.Client && Waits.IsSleep(most.Wait.Call.Name) => Pausing,
            { Client: { } client } => char.ToLowerInvariant(Letter(client)),
            _ => Waiting,
        };
    }

    private static char Letter(int client) => (char)('A' + (client % 26));
}
