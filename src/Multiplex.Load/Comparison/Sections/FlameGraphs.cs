using Multiplex.Load.Comparison.Stacks;
using Multiplex.Load.Reporting.Charts;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>The flame graphs of a scenario: nested elements. The width of each is its share of the samples; a click enlarges it.</summary>
internal static class FlameGraphs
{
    private const double LeastShare = 0.003;   // about a pixel on a narrow screen, three on a wide one

    public static Html Of(ScenarioReport scenario, Legend legend)
    {
        Html[] graphs =
        [
            .. from point in scenario.Points
               from result in point.Results
               where result.Flames is not null
               select Graph(point, result.Server, result.Flames!, legend),
        ];
        return graphs.Length == 0 ? Html.None : Html.Of($"""
            <details><summary>Where the time goes: a flame graph of each server</summary>
            <p class="soft">Stacks of the server's running threads, sampled every half millisecond of processor time in a run of its own. Callers are above what they call; the wider, the more samples. In the server's colour its own functions, paler those of libraries, grey the kernel's. A click enlarges a function, one on <em>all</em> shows everything again. What is in less than {100 * LeastShare}% of the samples is left out.</p>
            {graphs}</details>

            """);
    }

    private static Html Graph(PointReport point, string server, FlameGraph flames, Legend legend) => Html.Of($"""
        <figure class="flames {Palette.ClassOf(legend.ColorOf(server))}"><figcaption>{legend.NameOf(server)} <span class="soft">with {point.Label}</span></figcaption>
        {(flames.WhyNot is { } why ? Html.Of($"""<p class="worse">Not drawn: {why}.</p>""") : Html.Of($"""<p class="soft">{InWords(flames)}</p>{Frame(flames.Root, flames.Root, flames.Root.Samples)}"""))}</figure>

        """);

    private static string InWords(FlameGraph flames) =>
        $"{flames.Root.Samples:N0} samples, {(flames.HasKernel ? $"{100 * flames.KernelShare:F0}% in the kernel" : "none in the kernel, as this user may not sample there")}{Part(flames.Incomplete, "whose callers are not known")}{Part(flames.Lost, "more lost")}";

    private static string Part(long count, string what) => count == 0 ? "" : $", {count:N0} {what}";

    private static Html Frame(FlameFrame frame, FlameFrame caller, long all) => Html.Of($"""
        <div class="frame {ClassOf(frame.Kind)}" style="--w:{100.0 * frame.Samples / caller.Samples:0.##}%"><button title="{frame.Name}: {100.0 * frame.Samples / all:0.#}%">{frame.Name}</button><div>{frame.Called.Where(one => one.Samples >= LeastShare * all).Select(one => Frame(one, frame, all))}</div></div>
        """);

    private static string ClassOf(FrameKind kind) => kind switch
    {
        FrameKind.Kernel => "kernel",
        FrameKind.Library => "library",
        _ => "",
    };
}
