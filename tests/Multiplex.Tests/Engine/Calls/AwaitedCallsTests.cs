using System.Text;
using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine.Calls;

/// <summary>Late replies of a session, without a socket: the test is the peer, and completes the calls.</summary>
public sealed class AwaitedCallsTests
{
    private readonly Queue<Action> _posted = new();
    private ServerCounters _counters = null!;
    private LineProtocol _protocol = null!;
    private SessionContext _loop = null!;
    private Session _session = null!;

    [SetUp]
    public void Start_anew()
    {
        _counters = new();
        Serve(new());
    }

    [TearDown]
    public void Give_everything_back()
    {
        _session.Release(_loop);
        _counters.Dispose();
    }

    [Test]
    public void In_the_order_of_the_calls_a_reply_holds_up_those_behind_it()
    {
        Assert.That(Receive("one\n&two\nthree\n&four\nfive\n"), Is.EqualTo("ONE\n"));
        Assert.That((_session.IsAtWork, _session.WantsInput(_loop.Options), _session.Closed), Is.EqualTo((true, true, (CloseReason?)null)));
        Assert.That(Answer(1), Is.Empty, "the second call");
        Assert.That(Receive("six\n"), Is.Empty);
        Assert.That(Answer(0), Is.EqualTo("&TWO\nTHREE\n&FOUR\nFIVE\nSIX\n"));
        Assert.That(Receive("seven\n"), Is.EqualTo("SEVEN\n"));
        Assert.That((_session.IsAtWork, _session.IsAtRest, _session.Memory), Is.EqualTo((false, true, 0L)));
    }

    [Test]
    public void In_any_order_a_reply_leaves_when_it_is_there()
    {
        Serve(new(), ReplyOrder.Any);
        Assert.That(Receive("one\n&two\nthree\n&four\nfive\n"), Is.EqualTo("ONE\nTHREE\nFIVE\n"));
        Assert.That(Answer(1), Is.EqualTo("&FOUR\n"));
        Assert.That(Answer(0), Is.EqualTo("&TWO\n"));
    }

    [Test]
    public void Replies_that_are_held_up_stay_messages()
    {
        Serve(new(), kind: EndpointKind.UnixPacket);
        foreach (string message in (string[])["&one", "two", "&three", "four"])
            Assert.That(Receive(message), Is.Empty);
        Assert.That(Answer(1), Is.Empty);
        _protocol.Late[0].Answer();
        RunPosted();
        foreach (string message in (string[])["&ONE", "TWO", "&THREE", "FOUR"])
            Assert.That(Take(), Is.EqualTo(message));
        Assert.That((_session.PendingBytes, _session.Memory), Is.EqualTo((0, 0L)));
    }

    [TestCase(ReplyOrder.Calls, "&ONE\nTWO\n")]
    [TestCase(ReplyOrder.Any, "TWO\n&ONE\n")]
    public void A_reply_that_is_there_already_waits_for_those_before_it_only(ReplyOrder order, string replies)
    {
        Serve(new(), order, onLate: late =>
        {
            if (_protocol.Late.Count != 2)
                late.Answer();
        });
        Assert.That(Receive("&zero\n"), Is.EqualTo("&ZERO\n"), "it is the first");
        string sent = Receive("&one\ntwo\n");
        Assert.That(sent + Answer(1), Is.EqualTo(replies));
        Assert.That(Receive("&three\nfour\n"), Is.EqualTo("&THREE\nFOUR\n"));
        Assert.That(_counters[Counter.CallsInFlight], Is.Zero);
    }

    [Test]
    public void Past_the_limit_requests_wait_until_a_reply_has_come()
    {
        Serve(new() { MaxAsyncCallsPerConnection = 2 }, ReplyOrder.Any);
        Assert.That(Receive("&one\n&two\n&three\nfour\n"), Is.Empty);
        Assert.That((_protocol.Late.Count, _session.AwaitsLate, _session.MayMissTheEnd, _session.WantsInput(_loop.Options)), Is.EqualTo((2, true, true, false)));
        Assert.That(_session.WantsTurn(_loop.Options), Is.False);
        Assert.That(Answer(1), Is.EqualTo("&TWO\n"));
        Assert.That((_session.AwaitsLate, _session.WantsTurn(_loop.Options)), Is.EqualTo((false, true)));
        _session.Continue(_loop);
        Assert.That((Take(), _protocol.Late.Count, _session.AwaitsLate), Is.EqualTo(("", 3, true)), "four waits too");
        Assert.That(Answer(0) + Answer(2), Is.EqualTo("&ONE\n&THREE\n"));
        _session.Continue(_loop);
        Assert.That((Take(), _session.WantsInput(_loop.Options)), Is.EqualTo(("FOUR\n", true)));
        Assert.That(_counters[Counter.CallsInFlightFull], Is.EqualTo(2));
    }

    [Test]
    public void A_session_without_a_call_in_flight_may_have_one_however_many_others_have()
    {
        Serve(new() { MaxAsyncCalls = 1 });
        _counters.Add(Counter.CallsInFlight, 5);
        Receive("&one\n&two\n");
        Assert.That((_protocol.Late.Count, _session.AwaitsLate), Is.EqualTo((1, true)));
        Assert.That(Answer(0), Is.EqualTo("&ONE\n"));
        _session.Continue(_loop);
        Assert.That(_protocol.Late, Has.Count.EqualTo(2));
        _counters.Add(Counter.CallsInFlight, -5);
    }

    [Test]
    public void What_is_held_up_counts_as_memory_and_has_a_limit()
    {
        Serve(new() { MaxPendingOutput = 1000 });
        string line = new string('x', 400) + "\n";
        Receive("&one\n" + line + line);
        Assert.That((_session.AwaitsLate, _session.Memory), Is.EqualTo((false, 2L * line.Length)));
        Receive(line + line);
        Assert.That((_session.AwaitsLate, _session.RequestsWait), Is.EqualTo((false, false)), "it is looked at before a request, not behind it");
        Receive(line);
        Assert.That((_session.AwaitsLate, _session.RequestsWait), Is.EqualTo((true, true)));
        Assert.That(Answer(0), Has.Length.EqualTo("&one\n".Length + (4 * line.Length)));
        _session.Continue(_loop);
        Assert.That((Take().Length, _session.Memory), Is.EqualTo((line.Length, 0L)));
    }

    [Test]
    public void A_thread_that_waits_sends_the_replies_before_first()
    {
        Serve(new(), waits: true, onLate: late =>
        {
            if (_protocol.Late.Count == 2)
                late.Answer();
        });
        Assert.That((Receive("one\n&two\n&three\nfour\n"), _session.RequestsWait), Is.EqualTo(("ONE\n", true)));
        Background<bool> completer = Background.Run(() =>
        {
            Eventually.Holds(() => _counters[Counter.CallsInFlight] == 1, "the thread does not wait for the call");
            _protocol.Late[0].Answer();
        });
        _session.Continue(_loop);
        completer.Result();
        Assert.That((Take(), _session.RequestsWait), Is.EqualTo(("&TWO\n", true)));
        _session.Continue(_loop);
        Assert.That((Take(), _session.IsAtRest), Is.EqualTo(("&THREE\nFOUR\n", true)));
    }

    [Test]
    public void A_peer_that_shuts_down_its_side_gets_its_replies_and_one_that_hangs_up_has_its_calls_cancelled([Values] bool hangsUp)
    {
        Serve(new() { MaxAsyncCallsPerConnection = 1 });
        Receive("&one\n&two\n");
        _session.GetReceiveBuffer(_loop);
        _session.Received(0, _loop);
        Assert.That((_session.HasCallsInFlight, _session.MayMissTheEnd, _session.Closed), Is.EqualTo((true, true, (CloseReason?)null)));
        if (hangsUp)
            _session.PeerHungUp();
        Assert.That(Answer(0), Is.EqualTo("&ONE\n"));
        _session.Continue(_loop);
        Assert.That(_protocol.Late, Has.Count.EqualTo(2).And.All.Property("Cancelled").Matches<List<bool>>(hangsUp ? one => one!.Contains(true) : one => one!.Count == 0));
        Assert.That((Answer(1), _session.Closed), Is.EqualTo(("&TWO\n", CloseReason.Finished)));
    }

    [Test]
    public void A_server_that_ends_cancels_calls_of_peers_that_are_there()
    {
        Receive("&one\n");
        _session.BeginDrain(0);
        Assert.That((_protocol.Late[0].Cancelled, _session.Closed), Is.EqualTo((Array.Empty<bool>(), (CloseReason?)null)), "it has time to drain");
        _session.CancelLate(hasEnded: false);
        Assert.That(_protocol.Late[0].Cancelled, Is.EqualTo((bool[])[false]));
        Assert.That((Answer(0), _session.Closed), Is.EqualTo(("&ONE\n", CloseReason.Finished)));
    }

    [Test]
    public void A_reply_for_a_connection_that_is_closed_is_dropped()
    {
        Receive("&one\ntwo\n");
        _session.Release(_loop);
        Assert.That((_protocol.Late[0].Cancelled, _session.Memory), Is.EqualTo((new[] { true }, 0L)));
        Assert.That((Answer(0), _protocol.Late[0].Reply.Length, _session.PendingBytes), Is.EqualTo(("", 0, 0)));
        Assert.That(_counters[Counter.CallsInFlight], Is.Zero);
    }

    private void Serve(
        ServerOptions options, ReplyOrder order = ReplyOrder.Calls, EndpointKind kind = EndpointKind.Tcp, bool waits = false, Action<LineProtocol.LateLine>? onLate = null)
    {
        _protocol = onLate is null ? new() { ReplyOrder = order } : new() { ReplyOrder = order, OnLate = onLate };
        _loop = new(_protocol, options, _counters)
        {
            Late = waits ? null : new(_posted.Enqueue, options, _counters),
            Wait = waits ? new(_counters) : null,
        };
        Owner owner = new();
        _session = owner.Session = new(PeerAddress.Of(kind, new byte[16], -1), owner);
        owner.Loop = _loop;
    }

    // The peer sends this, and receives all replies at once.
    private string Receive(string bytes)
    {
        Encoding.ASCII.GetBytes(bytes, _session.GetReceiveBuffer(_loop));
        _session.Received(bytes.Length, _loop);
        return Take();
    }

    private string Take()
    {
        ReadOnlySpan<byte> pending = _session.Pending(_loop);
        string taken = Encoding.ASCII.GetString(pending);
        _session.Sent(pending.Length, _loop);
        return taken;
    }

    // Completes the call with this index, and returns what the peer gets.
    private string Answer(int index)
    {
        _protocol.Late[index].Answer();
        RunPosted();
        return Take();
    }

    private void RunPosted()
    {
        while (_posted.TryDequeue(out Action? work))
            work();
    }

    private sealed class Owner : ILateOwner
    {
        public Session Session { get; set; } = null!;

        public SessionContext Loop { get; set; } = null!;

        public void Complete(LateReply reply) => Session.Complete(reply, Loop);
    }
}
