using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Multiplexers;

namespace Multiplex.Tests.Engine;

/// <summary>The event loop on a multiplexer whose events the test makes: no descriptor is opened.</summary>
public sealed class EventLoopTests
{
    private ScriptedMultiplexer _multiplexer = null!;
    private EventLoop _loop = null!;
    private List<string> _served = null!;

    [SetUp]
    public void Start_anew()
    {
        (_multiplexer, _served) = (new(), []);
        _loop = new(_multiplexer);
    }

    [TearDown]
    public void End() => _loop.Dispose();

    [Test]
    public void Each_handler_that_is_ready_is_served_and_what_it_wants_next_is_applied_once()
    {
        Handler one = Add(5), other = Add(200);
        one.Next = new(Interest.Readable | Interest.Writable);
        Turn(new(200, Interest.Readable), new(5, Interest.Writable), new(77, Interest.Readable));
        Assert.That(_served, Is.EqualTo((string[])["200 Readable", "5 Writable"]));
        Turn(new Readiness(5, Interest.Writable));
        Assert.That(_multiplexer.Changes, Is.EqualTo((string[])["add 5 Readable", "add 200 Readable", "modify 5 Readable, Writable"]));
        Assert.That((one.Watched, other.Watched), Is.EqualTo((Interest.Readable | Interest.Writable, Interest.Readable)));
    }

    [Test]
    public void A_handler_that_wants_a_turn_has_it_in_the_next_after_those_that_are_ready_and_without_a_wait()
    {
        Handler busy = Add(5);
        Add(6);
        busy.Next = new(Interest.Readable, wantsTurn: true);
        Turn(new Readiness(5, Interest.Readable));
        Assert.That((_loop.HasWork, _multiplexer.Timeout), Is.EqualTo((true, -1)));
        busy.Next = new(Interest.Readable);
        Turn(new Readiness(6, Interest.Readable));
        Assert.That(_multiplexer.Timeout, Is.Zero);
        Assert.That(_served, Is.EqualTo((string[])["5 Readable", "6 Readable", "5 turn"]));
        Assert.That(_loop.HasWork, Is.False);
    }

    [Test]
    public void A_handler_that_is_deferred_has_one_turn_at_the_end_of_this_one()
    {
        Handler listener = Add(5);
        Add(6);
        listener.OnServed = () =>
        {
            _loop.Defer(listener);
            _loop.Defer(listener);
            listener.OnServed = null;
        };
        Turn(new(5, Interest.Readable), new(6, Interest.Readable));
        Turn();
        Assert.That(_served, Is.EqualTo((string[])["5 Readable", "6 Readable", "5 turn"]));
    }

    [Test]
    public void A_handler_that_closes_is_removed_first_and_its_turn_is_gone()
    {
        Handler handler = Add(5);
        handler.Next = new(Interest.Readable, wantsTurn: true);
        Turn(new Readiness(5, Interest.Readable));
        handler.Next = Next.Closing(CloseReason.Broken);
        Turn(new(5, Interest.Readable), new(5, Interest.Readable));
        Assert.That(_served, Is.EqualTo((string[])["5 Readable", "5 Readable", "5 closed Broken"]));
        Assert.That(_multiplexer.Changes, Does.Contain("remove 5"));
        Add(5);
        Turn(new Readiness(5, Interest.Readable));
        Assert.That(_served[^1], Is.EqualTo("5 Readable"), "the descriptor may be used again");
    }

    [Test]
    public void What_is_left_out_of_a_turn_that_was_ended_has_its_turn_in_the_next()
    {
        Handler first = Add(5), second = Add(6);
        second.Next = new(Interest.Readable, wantsTurn: true);
        Turn(new Readiness(6, Interest.Readable));
        second.Next = new(Interest.Readable);
        first.OnServed = _loop.EndTurn;
        Turn(new(5, Interest.Readable), new(6, Interest.Readable));
        Assert.That(_served, Is.EqualTo((string[])["6 Readable", "5 Readable"]));
        Turn();
        Assert.That(_served[^1], Is.EqualTo("6 turn"));
    }

    [Test]
    public void Timers_run_in_their_order_once_they_are_due_and_bound_the_wait()
    {
        _loop.At(_loop.Now + 100_000, () => _served.Add("late"));
        _loop.At(_loop.Now, () => _served.Add("second"));
        _loop.At(_loop.Now - 1, () => _served.Add("first"));
        Turn();
        Assert.That((_served, _multiplexer.Timeout), Is.EqualTo(((List<string>)["first", "second"], 0)));
        Turn();
        Assert.That(_multiplexer.Timeout, Is.InRange(1, 100_000));
        _multiplexer.Ready = [];
        _loop.Turn(until: Environment.TickCount64);
        Assert.That(_multiplexer.Timeout, Is.Zero);
    }

    [Test]
    public void A_timer_that_is_cancelled_does_not_run()
    {
        Action first = () => _served.Add("first"), second = () => _served.Add("second");
        _loop.At(_loop.Now, first);
        _loop.At(_loop.Now, second);
        Assert.That((_loop.Cancel(first), _loop.Cancel(first)), Is.EqualTo((true, false)));
        Turn();
        Assert.That(_served, Is.EqualTo((string[])["second"]));
        Assert.That(_loop.Cancel(second), Is.False, "it has run");
    }

    [Test]
    public void A_handler_that_is_removed_is_served_no_more_and_keeps_its_descriptor()
    {
        Handler handler = Add(5);
        _loop.Remove(handler);
        Turn(new Readiness(5, Interest.Readable));
        Assert.That((_served.Count, _loop.IsWatched(handler)), Is.EqualTo((0, false)));
    }

    [Test]
    public void Work_that_another_thread_posts_ends_the_wait()
    {
        using EventLoop loop = new(new PollMultiplexer());
        loop.AcceptPosts();
        int ran = 0;
        Thread thread = new(() =>
        {
            for (int i = 0; i < 1000; i++)
                loop.Post(() => ran++);
        });
        thread.Start();
        while (ran < 1000)
            loop.Turn();
        thread.Join();
        Assert.That(ran, Is.EqualTo(1000));
    }

    [Test]
    public void A_turn_of_nanoseconds_rounds_up_where_the_multiplexer_waits_for_milliseconds_and_ends_for_a_timer()
    {
        Add(5);
        _multiplexer.Ready = [new(5, Interest.Readable)];
        Assert.That((_loop.TurnWithin(1), _multiplexer.Timeout), Is.EqualTo((1, 1)));
        _multiplexer.Ready = [];
        Assert.That((_loop.TurnWithin(-1), _multiplexer.Timeout), Is.EqualTo((0, 0)));
        Assert.That((_loop.TurnWithin(2_000_001), _multiplexer.Timeout), Is.EqualTo((0, 3)));
        _loop.At(_loop.Now, () => _served.Add("timer"));
        Assert.That((_loop.TurnWithin(long.MaxValue), _multiplexer.Timeout), Is.EqualTo((0, 0)), "the timer is due");
        Assert.That(_served, Is.EqualTo((string[])["5 Readable", "timer"]));
    }

    [Test]
    public void On_epoll_a_turn_ends_as_soon_as_its_nanoseconds_are_over()
    {
        using EventLoop loop = new(new EpollMultiplexer());
        long began = Stopwatch.GetTimestamp();
        Assert.That(loop.TurnWithin(200_000), Is.Zero);
        Assert.That(Stopwatch.GetElapsedTime(began), Is.GreaterThanOrEqualTo(TimeSpan.FromMicroseconds(200)));
    }

    private Handler Add(int descriptor)
    {
        Handler handler = new(descriptor, _served);
        _loop.Add(handler, Interest.Readable);
        return handler;
    }

    private void Turn(params Readiness[] ready)
    {
        _multiplexer.Ready = ready;
        _loop.Turn();
    }

    private sealed class Handler(int descriptor, List<string> served) : LoopHandler(descriptor)
    {
        public Next Next { get; set; } = new(Interest.Readable);

        public Action? OnServed { get; set; }

        public override Next OnReady(Interest ready) => Serve($"{ready}");

        public override Next OnTurn() => Serve("turn");

        public override void OnClosed(CloseReason reason) => Serve($"closed {reason}");

        private Next Serve(string what)
        {
            served.Add($"{Descriptor} {what}");
            OnServed?.Invoke();
            return Next;
        }
    }

    private sealed class ScriptedMultiplexer : IMultiplexer
    {
        public Readiness[] Ready { get; set; } = [];

        public int Timeout { get; private set; }

        public List<string> Changes { get; } = [];

        public int DescriptorLimit => int.MaxValue;

        public void Add(int fd, Interest interest) => Changes.Add($"add {fd} {interest}");

        public void Modify(int fd, Interest interest) => Changes.Add($"modify {fd} {interest}");

        public void Remove(int fd) => Changes.Add($"remove {fd}");

        public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
        {
            Timeout = timeoutMilliseconds;
            Ready.CopyTo(ready);
            return Ready.Length;
        }

        public void Dispose()
        {
        }
    }
}
