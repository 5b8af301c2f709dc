using Multiplex.Interop;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Engine;

/// <summary>The load generator on sockets that keep message boundaries: lost, late, repeated and wrong replies are counted separately.</summary>
public class LoadOverMessagesTests
{
    private static readonly EndpointKind[] s_kinds = [EndpointKind.UnixPacket, EndpointKind.Udp, EndpointKind.UnixGram];
    private static readonly EndpointKind[] s_datagrams = [EndpointKind.Udp, EndpointKind.UnixGram];

    private static LoadOptions Load(EndpointKind kind, string protocol, Endpoint server, int size = 64) => new()
    {
        Server = server,
        Exchange = () => protocol == "echo" ? new EchoExchange(kind, size) : new RpcExchange(kind, size),
        Connections = 3,
        Depth = 4,
        Duration = TimeSpan.FromMilliseconds(200),
    };

    /// <summary>One request at a time, whose replies have these fates in turn; then some that are answered.</summary>
    private static LoadErrors Meet(EndpointKind kind, string protocol, params Fate[] fates)
    {
        using CancellationTokenSource enough = new();
        int before = kind == EndpointKind.Udp ? 1 : 0;   // the datagram that asks whether a server is there
        using MessageServer server = new(kind, protocol, number =>
        {
            if (number - before > fates.Length + 5)
                enough.Cancel();
            return number > before && number - before <= fates.Length ? fates[number - before - 1] : Fate.Answer;
        });
        LoadOptions options = Load(kind, protocol, server.Endpoint) with
        {
            Connections = 1,
            Depth = 1,
            Duration = Eventually.Deadline,
            Timeout = fates.Any(fate => fate is Fate.Drop or Fate.Hold or Fate.Misdirect) ? TimeSpan.FromSeconds(2) : Eventually.Deadline,
        };
        LoadTally tally = LoadGenerator.Run(options, report: null, enough.Token);
        Assert.That(enough.IsCancellationRequested, Is.True, "it went on");
        Assert.That(tally.Errors.Disconnected + tally.Errors.ConnectFailures + tally.Errors.Refused, Is.Zero);
        return tally.Errors;
    }

    [Test]
    public void Every_reply_is_right(
        [ValueSource(nameof(s_kinds))] EndpointKind kind, [Values("echo", "rpc")] string protocol, [Values(1, 16)] int depth)
    {
        using MessageServer server = new(kind, protocol);
        LoadTally tally = LoadGenerator.Run(Load(kind, protocol, server.Endpoint) with { Depth = depth });
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Latencies.Count - tally.Unanswered, Is.Positive.And.LessThanOrEqualTo(server.Numbers.Count));
        Assert.That(tally.BytesReceived, Is.GreaterThanOrEqualTo(64 * tally.Replies));
    }

    [Test]
    public void What_is_not_answered_is_lost_and_not_wrong(
        [ValueSource(nameof(s_datagrams))] EndpointKind kind, [Values("echo", "rpc")] string protocol)
    {
        LoadErrors errors = Meet(kind, protocol, Fate.Drop, Fate.Answer, Fate.Drop);
        Assert.That(errors.Lost - errors.Late, Is.EqualTo(2), "a machine that stalls makes others late");
        Assert.That(errors.Total, Is.EqualTo(errors.Lost), "and a lost datagram fails the run");
    }

    [Test]
    public void A_reply_that_comes_after_its_time_is_late(
        [ValueSource(nameof(s_datagrams))] EndpointKind kind, [Values("echo", "rpc")] string protocol)
    {
        LoadErrors errors = Meet(kind, protocol, Fate.Hold);
        Assert.That(errors.Late, Is.Positive);
        Assert.That(errors.Lost, Is.EqualTo(errors.Late));
        Assert.That(errors.WrongReplies + errors.Repeated, Is.Zero);
    }

    [Test]
    public void A_second_reply_to_the_same_datagram_is_repeated(
        [ValueSource(nameof(s_datagrams))] EndpointKind kind, [Values("echo", "rpc")] string protocol)
    {
        LoadErrors errors = Meet(kind, protocol, Fate.Twice, Fate.Answer, Fate.Twice);
        Assert.That(errors.Repeated, Is.EqualTo(2));
        Assert.That(errors.WrongReplies, Is.Zero);
    }

    // A repeated echo makes all later ones wrong too.
    [Test]
    public void A_second_reply_on_a_connection_is_wrong([Values("echo", "rpc")] string protocol) =>
        Assert.That(Meet(EndpointKind.UnixPacket, protocol, Fate.Twice).WrongReplies, Is.InRange(1, protocol == "rpc" ? 1 : int.MaxValue));

    [Test]
    public void A_reply_with_other_bytes_or_of_another_length_is_wrong(
        [ValueSource(nameof(s_kinds))] EndpointKind kind,
        [Values("echo", "rpc")] string protocol,
        [Values(Fate.Corrupt, Fate.Shorten, Fate.Lengthen)] Fate fate)
    {
        LoadErrors errors = Meet(kind, protocol, fate, Fate.Answer, fate);
        Assert.That(errors.WrongReplies, Is.EqualTo(2));
        Assert.That(errors.Lost - errors.Late + errors.Repeated, Is.Zero);
    }

    [Test]
    public void A_reply_to_what_was_never_asked_is_wrong_and_the_request_stays_unanswered(
        [ValueSource(nameof(s_datagrams))] EndpointKind kind, [Values("echo", "rpc")] string protocol)
    {
        LoadErrors errors = Meet(kind, protocol, Fate.Misdirect);
        Assert.That(errors.WrongReplies, Is.EqualTo(1));
        Assert.That(errors.Lost - errors.Late, Is.EqualTo(1));
    }

    [Test]
    public void On_a_connection_that_keeps_boundaries_too_a_reply_must_come_in_time() =>
        Assert.That(Meet(EndpointKind.UnixPacket, "rpc", Fate.Drop).Timeouts, Is.Positive);

    [Test]
    public void Many_requests_under_way_are_matched_to_their_replies([ValueSource(nameof(s_datagrams))] EndpointKind kind)
    {
        using CancellationTokenSource enough = new();
        int dropped = 0, twice = 0;
        using MessageServer server = new(kind, "rpc", number =>
        {
            if (number == 2500)   // more than twice as many are dropped by then as may be under way
                enough.Cancel();
            Fate fate = number % 97 == 0 ? Fate.Drop : number % 7 == 0 ? Fate.Twice : Fate.Answer;
            dropped += fate == Fate.Drop ? 1 : 0;
            twice += fate == Fate.Twice ? 1 : 0;
            return fate;
        });
        LoadOptions options = Load(kind, "rpc", server.Endpoint) with { Duration = Eventually.Deadline, Timeout = TimeSpan.FromSeconds(1) };
        LoadErrors errors = LoadGenerator.Run(options, report: null, enough.Token).Errors;
        Assert.That(enough.IsCancellationRequested, Is.True, "it went on");
        Assert.That(errors.WrongReplies, Is.Zero);
        Assert.That(errors.Lost, Is.InRange(1, dropped + errors.Late + 12));
        Assert.That(errors.Repeated, Is.InRange(1, twice));
    }

    [TestCase(EndpointKind.UnixPacket, "echo", 1)]
    [TestCase(EndpointKind.UnixPacket, "rpc", 0)]
    [TestCase(EndpointKind.UnixPacket, "rpc", 300_000)]
    [TestCase(EndpointKind.UnixGram, "echo", 4)]
    [TestCase(EndpointKind.UnixGram, "echo", 300_000)]
    [TestCase(EndpointKind.Udp, "rpc", 0)]
    [TestCase(EndpointKind.Udp, "rpc", 65_460)]
    [TestCase(EndpointKind.Udp, "echo", 65_507)]
    public void Messages_of_any_length_that_fits_are_carried(EndpointKind kind, string protocol, int size)
    {
        if (size > MessageSize.Limit(kind))
            Assert.Ignore("net.core.wmem_max is too small here");
        using MessageServer server = new(kind, protocol);
        LoadTally tally = LoadGenerator.Run(Load(kind, protocol, server.Endpoint, size) with { Connections = 1 });
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Latencies.Count, Is.Positive);
    }

    [Test]
    public void Messages_that_do_not_fit_are_refused_beforehand([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        int limit = MessageSize.Limit(kind);
        Assert.That(() => new EchoExchange(kind, Math.Min(limit, 64 << 20) + 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new RpcExchange(kind, RpcExchange.MostSize(kind) + 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Connections_are_made_anew_when_they_have_had_their_calls([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        using MessageServer server = new(kind, "rpc");
        LoadTally tally = LoadGenerator.Run(Load(kind, "rpc", server.Endpoint) with { Depth = 1, CallsPerConnection = 2 });
        Assert.That(tally.Errors.Total, Is.Zero);
        Assert.That(tally.Latencies.Count, Is.Positive);
    }

    [Test]
    public void Without_a_server_the_first_exchange_fails([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        MessageServer gone = new(kind, "rpc");
        gone.Dispose();
        Assert.That(
            () => LoadGenerator.Run(Load(kind, "rpc", gone.Endpoint)),
            Throws.TypeOf<SyscallException>().With.Message.Contains($"{gone.Endpoint}: Connection refused (ECONNREFUSED): no server listens there"));
    }

    [Test]
    public void A_datagram_server_that_goes_away_is_distinguished_from_one_that_is_silent([ValueSource(nameof(s_datagrams))] EndpointKind kind)
    {
        MessageServer? server = null;
        using CancellationTokenSource enough = new();
        using ManualResetEventSlim gone = new();
        server = new(kind, "rpc", number =>
        {
            if (number == 100)
            {
                server!.Dispose();
                gone.Set();
            }

            return Fate.Answer;
        });
        long? errorsThen = null;   // at the first look after that
        LoadOptions options = Load(kind, "rpc", server.Endpoint) with { Duration = Eventually.Deadline, Timeout = TimeSpan.FromSeconds(1) };
        LoadTally tally = LoadGenerator.Run(options, Look, enough.Token);
        Assert.That(enough.IsCancellationRequested, Is.True, "it went on");
        Assert.That(tally.Latencies.Count, Is.Positive);
        Assert.That(tally.Errors.Refused, Is.Positive);
        Assert.That(tally.Errors.WrongReplies, Is.Zero);

        // The twelve requests under way are lost, once. What is sent in their place is refused.
        void Look(LoadProgress progress)
        {
            if (gone.IsSet)
                errorsThen ??= progress.Errors;
            if (progress.Errors > errorsThen + 12)
                enough.Cancel();
        }
    }

    [Test]
    public void The_first_address_of_a_UDP_server_that_does_not_refuse_is_taken()
    {
        using MessageServer server = new(EndpointKind.Udp, "rpc");
        MessageServer gone = new(EndpointKind.Udp, "rpc");
        gone.Dispose();
        byte[] right = AddressLookup.Find(server.Endpoint, passive: false)[0], wrong = AddressLookup.Find(gone.Endpoint, passive: false)[0];
        Assert.That(ServerProbe.FindByDatagram(Load(EndpointKind.Udp, "rpc", server.Endpoint), [wrong, right]), Is.SameAs(right));
    }

    [Test]
    public void The_steady_state_allocates_nothing(
        [ValueSource(nameof(s_kinds))] EndpointKind kind, [Values("echo", "rpc")] string protocol, [Values(0, 2000)] int rate)
    {
        using MessageServer server = new(kind, protocol);
        LoadOptions options = Load(kind, protocol, server.Endpoint) with { WarmUp = TimeSpan.FromMilliseconds(200), Arrivals = rate > 0 ? OpenLoop.At(rate) : null };

        // The runtime itself allocates on a thread now and then. What the loop allocates it allocates in every run.
        long least = long.MaxValue;
        for (int run = 0; run < 4 && least > 0; run++)
        {
            int before = server.Numbers.Count + (kind == EndpointKind.Udp ? 1 : 0), warm = 0;
            long allocated = LoadGenerator.Run(options with { Measuring = (begins, _) => warm = begins ? server.Numbers.Count : warm }).Allocated;
            if (warm > before)   // otherwise the first request is among what was measured
                least = Math.Min(least, allocated);
        }

        Assert.That(least, Is.Zero);
    }
}
