using System.Text.Json;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>The load generator against real servers.</summary>
public sealed class LoadTests
{
    [TestCase("echo", "1", "64")]
    [TestCase("echo", "16", "100k")]
    [TestCase("rpc", "1", "0")]
    [TestCase("rpc", "16", "64")]
    [TestCase("rpc", "2", "256k")]
    public void Load_counts_as_many_replies_as_the_server_and_no_error(string protocol, string depth, string size)
    {
        using ServerProcess server = ServerProcess.Start("poll", protocol, ListenForm.Tcp);
        ProgramRun run = Load(server, protocol, "--depth", depth, "--size", size, "--duration", "1s", "--json", "-");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        JsonElement root = report.RootElement;
        long requests = root.GetProperty("requests").GetInt64();
        Assert.That(root.GetProperty("errors").GetProperty("total").GetInt64(), Is.Zero);
        Assert.That(root.GetProperty("throughput_per_s").GetDouble(), Is.Positive);
        Assert.That(root.GetProperty("latency_us").GetProperty("p50").GetDouble(), Is.Positive);
        Assert.That(server.Stop(), Is.Zero);
        if (protocol == "rpc")
        {
            // Those under way at the end are awaited for a time. Of what is unanswered then, the server may have got any part.
            long unanswered = root.GetProperty("unanswered").GetInt64();
            Assert.That(server.FinalCount(Counter.Calls), Is.InRange(requests - unanswered, requests));
        }
    }

    [Test]
    public void Load_makes_connections_anew_when_it_is_asked_to()
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(server, "rpc", "--calls-per-connection", "1", "--requests", "200");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(200));
        Assert.That(server.FinalCount(Counter.Accepted), Is.InRange(200, 204), "each may have been made anew once more");
    }

    [Test]
    public void Load_makes_as_many_requests_as_it_is_asked_to([Values("1", "3")] string threads, [Values] bool atARate)
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        ProgramRun run = Load(server, "rpc", ["--depth", "3", "--threads", threads, "--requests", "100", "--json", "-", .. atARate ? (string[])["--rate", "5000"] : []]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        foreach (string figure in (string[])["requests", "replies"])
            Assert.That(report.RootElement.GetProperty(figure).GetInt64(), Is.EqualTo(100), figure);
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(100));
    }

    [Test]
    public void Load_fails_when_the_replies_are_wrong()
    {
        using ServerProcess server = ServerProcess.Start("poll", "echo", ListenForm.Tcp);
        ProgramRun run = Load(server, "rpc", "--requests", "4");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(string.Join('\n', run.Lines), Does.Contain("wrong replies"));
    }

    private static ProgramRun Load(ServerProcess server, string protocol, params string[] options) => ProgramRun.Multiplex(
        ["load", "--connect", server.Address.ToString(), "--protocol", protocol, "--connections", "4", .. options]);
}
