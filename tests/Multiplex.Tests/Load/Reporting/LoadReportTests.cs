using System.Text.Json;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Reporting;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Reporting;

/// <summary>The report of a run: every name is documented, and the client's own delays are reported.</summary>
public class LoadReportTests
{
    private static LoadReport Report(OpenLoop? arrivals)
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadOptions options = new()
        {
            Server = server.Endpoint,
            Exchange = () => new RpcExchange(EndpointKind.UnixPacket, 64),
            Connections = 2,
            Arrivals = arrivals,
            Duration = TimeSpan.FromMilliseconds(100),
            Objectives = Objective.ParseAll("p50<10s"),
        };
        return LoadReport.Of(LoadGenerator.Run(options), options, LoadReportOptions.Of(options, "here", "rpc", RequestMix.OfSize(64)));
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(one => NamesIn(one.Value).Prepend(one.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };

    [Test]
    public void Every_name_in_it_is_documented()
    {
        string documentation = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "load.md"));
        using JsonDocument report = JsonDocument.Parse(Report(OpenLoop.At(500)).ToJson());
        string[] names = [.. NamesIn(report.RootElement).Distinct()];
        Assert.That(names, Has.Member("throughput_per_s").And.Member("lag_us").And.Member("series"));
        Assert.That(names.Where(name => !documentation.Contains($"`{name}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void A_closed_loop_says_that_it_cannot_see_a_stall_and_an_open_one_need_not()
    {
        Assert.That(Report(null).Warnings, Has.Some.StartsWith("closed loop: "));
        Assert.That(Report(OpenLoop.At(500)).Warnings, Has.None.StartsWith("closed loop: "));
    }

    [Test]
    public void Percentiles_ascend_to_the_greatest()
    {
        LoadReport report = Report(OpenLoop.At(500));
        Assert.That(report.Percentiles.Select(point => point.Percent), Is.Ordered.And.Unique);
        Assert.That(report.Percentiles.Select(point => point.LatencyUs), Is.Ordered);
        Assert.That(report.Percentiles[^1], Is.EqualTo(new PercentileReport(100, report.LatencyUs.Max!.Value)));
    }
}
