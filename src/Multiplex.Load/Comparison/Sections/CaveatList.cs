using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The caveats of a scenario's figures.</summary>
internal static class CaveatList
{
    /// <summary>A mark after the name of a server whose figures have caveats.</summary>
    public static Html Mark(ServerResult result) => result.Caveats.Count == 0
        ? Html.None
        : Html.Of($"""<sup title="{string.Join("; ", result.Caveats.Select(caveat => $"{Caveat.InWords(caveat.Kind)} {caveat.Label}"))}">†</sup>""");

    public static Html Of(ScenarioReport scenario) =>
        Html.Join(Caveat.Sentences(scenario).Select(sentence => Html.Of($"""<p class="soft"><small>† {sentence}.</small></p>""")));
}
