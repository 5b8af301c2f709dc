using Multiplex.Load.Charts;
using Multiplex.Load.Pages;

namespace Multiplex.Load.Comparison.Page;

/// <summary>Which colour a server has: the same in every chart and table of a page.</summary>
internal sealed class Legend(CompareReport report)
{
    private readonly string[] _names = [.. report.Servers.Select(server => server.Name)];

    /// <summary>The number of a server's colour: see <see cref="Palette"/>.</summary>
    public int ColorOf(string server) => Array.IndexOf(_names, server);

    /// <summary>A server's name with a dot of its colour.</summary>
    public Html NameOf(string server) => Html.Of($"""<span class="dot {Palette.ClassOf(ColorOf(server))}"></span>{server}""");
}
