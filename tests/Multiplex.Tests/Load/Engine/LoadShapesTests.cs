using System.Net;
using System.Net.Sockets;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Engine;

/// <summary>Rates, ramps and counts of a load, against a server that the test controls.</summary>
public class LoadShapesTests
{
    private static LoadOptions Load(Endpoint server, EndpointKind kind = EndpointKind.UnixPacket) => new()
    {
        Server = server,
        Exchange = () => new RpcExchange(kind, 64),
        Connections = 2,
        Duration = TimeSpan.FromMilliseconds(500),
    };

    [Test]
    public void An_open_loop_asks_what_is_due_and_no_more([Values] ArrivalSpacing spacing)
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { Arrivals = OpenLoop.At(1000, spacing) });
        Assert.That(tally.Errors.Total, Is.Zero);
        if (spacing == ArrivalSpacing.Constant)
            Assert.That(tally.Latencies.Count, Is.EqualTo(500));
        Assert.That(tally.Services.Count, Is.Positive.And.EqualTo(tally.Latencies.Count - tally.Unanswered));
        Assert.That(server.Numbers.Count, Is.InRange(tally.Services.Count, tally.Latencies.Count), "what has no reply a second after the end is given up");
        Assert.That(tally.Replies, Is.LessThanOrEqualTo(tally.Services.Count), "the last ones may have come after the end");
    }

    [Test]
    public void A_request_that_finds_no_free_slot_counts_from_when_it_was_due()
    {
        using ManualResetEventSlim go = new();
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc", number =>
        {
            if (number == 1)
                go.Wait(TimeSpan.FromMilliseconds(250));   // the only slot is taken all the while
            return Fate.Answer;
        });
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { Connections = 1, Arrivals = OpenLoop.At(1000) });
        Assert.That(tally.Latencies.Percentile(75), Is.GreaterThan(100_000_000), "half of them waited, on average an eighth of a second");
        Assert.That(tally.Services.Percentile(75), Is.LessThan(tally.Latencies.Percentile(75)), "though they were answered soon once they were sent");
    }

    [Test]
    public void Its_watcher_gets_the_number_of_replies_that_were_counted_by_now()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        List<(bool Begins, long Replies)> looks = [];
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { Requests = 100, Duration = Eventually.Deadline, Measuring = (begins, replies) => looks.Add((begins, replies())) });
        Assert.That(looks, Is.EqualTo(new[] { (true, 0L), (false, 100L) }));
        Assert.That(tally.Replies, Is.EqualTo(100));
    }

    [Test]
    public void What_has_no_reply_at_the_end_counts_with_the_time_that_it_has_waited()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc", _ => Fate.Drop);
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { Arrivals = OpenLoop.At(100) });
        Assert.That((tally.Replies, tally.Unanswered, tally.Starved), Is.EqualTo((0L, 50L, 2)));
        Assert.That(tally.Seconds.Select(second => (second.Replies, second.Unanswered, second.LatencyUs.P50)), Is.EqualTo(new[] { (0L, 50L, (double?)null) }));
        Assert.That(tally.Latencies.Min, Is.GreaterThan(900_000_000), "all waited for the second after the end");
    }

    [Test]
    public void Users_that_think_ask_less()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { ThinkTime = TimeSpan.FromMilliseconds(50), Requests = 8, Duration = Eventually.Deadline });
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Replies, Is.EqualTo(8));
        Assert.That(tally.Elapsed, Is.GreaterThanOrEqualTo(TimeSpan.FromMilliseconds(150)), "one of the two users asked four times or more, and thought three times in between");
    }

    [Test]
    public void Connections_are_made_at_their_own_rate_and_their_time_is_measured_apart()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadTally tally = LoadGenerator.Run(Load(server.Endpoint) with { CallsPerConnection = 1, ConnectRate = 40 });
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Connects.Count, Is.InRange(3, 2 + (40 * 0.6) + 2));
        Assert.That(tally.Replies, Is.LessThanOrEqualTo(tally.Connects.Count));
    }

    [Test]
    public void Every_second_is_handed_over_and_together_they_are_the_whole()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LatencyHistogram sum = new();
        LoadOptions options = Load(server.Endpoint) with
        {
            Threads = 2,
            Arrivals = OpenLoop.At(500),
            Duration = TimeSpan.FromMilliseconds(1300),
            Interval = (_, latencies) => sum.Add(latencies),
        };
        LoadTally tally = LoadGenerator.Run(options);
        Assert.That(tally.Seconds.Select(second => second.Second), Is.EqualTo(new[] { 0, 1 }));
        Assert.That(tally.Latencies.Count, Is.EqualTo(650));
        Assert.That(tally.Seconds.Sum(second => second.Replies), Is.EqualTo(tally.Replies));
        Assert.That((sum.Count, sum.Max, sum.Percentile(99)), Is.EqualTo((tally.Latencies.Count, tally.Latencies.Max, tally.Latencies.Percentile(99))));
    }

    [Test]
    public void Connections_that_are_refused_or_reset_later_are_counted_apart()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Background<bool> server = Background.Run(() =>
        {
            Socket[] accepted = [listener.Accept(), listener.Accept()];
            listener.Dispose();
            foreach (Socket socket in accepted)
            {
                socket.Receive(new byte[1000]);
                socket.LingerState = new(true, 0);
                socket.Dispose();
            }
        });
        LoadOptions options = Load(Endpoint.Parse($"tcp://{listener.LocalEndPoint}"), EndpointKind.Tcp) with { Duration = Eventually.Deadline };
        using CancellationTokenSource enough = new();
        long? errorsThen = null;   // at the first look after both resets
        LoadErrors errors = LoadGenerator.Run(options, Look, enough.Token).Errors;
        Assert.That((errors.Disconnected, errors.Resets), Is.EqualTo((2L, 2L)));
        Assert.That(errors.ConnectsRefused, Is.Positive.And.EqualTo(errors.ConnectFailures));
        Assert.That(errors.Total, Is.EqualTo(errors.Disconnected + errors.ConnectFailures));

        // A turn of the client's loop adds at most four errors, so with five more it has met both resets, and refusals.
        void Look(LoadProgress progress)
        {
            if (!server.IsRunning)
                errorsThen ??= progress.Errors;
            if (progress.Errors >= errorsThen + 5)
                enough.Cancel();
        }
    }
}
