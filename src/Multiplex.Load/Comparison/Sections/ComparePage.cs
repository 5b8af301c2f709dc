using Multiplex.Load.Reporting;
using Multiplex.Load.Reporting.Pages;

namespace Multiplex.Load.Comparison.Sections;

/// <summary>A comparison as a page: report.html.</summary>
public static class ComparePage
{
    private const string Title = "Server models compared";

    /// <summary>The page as text.</summary>
    public static string Of(CompareReport report)
    {
        Legend legend = new(report);
        return Page.Of(Title, Html.Of($"""
            <header>
            <h1>{Title}</h1>
            <p class="lede">{Lede(report)}</p>
            {Partial(report)}
            <nav><a href="#overview">overview</a>{Html.Join(report.Scenarios.Select(scenario => Html.Of($"""<a href="#{scenario.Name}">{scenario.Name}</a>""")))}{(report.Baseline is null ? Html.None : Html.Of($"""<a href="#baseline">baseline</a>"""))}<a href="#servers">servers</a><a href="#method">method</a></nav>
            </header>
            {Overview.Of(report, legend)}{ChangesSection.Of(report, legend)}{report.Scenarios.Select(scenario => ScenarioSection.Of(report, scenario, legend))}{ServersSection(report, legend)}{MethodSection.Of(report)}
            """));
    }

    private static string Lede(CompareReport report)
    {
        MachineReport machine = report.Environment;
        return $"{report.Began:yyyy-MM-dd HH:mm zzz}, {machine.Processors} x {machine.Processor}, Linux {machine.Kernel}, {machine.Runtime}. "
            + $"{report.Protocol} over TCP on the loopback interface; medians of {(report.RoundsAuto ? "up to " : "")}{report.Rounds} alternating {(report.Rounds == 1 ? "round" : "rounds")} of {report.RunInWords}.";
    }

    private static Html Partial(CompareReport report) =>
        report.Partial is { } partial ? Html.Of($"""<p class="worse"><strong>The comparison was {partial.ToString()}.</strong></p>""") : Html.None;

    private static Html ServersSection(CompareReport report, Legend legend) => Html.Of($"""
        <section id="servers"><h2>Servers</h2>
        <dl class="findings">{report.Servers.Select(server => Html.Of($"""<dt>{legend.NameOf(server.Name)}</dt><dd>{Description(server)}</dd>"""))}</dl>
        </section>

        """);

    private static Html Description(ServerReport server) => server.IsPeer
        ? Html.Of($"""<span class="soft">a peer:</span> <code>{server.Description}</code>""")
        : Html.Of($"{server.Description}");
}
