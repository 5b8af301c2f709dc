using Multiplex.Interop;
using Multiplex.Models;
using Multiplex.Protocols;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>Where one of several loops fails, the others are stopped, and the thread that called gets the failure.</summary>
public class SeveralLoopsTests
{
    private const int Loops = 5;

    private int _started;
    private int _ended;
    private int _ready;
    private int _stopping;

    [SetUp]
    public void Begin() => (_started, _ended, _ready, _stopping) = (0, 0, 0, 0);

    [Test]
    public void A_loop_that_cannot_start_is_named_and_the_others_end()
    {
        IOException failure = Assert.Throws<IOException>(() => Run(fails: 3, new SyscallException("epoll_create1", EMFILE), whenReady: false));
        Assert.That(failure.Message, Does.Match($"^reactor \\d of {Loops} could not be started: epoll_create1: .*EMFILE"));
        Assert.That((_started, _ended, _ready, _stopping), Is.EqualTo((Loops, Loops, 0, 0)));
    }

    [Test]
    public void A_loop_that_fails_later_is_named_and_the_others_drain()
    {
        IOException failure = Assert.Throws<IOException>(() => Run(fails: 3, new SyscallException("io_uring_enter", ENOMEM), whenReady: true));
        Assert.That(failure.Message, Does.Match($"^reactor \\d of {Loops} has failed: io_uring_enter: .*ENOMEM"));
        Assert.That((_started, _ended, _ready, _stopping), Is.EqualTo((Loops, Loops, 1, 1)));
    }

    [Test]
    public void A_mistake_of_the_program_arrives_as_it_is()
    {
        InvalidOperationException failure = Assert.Throws<InvalidOperationException>(() => Run(fails: 1, new InvalidOperationException("a mistake"), whenReady: false));
        Assert.That(failure.StackTrace, Does.Contain(nameof(RunOne)));
        Assert.That(_ended, Is.EqualTo(Loops));
    }

    // Each loop takes a number; the one with the number that fails throws, before it is ready or once all are.
    private void Run(int fails, Exception failure, bool whenReady)
    {
        using Listener listener = Listener.Open(Endpoint.Parse("tcp://127.0.0.1:0"), 16, shared: true);
        using StopSource stop = StopSignal.ByRequest();
        using ServerCounters counters = new();
        using EchoProtocol echo = new();
        using ManualResetEventSlim allReady = new();
        Service service = new([listener], echo, new(), counters, stop)
        {
            Ready = () =>
            {
                _ready++;
                allReady.Set();
            },
            Stopping = () => _stopping++,
        };
        SeveralLoops.Run(service, Loops, share => RunOne(share, fails, failure, whenReady ? allReady : null));
    }

    private void RunOne(Service share, int fails, Exception failure, ManualResetEventSlim? allReady)
    {
        int number = Interlocked.Increment(ref _started);
        try
        {
            if (number == fails && allReady is null)
                throw failure;
            share.Ready();
            if (number == fails)
            {
                Assert.That(allReady!.Wait(Eventually.Deadline), Is.True);
                throw failure;
            }

            pollfd entry = new() { fd = share.Stop.Descriptor, events = POLLIN };
            Eventually.Holds(() => poll(new Span<pollfd>(ref entry), 10).Value > 0, "the stop is passed on");
        }
        finally
        {
            Interlocked.Increment(ref _ended);
        }
    }
}
