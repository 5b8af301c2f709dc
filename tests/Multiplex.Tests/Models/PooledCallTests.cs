using Multiplex.Tests.Multiplexers;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Models;

/// <summary>Connections whose calls are run by workers: the client disconnects while a call runs, on every multiplexer.</summary>
[TestFixtureSource(typeof(EveryMultiplexer), nameof(EveryMultiplexer.All))]
public class PooledCallTests(MultiplexerEntry entry)
{
    [TestCase("unix:@multiplex-{0}", false)]
    [TestCase("unixpacket:@multiplex-{0}", false)]
    [TestCase("tcp://127.0.0.1:0", true)]
    public void The_loop_does_not_spin_while_a_call_of_a_client_that_has_gone_runs(string endpoint, bool resets)
    {
        using HoldingProtocol protocol = new();
        SeenIdle loop = new(entry.Create());
        using RunningServer server = Serve(protocol, loop, endpoint, new() { Workers = 4, MaxCallsInProgress = 1 });
        using Client other = server.Connect();
        using (Client gone = server.Connect())
        {
            gone.Send([HoldingProtocol.Held]);
            protocol.AwaitHeld(1);
            if (resets)
                gone.Reset();
        }

        Exchange();   // by its end the loop has seen that the client is gone
        long before = loop.Idle;
        Exchange();
        Eventually.Holds(() => loop.Idle > before, "a loop that spins always finds something ready");
        protocol.Release();
        server.AwaitCount(Counter.Closed, 1);
        Assert.That(server.Counters[Counter.Broken], Is.EqualTo(1));

        void Exchange()
        {
            other.Send([HoldingProtocol.Echoed]);
            other.Read(1);
        }
    }

    [TestCase("unix:@multiplex-{0}")]
    [TestCase("tcp://127.0.0.1:0")]
    public void Calls_without_a_reply_are_all_run_when_their_client_closes_in_order(string endpoint)
    {
        const int Calls = 40;
        using HoldingProtocol protocol = new();
        using RunningServer server = Serve(protocol, entry.Create(), endpoint, new() { Workers = 1 });
        using (Client client = server.Connect())
            client.Send([HoldingProtocol.HeldWithoutReply, .. Enumerable.Repeat(HoldingProtocol.NoReply, Calls)]);
        protocol.AwaitHeld(1);
        protocol.Release();
        server.AwaitCount(Counter.Calls, Calls);
        server.AwaitCount(Counter.Closed, 1);
    }

    [Test]
    public void A_call_that_runs_can_see_that_its_client_has_gone()
    {
        if (!entry.TellsTroubleUnasked)
            Assert.Pass("select tells nothing of a descriptor that it is asked nothing of");
        using HoldingProtocol protocol = new();
        using RunningServer server = Serve(protocol, entry.Create(), "unix:@multiplex-{0}", new() { Workers = 1 });
        using (Client gone = server.Connect())
        {
            gone.Send([HoldingProtocol.UntilGone]);
            protocol.AwaitHeld(1);
        }

        server.AwaitCount(Counter.Closed, 1);
    }

    private static RunningServer Serve(HoldingProtocol protocol, IMultiplexer multiplexer, string endpoint, ServerOptions options) => new(
        new LoopModel(() => multiplexer, hasWorkers: true),
        counters =>
        {
            protocol.Counters = counters;
            return protocol;
        },
        options,
        string.Format(endpoint, Guid.NewGuid().ToString("N")));

    /// <summary>Counts how often nothing is ready when the loop is about to wait.</summary>
    private sealed class SeenIdle(IMultiplexer inner) : IMultiplexer
    {
        private long _idle;

        public long Idle => Volatile.Read(ref _idle);

        public int DescriptorLimit => inner.DescriptorLimit;

        public void Add(int fd, Interest interest) => inner.Add(fd, interest);

        public void Modify(int fd, Interest interest) => inner.Modify(fd, interest);

        public void Remove(int fd) => inner.Remove(fd);

        public int Wait(Span<Readiness> ready, int timeoutMilliseconds)
        {
            int count = inner.Wait(ready, 0);
            if (count != 0 || timeoutMilliseconds == 0)
                return count;
            Interlocked.Increment(ref _idle);
            return inner.Wait(ready, timeoutMilliseconds);
        }

        public void Dispose() => inner.Dispose();
    }

    /// <summary>A request is one byte, which says how long its call takes; its reply is the same byte, or none.</summary>
    private sealed class HoldingProtocol : IProtocol, IDisposable
    {
        public const byte Held = 1, HeldWithoutReply = 2, Echoed = 3, UntilGone = 4, NoReply = 5;

        private readonly ManualResetEventSlim _released = new();
        private int _held;

        public ServerCounters? Counters { get; set; }

        public void AwaitHeld(int count) => Eventually.Holds(() => Volatile.Read(ref _held) >= count, "the call runs");

        public void Release() => _released.Set();

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => 1;

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) => AnswerMessage(frame, peer, reply);

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
        {
            switch (message[0])
            {
                case Held or HeldWithoutReply:
                    Interlocked.Increment(ref _held);
                    Assert.That(_released.Wait(Eventually.Deadline), Is.True, "the test ends the call");
                    break;
                case Echoed:
                    break;
                case UntilGone:
                    Interlocked.Increment(ref _held);
                    while (!peer.HasEnded)
                        Thread.Yield();
                    break;
                default:
                    Counters!.Increment(Counter.Calls);
                    return true;
            }

            if (message[0] != HeldWithoutReply)
                reply.Write(message);
            return true;
        }

        public void Dispose()
        {
            _released.Set();
            _released.Dispose();
        }
    }
}
