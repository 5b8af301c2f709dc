using System.Text;
using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Multiplexers;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Engine.Calls;

/// <summary>Requests of a session that workers run, without a socket: the test is the peer, and decides when the loop sees a reply.</summary>
public sealed class WorkItemsTests
{
    private readonly Completed _completed = new();
    private ServerCounters _counters = null!;
    private EventLoop _events = null!;
    private LineProtocol _protocol = null!;
    private WorkerPool _workers = null!;
    private SessionContext _loop = null!;
    private Session _session = null!;

    [SetUp]
    public void Start_anew()
    {
        _counters = new();
        _events = new(new PollMultiplexer());
        _completed.Items.Clear();
    }

    [TearDown]
    public void Give_everything_back()
    {
        _workers.Dispose();
        _events.Dispose();
        _counters.Dispose();
    }

    [TestCase(ReplyOrder.Calls, "ONE\n~TWO\nTHREE\n")]
    [TestCase(ReplyOrder.Any, "THREE\n~TWO\nONE\n")]
    public void Replies_leave_in_the_order_that_the_protocol_says(ReplyOrder order, string replies)
    {
        Serve(order);
        Receive("one\n~two\nthree\nha");
        Assert.That((Take(), _session.IsAtWork, _session.UnansweredBytes), Is.EqualTo(("", true, 2)));
        AwaitRun(3);
        _session.BeginDrain(0);
        foreach (WorkItem item in Enumerable.Reverse(_completed.Items).ToArray())
        {
            Assert.That(_session.Closed, Is.Null);
            _session.Complete(item, _loop);
        }

        Assert.That((Take(), _session.Closed, _session.IsAtWork), Is.EqualTo((replies, CloseReason.Finished, false)));
    }

    [TestCase(ReplyOrder.Calls, "ONE\n")]
    [TestCase(ReplyOrder.Any, "ONE\nTHREE\n")]
    public void Behind_a_malformed_request_nothing_is_run_and_where_the_order_counts_no_reply_leaves(ReplyOrder order, string replies)
    {
        Serve(order, new() { MaxCallsInProgress = 3 });
        Receive("one\n?two\nthree\nfour\nfive\n");
        AwaitRun(3);
        Assert.That((_session.RequestsWait, _protocol.Answered), Is.EqualTo((true, 3)));
        _session.Complete(_completed.Items[0], _loop);
        foreach (WorkItem item in _completed.Items.Skip(1).ToArray())
        {
            _session.Complete(item, _loop);
            _session.Continue(_loop);
        }

        Assert.That(_session.WantsInput(_loop.Options), Is.False);
        Assert.That((Take(), _session.Closed, _protocol.Answered), Is.EqualTo((replies, CloseReason.Malformed, 3)));
        Assert.That((_counters[Counter.ProtocolErrors], _session.Memory, _workers.IsBusy), Is.EqualTo((1L, 0L, false)));
    }

    [Test]
    public void Requests_past_the_limit_wait_until_a_reply_has_left()
    {
        Serve(ReplyOrder.Calls, new() { MaxCallsInProgress = 2 });
        Receive("one\ntwo\nthree\n");
        Assert.That((_session.RequestsWait, _session.WantsTurn(_loop.Options)), Is.EqualTo((true, false)));
        AwaitRun(2);
        _session.Complete(_completed.Items[1], _loop);
        _session.Continue(_loop);
        Assert.That((Take(), _session.RequestsWait), Is.EqualTo(("", true)), "the reply to the first is awaited");
        _session.Complete(_completed.Items[0], _loop);
        Assert.That(Take(), Is.EqualTo("ONE\nTWO\n"));
        _session.Continue(_loop);
        AwaitRun(3);
        _session.Complete(_completed.Items[2], _loop);
        Assert.That((Take(), _session.IsAtRest), Is.EqualTo(("THREE\n", true)));
    }

    [Test]
    public void A_long_reply_is_sent_from_where_it_stands()
    {
        Serve(ReplyOrder.Calls);
        string line = new string('x', 100_000) + "\n";
        for (int start = 0; start < line.Length;)
        {
            int length = Math.Min(_session.GetReceiveBuffer(_loop).Length, line.Length - start);
            Receive(line.Substring(start, length));
            start += length;
        }

        AwaitRun(1);
        _session.Complete(_completed.Items[0], _loop);
        Assert.That((_session.PendingBytes, _loop.Replies.Length), Is.EqualTo((0, line.Length)));
        Assert.That((Take().Length, _session.Memory), Is.EqualTo((line.Length, 0L)));
    }

    [Test]
    public void A_request_that_a_worker_has_run_for_a_connection_that_is_closed_is_dropped([Values] ReplyOrder order)
    {
        Serve(order);
        Receive("one\ntwo\n");
        AwaitRun(2);
        _session.Release(_loop);
        foreach (WorkItem item in _completed.Items)
        {
            Assert.That(_workers.IsBusy, Is.True);
            _session.Complete(item, _loop);
        }

        Assert.That((_workers.IsBusy, _session.Memory, _session.HasEnded), Is.EqualTo((false, 0L, true)));
    }

    [Test]
    public void A_reply_that_waited_for_its_turn_is_dropped_with_its_connection()
    {
        Serve(ReplyOrder.Calls);
        Receive("one\ntwo\n");
        AwaitRun(2);
        _session.Complete(_completed.Items[1], _loop);
        _session.Release(_loop);
        Assert.That(_workers.IsBusy, Is.True);
        _session.Complete(_completed.Items[0], _loop);
        Assert.That((_workers.IsBusy, Take()), Is.EqualTo((false, "")));
    }

    private void Serve(ReplyOrder order, ServerOptions? options = null)
    {
        _protocol = new() { ReplyOrder = order };
        options = (options ?? new()) with { Workers = 1 };
        _workers = new(_events, _protocol, options, _counters);
        _workers.Start();
        _loop = new(_protocol, options, _counters) { Workers = _workers };
        _session = new(PeerAddress.Of(EndpointKind.Tcp, new byte[16], -1), _completed);
    }

    private void Receive(string bytes)
    {
        Encoding.ASCII.GetBytes(bytes, _session.GetReceiveBuffer(_loop));
        _session.Received(bytes.Length, _loop);
    }

    private string Take()
    {
        ReadOnlySpan<byte> pending = _session.Pending(_loop);
        string taken = Encoding.ASCII.GetString(pending);
        _session.Sent(pending.Length, _loop);
        return taken;
    }

    private void AwaitRun(int count)
    {
        while (_completed.Items.Count < count)
            _events.Turn();
    }

    private sealed class Completed : IReplyTarget, ILateOwner
    {
        public List<WorkItem> Items { get; } = [];

        public void Complete(WorkItem item) => Items.Add(item);

        public void Complete(LateReply reply) => Assert.Fail("nothing here comes late");
    }
}
