using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>
/// The colour of each server. A model has the same colour in every report, so that reports can be compared; a peer has one that
/// differs clearly from the others.
/// </summary>
internal sealed class Legend
{
    // Models that are often compared with each other lie far apart: poll and epoll, fork and prefork, threads and pool.
    private static readonly Dictionary<string, int> s_models = new()
    {
        ["fork"] = 0,
        ["prefork"] = 6,
        ["threads"] = 5,
        ["pool"] = 2,
        ["select"] = 10,
        ["poll"] = 3,
        ["epoll"] = 7,
        ["reactors"] = 8,
        ["hybrid"] = 9,
        ["uring"] = 4,
        ["iterative"] = 11,
    };

    private readonly Dictionary<string, int> _colors = [];

    public Legend(CompareReport report)
    {
        foreach (ServerReport server in report.Servers.Where(server => !server.IsPeer))
            _colors[server.Name] = s_models.TryGetValue(server.Name, out int color) ? color : Palette.FurthestFrom(_colors.Values);
        foreach (ServerReport peer in report.Servers.Where(server => server.IsPeer))
            _colors[peer.Name] = Palette.FurthestFrom(_colors.Values);
    }

    /// <summary>The number of a server's colour: see <see cref="Palette"/>.</summary>
    public int ColorOf(string server) => _colors[server];

    /// <summary>A server's name with a dot of its colour.</summary>
    public Html NameOf(string server) => Html.Of($"""<span class="dot {Palette.ClassOf(ColorOf(server))}"></span>{server}""");
}
