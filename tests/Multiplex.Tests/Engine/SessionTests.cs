using System.Text;
using Multiplex.Engine;
using Multiplex.Multiplexers;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using Multiplex.Transports;

namespace Multiplex.Tests.Engine;

/// <summary>A connection's state machine, without a socket: the test is the peer and the kernel.</summary>
public sealed class SessionTests
{
    private ServerCounters _counters = null!;
    private SessionContext _loop = null!;
    private Session _session = null!;
    private StringBuilder _sent = null!;

    [SetUp]
    public void Start_anew()
    {
        _counters = new();
        Start(new());
    }

    [TearDown]
    public void Give_the_counters_back() => _counters.Dispose();

    [Test]
    public void A_request_in_three_pieces_is_answered_with_the_last()
    {
        _loop.Now = 1000;
        Receive("on");
        Assert.That((Sent, _session.RequestSince), Is.EqualTo(("", 1000L)));
        _loop.Now = 2000;
        Receive("e an");
        Assert.That((Sent, _session.RequestSince), Is.EqualTo(("", 1000L)), "the time that a request may take runs from its first byte");
        Receive("d a half\n");
        Assert.That((Sent, _session.RequestSince, _session.Memory), Is.EqualTo(("ONE AND A HALF\n", 0L, 0L)));
    }

    [Test]
    public void Requests_that_came_together_are_answered_together()
    {
        Receive("one\ntwo\nthree\nfo", sendEach: int.MaxValue);
        Assert.That((Sent, _sends), Is.EqualTo(("ONE\nTWO\nTHREE\n", 1)));
        Receive("ur\n");
        Assert.That(Sent, Is.EqualTo("ONE\nTWO\nTHREE\nFOUR\n"));
    }

    [Test]
    public void A_turn_has_an_end_and_the_next_goes_on()
    {
        const int Requests = SessionContext.RequestsInATurn + 1;
        Receive(string.Concat(Enumerable.Repeat("a\n", Requests)));
        Assert.That((Sent.Length, _session.RequestsWait), Is.EqualTo((2 * SessionContext.RequestsInATurn, true)));
        Assert.That((_session.WantsTurn(_loop.Options), _session.Wants(_loop.Options)), Is.EqualTo((true, Interest.Readable)));
        Continue();
        Assert.That((Sent.Length, _session.RequestsWait, _session.Memory), Is.EqualTo((2 * Requests, false, 0L)));
    }

    [Test]
    public void What_is_ready_is_sent_before_a_request_that_may_take_long()
    {
        Receive("one\n~two\nthree\n");
        Assert.That((Sent, _session.RequestsWait), Is.EqualTo(("ONE\n", true)));
        Continue();
        Assert.That((Sent, _session.RequestsWait), Is.EqualTo(("ONE\n~TWO\n", true)));
        Continue();
        Assert.That((Sent, _session.RequestsWait), Is.EqualTo(("ONE\n~TWO\nTHREE\n", false)));
    }

    [Test]
    public void A_peer_that_shuts_down_its_side_gets_every_reply_first()
    {
        Receive("one\ntwo\n", sendEach: 0);
        End();
        Assert.That((_session.Closed, _session.Wants(_loop.Options)), Is.EqualTo(((CloseReason?)null, Interest.Writable)));
        Send();
        Assert.That((Sent, _session.Closed), Is.EqualTo(("ONE\nTWO\n", CloseReason.Finished)));
    }

    [Test]
    public void A_peer_that_ends_in_the_middle_of_a_request_is_finished()
    {
        Receive("ha");
        End();
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Finished));
        _session.Release(_loop);
        Assert.That(_session.Memory, Is.Zero);
    }

    [Test]
    public void What_came_before_a_malformed_request_is_answered()
    {
        Receive("one\n!bad\ntwo\n", sendEach: 2);
        Assert.That((_session.Closed, _session.WantsInput(_loop.Options)), Is.EqualTo(((CloseReason?)null, false)));
        Send();
        Assert.That((Sent, _session.Closed), Is.EqualTo(("ONE\n", CloseReason.Malformed)));
        Assert.That(_counters[Counter.ProtocolErrors], Is.EqualTo(1));
    }

    [Test]
    public void Past_the_mark_nothing_is_received_until_the_peer_has_taken_half()
    {
        Start(new() { MaxPendingOutput = 8 });
        Receive("one\ntwo\nthree\nfour\n", sendEach: 0);
        Assert.That((_session.PendingBytes, _session.RequestsWait, _counters[Counter.Throttled]), Is.EqualTo((8, true, 1L)));
        Assert.That(_session.Wants(_loop.Options), Is.EqualTo(Interest.Writable));
        TakeAndContinue(2);
        Assert.That((_session.PendingBytes, _session.RequestsWait), Is.EqualTo((6, true)), "more than half is pending");
        TakeAndContinue(2);
        Assert.That(_session.RequestsWait, Is.False);
        Assert.That(_session.PendingBytes, Is.EqualTo("TWO\nTHREE\nFOUR\n".Length));
        Assert.That(_session.WantsInput(_loop.Options), Is.False, "too much is pending again");
        Send();
        Assert.That((Sent, _session.Wants(_loop.Options), _session.Memory), Is.EqualTo(("ONE\nTWO\nTHREE\nFOUR\n", Interest.Readable, 0L)));
    }

    [Test]
    public void A_drain_answers_what_had_arrived_and_drops_half_a_request()
    {
        _session.BeginDrain("one\nha".Length);
        Assert.That((_session.Closed, _session.WantsTurn(_loop.Options)), Is.EqualTo(((CloseReason?)null, true)));
        Receive("one\nha");
        Assert.That((Sent, _session.Closed), Is.EqualTo(("ONE\n", CloseReason.Finished)));
    }

    [Test]
    public void A_drain_with_nothing_unread_is_the_end()
    {
        Receive("ha");
        _session.BeginDrain(0);
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Finished));
    }

    [Test]
    public void A_drain_waits_for_requests_that_wait_and_for_replies()
    {
        Receive("one\n~two\n", sendEach: 0);
        _session.BeginDrain(0);
        Assert.That(_session.Closed, Is.Null);
        Send();
        Continue();
        Assert.That((Sent, _session.Closed), Is.EqualTo(("ONE\n~TWO\n", CloseReason.Finished)));
    }

    [Test]
    public void A_drain_ends_when_less_is_there_than_was_said_to_have_arrived()
    {
        _session.BeginDrain(100);
        End();
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Finished));
    }

    [Test]
    public void Each_message_is_a_request_and_each_reply_a_message()
    {
        Start(new(), EndpointKind.UnixPacket);
        foreach (string message in (string[])["one", "-silent", "two"])
            Receive(message, sendEach: 0);
        Assert.That(_session.Wants(_loop.Options), Is.EqualTo(Interest.Readable | Interest.Writable));
        Assert.That(Encoding.ASCII.GetString(_session.Pending(_loop)), Is.EqualTo("ONE"), "their boundaries are kept while they are pending");
        _session.Sent(3, _loop);
        Assert.That(Encoding.ASCII.GetString(_session.Pending(_loop)), Is.EqualTo("TWO"));
        _session.Sent(3, _loop);
        End();
        Assert.That((_session.Closed, _session.Memory), Is.EqualTo((CloseReason.Finished, 0L)));
    }

    [Test]
    public void A_message_that_is_no_request_or_does_not_fit_closes_the_connection()
    {
        Start(new(), EndpointKind.UnixPacket);
        Receive("?");
        Assert.That((Sent, _session.Closed), Is.EqualTo(("", CloseReason.Malformed)));
        Start(new(), EndpointKind.UnixPacket);
        _session.Received(_session.GetReceiveBuffer(_loop).Length + 1, _loop);
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Malformed));
        Assert.That(_counters[Counter.ProtocolErrors], Is.EqualTo(2));
    }

    [Test]
    public void What_the_kernel_has_received_by_itself_is_answered_where_it_stands_or_kept()
    {
        _session.ReceivedElsewhere("one\nha"u8, _loop, isAnswered: true);
        Send();
        Assert.That((Sent, _session.UnansweredBytes), Is.EqualTo(("ONE\n", 2)));
        _session.ReceivedElsewhere("lf\n"u8, _loop, isAnswered: false);
        _session.ReceivedElsewhere("three\n"u8, _loop, isAnswered: true);
        Assert.That((Sent, _session.RequestsWait, _session.UnansweredBytes), Is.EqualTo(("ONE\n", true, 11)), "the order is kept");
        Continue();
        Assert.That((Sent, _session.RequestsWait, _session.Memory), Is.EqualTo(("ONE\nHALF\nTHREE\n", false, 0L)));
        End();
        _session.ReceivedElsewhere("late\n"u8, _loop, isAnswered: true);
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Finished));
    }

    [Test]
    public void Replies_in_a_batch_with_those_of_others_are_kept_when_they_fall_short()
    {
        _loop.Replies.Write("of another session"u8);
        _loop.FreshStart = _loop.Replies.Length;
        _session.ReceivedElsewhere("one\ntwo\n"u8, _loop, isAnswered: true);
        Assert.That(Encoding.ASCII.GetString(_session.Pending(_loop)), Is.EqualTo("ONE\nTWO\n"));
        _session.FellShort("TWO\n"u8, _loop);
        _loop.FreshStart = _loop.Replies.Length;
        _session.ReceivedElsewhere("three\n"u8, _loop, isAnswered: true);
        Assert.That(Encoding.ASCII.GetString(_session.Pending(_loop)), Is.EqualTo("TWO\nTHREE\n"), "what comes later is pending behind it");
        Assert.That(_loop.Fresh.Length, Is.Zero);
    }

    [Test]
    public void However_a_stream_is_cut_and_however_little_the_peer_takes_the_replies_are_the_same([Range(1, 20)] int seed)
    {
        const int Requests = 300, LongestLine = 40, LongestPiece = 100, MostTaken = 30, SlowOnes = 10;
        Random random = new(seed);
        Start(new() { MaxPendingOutput = 64 });
        string all = string.Concat(Enumerable.Range(0, Requests).Select(i =>
            $"{(random.Next(SlowOnes) == 0 ? "~" : "")}{new string((char)('a' + (i % 26)), random.Next(LongestLine))}\n"));
        for (int at = 0; _session.Closed is null;)
        {
            if (_session.WantsInput(_loop.Options))
                at += ReceivePiece(all.AsSpan(at, Math.Min(random.Next(1, LongestPiece), all.Length - at)), random.Next(3));
            Send(random.Next(MostTaken));
            _session.Continue(_loop);
            Send(random.Next(MostTaken));
        }

        Assert.That((Sent, _session.Closed), Is.EqualTo((all.ToUpperInvariant(), CloseReason.Finished)));
        Assert.That(_session.Memory, Is.Zero);
    }

    [Test]
    public void A_connection_is_silent_late_or_stalled_after_its_time()
    {
        ServerOptions options = new()
        {
            IdleTimeout = TimeSpan.FromSeconds(10),
            RequestTimeout = TimeSpan.FromSeconds(5),
            DrainStall = TimeSpan.FromSeconds(2),
        };
        _loop.Now = 1000;
        Receive("ha");
        Assert.That((IdleSweep.IsSilent(_session, 11_000, options), IdleSweep.IsSilent(_session, 11_001, options)), Is.EqualTo((false, true)));
        Assert.That(IdleSweep.IsLate(_session, isReceiving: true, asOf: 5999, options), Is.False);
        Assert.That(IdleSweep.IsLate(_session, isReceiving: true, asOf: 6000, options), Is.True);
        Assert.That(IdleSweep.IsLate(_session, isReceiving: false, asOf: 6000, options), Is.False, "the server does not receive");
        Assert.That(IdleSweep.IsLate(_session, isReceiving: true, asOf: 6001, options), Is.False, "the time has begun anew");
        Receive("lf\n", sendEach: 0);
        Assert.That((IdleSweep.IsStalled(_session, 3000, options), IdleSweep.IsStalled(_session, 3001, options)), Is.EqualTo((false, true)));
        Assert.That(IdleSweep.IsLate(_session, isReceiving: true, asOf: 100_000, options), Is.False, "no request is awaited");
    }

    [Test]
    public void A_long_request_gathers_in_memory_that_follows_what_has_come()
    {
        string line = new string('x', 1 << 20) + "\n";
        for (int start = 0; start < line.Length;)
        {
            int room = Math.Min(_session.GetReceiveBuffer(_loop).Length, line.Length - start);
            Receive(line.Substring(start, room));
            start += room;
            Assert.That(_session.Memory, Is.LessThanOrEqualTo(Math.Max(8L * start, MessageSize.LongestTaken)));
        }

        Assert.That((Sent.Length, _session.Memory), Is.EqualTo((line.Length, 0L)));
    }

    [Test]
    public void An_idle_connection_owns_no_memory_and_few_bytes()
    {
        const int Most = 256;   // bytes, with the session and the peer's address
        using EventLoop events = new(new PollMultiplexer());
        using StopSignal stop = StopSignal.ByRequest();
        using LoopServer server = new(new([], new LineProtocol(), new(), _counters, stop), events);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Connection connection = new(0, PeerAddress.Of(EndpointKind.Tcp, "as long as IPv4."u8, -1), server);
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That((connection.Session.Memory, bytes), Is.EqualTo((0L, bytes)));
        Assert.That(bytes, Is.LessThanOrEqualTo(Most));
    }

    [Test]
    public void A_request_allocates_nothing()
    {
        byte[] request = "request\n"u8.ToArray();
        AllocationRounds rounds = new();
        for (int i = 0; rounds.Next(); i++)
        {
            request.CopyTo(_session.GetReceiveBuffer(_loop));
            _session.Received(i % 2 == 0 ? 5 : request.Length, _loop);   // half of them are cut
            if (!_session.Pending(_loop).IsEmpty)
                _session.Sent(Math.Max(0, _session.Pending(_loop).Length - (i % 3)), _loop);
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    private string Sent => _sent.ToString();

    private int _sends;

    private void Start(ServerOptions options, EndpointKind kind = EndpointKind.Tcp)
    {
        _loop = new(new LineProtocol(), options, _counters);
        _session = new(PeerAddress.Of(kind, new byte[16], -1));
        _sent = new();
        _sends = 0;
    }

    // The peer sends this, and receives at most so many bytes of the replies at each send.
    private void Receive(string bytes, int sendEach = int.MaxValue)
    {
        Encoding.ASCII.GetBytes(bytes, _session.GetReceiveBuffer(_loop));
        _session.Received(bytes.Length, _loop);
        Send(sendEach);
    }

    // Receives as a loop does, or as io_uring does, with time to answer or without; then the end of file.
    private int ReceivePiece(ReadOnlySpan<char> piece, int how)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(piece.ToString());
        if (how > 0 && bytes.Length > 0)
        {
            _session.ReceivedElsewhere(bytes, _loop, isAnswered: how == 1);
        }
        else
        {
            bytes.CopyTo(_session.GetReceiveBuffer(_loop));
            _session.Received(bytes.Length, _loop);
        }

        return bytes.Length;
    }

    private void End()
    {
        _session.GetReceiveBuffer(_loop);
        _session.Received(0, _loop);
    }

    private void Continue()
    {
        _session.Continue(_loop);
        Send();
    }

    private void TakeAndContinue(int bytes)
    {
        Send(bytes);
        _session.Continue(_loop);
        Send(0);
    }

    private void Send(int atMost = int.MaxValue)
    {
        ReadOnlySpan<byte> pending = _session.Pending(_loop);
        if (pending.IsEmpty)
            return;
        pending = pending[..Math.Min(atMost, pending.Length)];
        _sent.Append(Encoding.ASCII.GetString(pending));
        _sends++;
        _session.Sent(pending.Length, _loop);
    }
}
