using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests;

public class StopSignalTests
{
    [Test]
    public void Its_descriptor_is_readable_only_after_a_request()
    {
        using StopSource stop = StopSignal.ByRequest();
        Assert.That(IsReadable(stop), Is.False);
        Assert.That(stop.Requests(), Is.Zero);
        stop.Request();
        Assert.That(IsReadable(stop), Is.True);
        Assert.That(stop.Requests(), Is.EqualTo(1));
        Assert.That(IsReadable(stop), Is.False, "the request has been read");
    }

    [Test]
    public void Requests_add_up()
    {
        using StopSource stop = StopSignal.ByRequest();
        stop.Request();
        Assert.That(stop.Requests(), Is.EqualTo(1));
        Assert.That(stop.Requests(), Is.EqualTo(1));
        stop.Request();
        stop.Request();
        Assert.That(stop.Requests(), Is.EqualTo(3));
    }

    [Test]
    public void Another_thread_may_request()
    {
        using StopSource stop = StopSignal.ByRequest();
        Background<bool> requester = Background.Run(stop.Request);
        pollfd entry = new() { fd = stop.Descriptor, events = POLLIN };
        Assert.That(poll(new Span<pollfd>(ref entry), 30_000).OrThrow("poll"), Is.EqualTo(1));
        Assert.That(stop.Requests(), Is.EqualTo(1));
        requester.Result();
    }

    [TestCase(SIGTERM)]
    [TestCase(SIGINT)]
    public void A_blocked_signal_is_a_request(int signal)
    {
        // To this thread alone: the test does not change which other threads block it.
        Background<(bool, bool, int, bool)> thread = Background.Run(() =>
        {
            pthread_sigmask(SIG_BLOCK, sigset_t.Of(signal), out _).OrThrow("pthread_sigmask");
            using StopSignal stop = StopSignal.BySignal();
            bool before = IsReadable(stop);
            InterruptibleThread.Send(gettid(), signal);
            return (before, IsReadable(stop), stop.Requests(), IsReadable(stop));
        });
        Assert.That(thread.Result(), Is.EqualTo((false, true, 1, false)));
    }

    [Test]
    public void Disposing_closes_the_descriptor()
    {
        StopSource stop = StopSignal.ByRequest();
        Assert.That(fcntl(stop.Descriptor, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
        stop.Dispose();
        Assert.That(fcntl(stop.Descriptor, F_GETFD).Errno, Is.EqualTo(EBADF));
    }

    private static bool IsReadable(StopSignal stop)
    {
        pollfd entry = new() { fd = stop.Descriptor, events = POLLIN };
        return poll(new Span<pollfd>(ref entry), 0).OrThrow("poll") == 1;
    }
}
