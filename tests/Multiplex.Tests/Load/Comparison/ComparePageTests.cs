using System.Text.RegularExpressions;
using Multiplex.Load.Comparison;
using Multiplex.Load.Comparison.Sections;
using Multiplex.Load.Comparison.Stacks;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Comparison;

/// <summary>report.html, as text and in a browser.</summary>
public class ComparePageTests
{
    private const string Hostile = "</script><script>console.log('mine')</script><b>&\"'";

    // Clicks the head of a column twice, and returns the order of the rows after each click.
    private const string SortByThroughput = """
        <script>
        const table = document.querySelector('table.sortable');
        const button = [...table.tHead.querySelectorAll('button')].find(one => one.textContent === 'requests/s');
        for (const time of ['first', 'second']) {
          button.click();
          console.log(`${time}: ${[...table.tBodies[0].rows].map(row => row.cells[0].textContent).join()}`);
        }
        console.log(`${document.querySelectorAll('figure.chart').length} charts, ${document.querySelectorAll('b').length} bold, dark ${matchMedia('(prefers-color-scheme: dark)').matches}`);
        </script>
        """;

    [Test]
    public void A_page_shows_every_server_every_scenario_and_why_one_was_not_measured()
    {
        string page = ComparePage.Of(Reports.Of(("poll", [3, 4, 5]), ("pool", []), (Hostile, [1, 1, 1])));
        Assert.That(page, Does.Contain("poll").And.Contain("serves 64 connections at a time").And.Contain("Look here. And there."));
        Assert.That(page, Does.Not.Contain(Hostile));
        Assert.That(page, Does.Not.Contain("NaN").And.Not.Contain("Infinity"));
    }

    [Test]
    public void A_page_marks_what_has_moved_since_the_baseline()
    {
        CompareReport before = Models(("poll", [3.99, 4, 4.01]), ("pool", [9.9, 10, 10.1]));
        string page = ComparePage.Of(Models(("poll", [4, 4, 4.02]), ("pool", [4.9, 5, 5.1])).Since(before));
        Assert.That(page, Does.Contain("Since the baseline").And.Contain("▼ 50%").And.Contain("▲ 100%"));
    }

    [Test]
    public void Green_is_a_server_that_leads_and_nothing_where_none_does()
    {
        const string Green = "class=\"best\" data-v";
        Assert.That(ComparePage.Of(Reports.Of(("poll", [4, 4.04, 4]), ("pool", [10, 10, 10.1]))), Does.Contain(Green));
        Assert.That(ComparePage.Of(Reports.Of(("poll", [8, 9, 10]), ("pool", [10, 9, 8]))), Does.Not.Contain(Green));
        Assert.That(ComparePage.Of(Reports.Of(("poll", [10, 10.1, 10]), ("pool", [10, 10.1, 10]))), Does.Not.Contain(Green));
    }

    [Test]
    public void A_page_of_an_interrupted_comparison_says_so() =>
        Assert.That(ComparePage.Of(Reports.Of(("poll", [4, 4, 4])) with { Partial = new(7, 30) }), Does.Contain("interrupted after 7 of 30 runs"));

    [Test]
    public void A_browser_shows_it_without_an_error_and_sorts_its_tables()
    {
        string page = ComparePage.Of(Reports.Of(
            Point(10, ("poll", [50, 51, 52]), ("pool", [30, 30, 30]), (Hostile, [70, 70, 70])),
            Point(100, ("poll", [40, 40, 40]), ("pool", []), (Hostile, [60, 60, 60]))));
        int charts = Regex.Count(page, "<figure class=\"chart\"");
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["report.html"], page.Replace("</body>", SortByThroughput + "</body>", StringComparison.Ordinal));
        Assert.That(Browser.ConsoleOf(folder["report.html"], folder["profile"]), Is.EqualTo(new[]
        {
            $"first: {Hostile},{Hostile},poll,poll,pool",
            $"second: pool,poll,poll,{Hostile},{Hostile}",
            $"{charts} charts, {Regex.Count(page, "<b>")} bold, dark false",
        }));
        Assert.That(charts, Is.EqualTo(5), "throughput and CPU against connections, latencies at each point, and context switches");
    }

    // Clicks two functions, and returns how wide both are, in percent of the graph, before and after each click.
    private const string Enlarge = """
        <script>
        document.querySelector('details:has(.flames)').open = true;
        const frames = Object.fromEntries([...document.querySelectorAll('.flames button')].map(one => [one.textContent, one]));
        const width = name => Math.round(100 * frames[name].getBoundingClientRect().width / document.querySelector('.flames').getBoundingClientRect().width);
        const tell = () => console.log(`wide ${width('<wide>')}, narrow ${width('narrow')}, main ${width('main')}`);
        tell();
        for (const name of ['narrow', 'all']) {
          frames[name].click();
          tell();
        }
        </script>
        """;

    [Test]
    public void A_click_enlarges_a_function_of_a_flame_graph_and_one_on_all_shows_everything_again()
    {
        FlameFrame root = new("all", FrameKind.Program);
        for (int i = 0; i < 4; i++)
            root.Add([("main", FrameKind.Program), i == 0 ? ("narrow", FrameKind.Kernel) : ("<wide>", FrameKind.Library)]);
        PointReport point = Point(10, ("poll", [50, 51, 52]));
        string page = ComparePage.Of(Reports.Of(point with { Results = [.. point.Results.Select(result => result with { Flames = new(root, Incomplete: 1, Lost: 0) })] }));
        Assert.That(page, Does.Contain("4 samples, 25% in the kernel, 1 whose callers are not known").And.Not.Contain("<wide>"));
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["report.html"], page.Replace("</body>", Enlarge + "</body>", StringComparison.Ordinal));
        Assert.That(Browser.ConsoleOf(folder["report.html"], folder["profile"]), Is.EqualTo(new[]
        {
            "wide 75, narrow 25, main 100",
            "wide 0, narrow 100, main 100",
            "wide 75, narrow 25, main 100",
        }));
    }

    [Test]
    public void A_graph_of_unknown_callers_or_without_samples_is_not_drawn()
    {
        PointReport point = Point(10, ("poll", [50, 51, 52]));
        FlameFrame root = new("all", FrameKind.Program);
        string Page(FlameGraph graph) => ComparePage.Of(Reports.Of(point with { Results = [.. point.Results.Select(result => result with { Flames = graph })] }));
        Assert.That(Page(new(root, 0, 0)), Does.Contain("Not drawn: none of its threads ran").And.Not.Contain("class=\"frame"));
        root.Add([("[callers not known]", FrameKind.Library)]);
        Assert.That(Page(new(root, 0, 0) { HasKernel = false }), Does.Contain("1 samples, none in the kernel, as this user may not sample there"));
        Assert.That(Page(new(root, 1, 0)), Does.Contain("Not drawn: the callers in 100% of the samples").And.Not.Contain("class=\"frame"));
    }

    private static CompareReport Models(params (string, double[])[] throughputs)
    {
        CompareReport report = Reports.Of(throughputs);
        return report with { Servers = [.. report.Servers.Select(server => server with { IsPeer = false })] };
    }

    private static PointReport Point(int connections, params (string, double[])[] throughputs) =>
        new(connections, 0, $"{connections} connections", [.. throughputs.Select(Reports.Result)]);
}
