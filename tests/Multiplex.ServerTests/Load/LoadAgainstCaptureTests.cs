using System.Diagnostics;
using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>
/// Rates and percentiles of an open loop, compared with those from a packet capture of the same run: when each request was due follows from
/// the start of the run and its rate; when its reply arrived is in the capture. Both use the kernel's clock,
/// so that a slow machine makes no difference.
/// </summary>
public sealed class LoadAgainstCaptureTests
{
    private const int Rate = 400, WarmUpS = 1, DurationS = 3;

    [Test]
    public void A_server_that_stalls() => Hold(connections: 4, "echo", (server, counters) =>
    {
        counters.Await(Counter.Calls, 600);
        server.Signal(Signum.SIGSTOP);
        Pass(TimeSpan.FromMilliseconds(700));
        server.Signal(Signum.SIGCONT);
    });

    [Test]
    public void A_server_that_is_overloaded() => Hold(connections: 2, "sleep:20", (_, _) => { });

    [Test]
    public void A_server_that_dies() => Hold(connections: 4, "echo", (server, counters) =>
    {
        counters.Await(Counter.Calls, 800);
        server.Signal(Signum.SIGSTOP);
    });

    [Test]
    public void A_server_that_starts_slowly() => Hold(connections: 4, "echo", (server, _) =>
    {
        Pass(TimeSpan.FromMilliseconds(1500));
        server.Signal(Signum.SIGCONT);
    }, isStoppedAtFirst: true);

    // The length of the measurement, not a time-out.
    private static void Pass(TimeSpan time)
    {
        Stopwatch passed = Stopwatch.StartNew();
        Eventually.Holds(() => passed.Elapsed >= time, "time stands still");
    }

    private static void Hold(int connections, string call, Action<ServerProcess, SharedCounters> happens, bool isStoppedAtFirst = false)
    {
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp, counters.Option);
        using PacketCapture capture = PacketCapture.Start(server.Address.Port);
        if (isStoppedAtFirst)
            server.Signal(Signum.SIGSTOP);
        Task<ProgramRun> loading = Task.Run(() => ProgramRun.Multiplex(
            "load", "--connect", server.Address.Text, "--connections", $"{connections}", "--rate", $"{Rate}", "--warmup", $"{WarmUpS}s",
            "--duration", $"{DurationS}s", "--mix", call, "--json", "-"));
        happens(server, counters);
        ProgramRun run = loading.GetAwaiter().GetResult();
        server.Signal(Signum.SIGCONT);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Compare(document.RootElement, capture.Exchanges());
    }

    private static void Compare(JsonElement report, IReadOnlyList<(double AskedAt, double? AnsweredAt)> exchanges)
    {
        double from = report.GetProperty("started_at").GetDateTimeOffset().Subtract(DateTimeOffset.UnixEpoch).TotalSeconds, until = from + DurationS;

        // The n-th request that was sent is the n-th that was due. Requests that were never sent, or whose reply came after the time-out, have no reply time.
        const double AwaitedS = 1;
        List<double> latencies = [], unanswered = [];
        for (int n = WarmUpS * Rate; n < (WarmUpS + DurationS) * Rate; n++)
        {
            double due = from - WarmUpS + (n / (double)Rate);
            if (n < exchanges.Count && exchanges[n].AnsweredAt is { } at && at < until + AwaitedS)
                latencies.Add(at - due);
            else
                unanswered.Add(due);
        }

        double[] replies = [.. exchanges.Select(exchange => exchange.AnsweredAt).OfType<double>().Where(at => at >= from && at < until)];
        const int Edge = 2;   // requests so near to the beginning or end that the difference of the clocks matters
        Assert.That(report.GetProperty("requests").GetInt64(), Is.EqualTo(DurationS * Rate));
        Assert.That(report.GetProperty("replies").GetInt64(), Is.EqualTo(replies.Length).Within(Edge));
        Assert.That(report.GetProperty("throughput_per_s").GetDouble(), Is.EqualTo(replies.Length / (double)DurationS).Within(Edge));
        Assert.That(report.GetProperty("unanswered").GetInt64(), Is.EqualTo(unanswered.Count).Within(Edge));
        foreach (JsonElement second in report.GetProperty("series").EnumerateArray())
        {
            double begin = from + second.GetProperty("second").GetInt32();
            Assert.That(second.GetProperty("replies").GetInt64(), Is.EqualTo(replies.Count(at => at >= begin && at < begin + 1)).Within(Math.Max(Edge, Rate / 10)), "the thread hands seconds over when it runs");
            Assert.That(second.GetProperty("unanswered").GetInt64(), Is.EqualTo(unanswered.Count(due => due >= begin && due < begin + 1)).Within(Edge));
        }

        // Requests without a reply count with the time from when they were due until their time-out.
        double[] all = [.. latencies.Concat(unanswered.Select(due => until + AwaitedS - due)).Order()];
        foreach ((string name, double percent) in (ReadOnlySpan<(string, double)>)[("p50", 50), ("p90", 90), ("p99", 99)])
        {
            double wire = all[Math.Max((int)Math.Ceiling(percent / 100 * all.Length) - 1, 0)] * 1e6;
            double reported = report.GetProperty("latency_us").GetProperty(name).GetDouble();
            Assert.That(reported, Is.EqualTo(wire).Within(1000 + (0.02 * wire)), name);
        }
    }
}
