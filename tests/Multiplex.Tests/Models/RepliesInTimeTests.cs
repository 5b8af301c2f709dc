using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>When replies are sent, on models that serve many connections in one turn of a loop.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class RepliesInTimeTests(ReactorEntry entry) : ReactorFixture(entry)
{
    [Test]
    public void A_reply_does_not_wait_for_a_long_call_of_another_that_came_at_the_same_time()
    {
        using ManualResetEventSlim bothAreThere = new(), oneIsAnswered = new();
        bool inTime = false;
        Steps steps = new(
            () => Assert.That(bothAreThere.Wait(Eventually.Deadline), Is.True),
            LetTimePass,
            () => inTime = oneIsAnswered.Wait(Eventually.Deadline));
        using RunningServer server = Serve(_ => steps);
        using Client busy = server.Connect(), one = server.Connect(), other = server.Connect();
        busy.Send([1]);
        Eventually.Holds(() => steps.Begun == 1, "the loop is in a call");
        one.Send([2]);
        other.Send([3]);
        bothAreThere.Set();
        busy.Read(1);
        pollfd[] either = [new() { fd = one.Descriptor, events = POLLIN }, new() { fd = other.Descriptor, events = POLLIN }];
        Assert.That((int)poll(either, (int)Eventually.Deadline.TotalMilliseconds).Value, Is.EqualTo(1));
        oneIsAnswered.Set();
        Assert.That((one.Read(1), other.Read(1)), Is.EqualTo((new byte[] { 2 }, new byte[] { 3 })));
        Assert.That(inTime, Is.True, "answered before the other call had ended");
    }

    // Several ticks of the clock that the loops read.
    private static void LetTimePass()
    {
        long now = Environment.TickCount64;
        SpinWait.SpinUntil(() => Environment.TickCount64 > now + 20);
    }

    /// <summary>A request is a byte, which is echoed after a step that the test gives for it.</summary>
    private sealed class Steps(params Action[] steps) : IProtocol
    {
        private int _begun;

        public int Begun => Volatile.Read(ref _begun);

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => 1;

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
        {
            steps[Interlocked.Increment(ref _begun) - 1]();
            reply.Write(frame);
            return true;
        }

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply) => AnswerFrame(message, peer, reply);
    }
}
