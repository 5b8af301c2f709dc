using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Metrics;

/// <summary><c>serve --metrics</c> on every model: what it shows is what has happened, in all processes.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class MetricsTests(string model)
{
    [Test]
    public void Calls_connections_and_bytes_are_counted_and_calls_timed_in_a_form_that_promtool_accepts()
    {
        using Scraped scraped = new(model, "rpc");
        using (RpcPeer peer = new(scraped.Server.Address))
        {
            for (int i = 0; i < 3; i++)
                peer.Echo(new byte[100]);
            peer.Sleep(20);
            Dictionary<string, double> during = scraped.Values();
            Assert.That(during["multiplex_server_connections"], Is.EqualTo(1));
        }

        Dictionary<string, double> values = [];
        Eventually.Holds(() => (values = scraped.Values())["multiplex_server_connections_closed_total"] == 1, "the connection is not closed");
        const string Echo = "program=\"MultiplexV1\",version=\"1\",procedure=\"Echo\"", Sleep = "program=\"MultiplexV1\",version=\"1\",procedure=\"Sleep\"";
        Assert.Multiple(() =>
        {
            Assert.That(values["multiplex_server_calls_total"], Is.EqualTo(4));
            Assert.That(values["multiplex_server_connections_accepted_total"], Is.EqualTo(1));
            Assert.That(values["multiplex_server_connections"], Is.Zero);
            Assert.That(values["multiplex_server_received_bytes_total"], Is.EqualTo((3 * (44 + 104)) + 48));
            Assert.That(values["multiplex_server_sent_bytes_total"], Is.EqualTo((3 * (28 + 104)) + 32));
            Assert.That(values[$"multiplex_rpc_duration_seconds_count{{{Echo}}}"], Is.EqualTo(3));
            Assert.That(values[$"multiplex_rpc_duration_seconds_bucket{{{Echo},le=\"+Inf\"}}"], Is.EqualTo(3));
            Assert.That(values[$"multiplex_rpc_duration_seconds_bucket{{{Sleep},le=\"0.01\"}}"], Is.Zero, "it slept for longer");
            Assert.That(values[$"multiplex_rpc_duration_seconds_sum{{{Sleep}}}"], Is.GreaterThanOrEqualTo(0.02));
            Assert.That(values[$"multiplex_server_info{{model=\"{model.Split(' ')[0]}\",protocol=\"rpc\"}}"], Is.EqualTo(1));
            Assert.That(values["multiplex_server_processes"], Is.GreaterThanOrEqualTo(Cells.Forks(model) ? 2 : 1));
            Assert.That(values["process_resident_memory_bytes"], Is.Positive);
        });
        ProgramRun check = ProgramRun.Of(Tools.Require("promtool"), ["check", "metrics"], System.Text.Encoding.UTF8.GetBytes(scraped.Text()));
        Assert.That((check.Status, string.Join('\n', [.. check.Lines, .. check.Errors])), Is.EqualTo((0, "")));
        Assert.That(scraped.Server.Stop(Eventually.Deadline), Is.Zero);
    }

    [Test]
    public void A_silent_scraper_holds_up_neither_others_nor_the_server()
    {
        using Scraped scraped = new(model, "rpc");
        using TestClient silent = new(scraped.At), half = new(scraped.At), deaf = new(scraped.At);
        half.Send("GET /metrics HTT"u8);
        for (int i = 0; i < 8; i++)
            deaf.Send("GET /metrics HTTP/1.1\r\n\r\n"u8);   // and takes no reply
        Assert.That(scraped.Values(), Contains.Key("multiplex_server_calls_total"));
        using (RpcPeer peer = new(scraped.Server.Address))
            peer.Null();
        Assert.That(scraped.Server.Stop(Eventually.Deadline), Is.Zero);
    }

    [Test]
    public void A_signal_to_the_whole_group_stops_the_server_in_order()
    {
        using Scraped scraped = new(model, "rpc");
        scraped.Values();
        scraped.Server.SignalAll(Signum.SIGTERM);
        Assert.That(scraped.Server.WaitForExit(Eventually.Deadline), Is.Zero, string.Join('\n', scraped.Server.Errors));
        Assert.That(scraped.Server.Errors.Where(line => line.Contains("metrics") && !line.Contains("are at")), Is.Empty);
    }

    [Test]
    public void The_name_of_a_UNIX_domain_endpoint_goes_with_the_server()
    {
        string path = Path.Combine(Path.GetTempPath(), $"multiplex-metrics-{Guid.NewGuid():N}");
        using Scraped scraped = new(model, "echo", $"unix:{path}");
        Assert.That(scraped.Values(), Contains.Key("multiplex_server_connections_accepted_total"));
        Assert.That(scraped.Server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(Path.Exists(path), Is.False);
    }
}
