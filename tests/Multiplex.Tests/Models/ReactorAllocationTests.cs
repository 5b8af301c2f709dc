using Multiplex.Protocols;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Models;

/// <summary>A reactor allocates nothing on the managed heap between recv and send, or in a turn of its loop.</summary>
[TestFixtureSource(typeof(ReactorModels), nameof(ReactorModels.All))]
public class ReactorAllocationTests(ReactorEntry entry) : ReactorFixture(entry)
{
    private const int Warm = 500, Counted = 1000;

    [TestCase(1)]
    [TestCase(50)]
    public void A_thousand_requests_of_rpc_allocate_nothing(int atOnce)
    {
        MeasuringProtocol? protocol = null;
        using RunningServer server = Serve(counters => protocol = new(new RpcProtocol(new MultiplexProgram(counters))));
        byte[] calls = Calls(MultiplexV1.Echo, atOnce, writer => writer.WriteOpaque(new byte[64]));
        Exchange(server, calls, replyLength: atOnce * (28 + 4 + 64), times: (Warm + Counted) / atOnce);
        Assert.That(protocol!.AllocatedInTheLast(Counted), Is.Zero);
    }

    [Test]
    public void A_thousand_requests_of_echo_allocate_nothing()
    {
        MeasuringProtocol protocol = new(new EchoProtocol());
        using RunningServer server = Serve(_ => protocol);
        Exchange(server, new byte[64], replyLength: 64, times: Warm + Counted);
        Assert.That(protocol.AllocatedInTheLast(Counted), Is.Zero);
    }

    [Test]
    public void Requests_that_come_in_two_halves_allocate_nothing()
    {
        MeasuringProtocol? protocol = null;
        using RunningServer server = Serve(counters => protocol = new(new RpcProtocol(new MultiplexProgram(counters))));
        byte[] call = Calls(MultiplexV1.Echo, 1, writer => writer.WriteOpaque(new byte[64]));
        byte[] ping = Calls(MultiplexV1.Null, 1);
        using Client client = server.Connect();
        using Client other = server.Connect();
        for (int i = 0; i < Warm + Counted; i++)
        {
            // One thread serves both: once the other client's second call is answered, the thread has read the half request and keeps it in memory.
            client.Send(call.AsSpan(0, 50));
            for (int turn = 0; turn < 2; turn++)
            {
                other.Send(ping);
                other.Read(28);
            }

            client.Send(call.AsSpan(50));
            client.Read(96);
        }

        Assert.That(protocol!.AllocatedInTheLast(Counted), Is.Zero);
    }

    [TestCase("udp://127.0.0.1:0")]
    [TestCase("unixpacket:@multiplex-allocation-{0}")]
    public void A_thousand_messages_allocate_nothing(string endpoint)
    {
        MeasuringProtocol protocol = new(new EchoProtocol());
        using RunningServer server = Serve(_ => protocol, endpoints: string.Format(endpoint, Guid.NewGuid()));
        Exchange(server, new byte[64], replyLength: 64, times: Warm + Counted);
        Assert.That(protocol.AllocatedInTheLast(Counted), Is.Zero);
    }

    [Test]
    public void What_is_measured_would_be_noticed()
    {
        MeasuringProtocol protocol = new(new EchoProtocol(), allocateEach: 100);
        using RunningServer server = Serve(_ => protocol);
        Exchange(server, new byte[64], replyLength: 64, times: Warm + Counted);
        Assert.That(protocol.AllocatedInTheLast(Counted), Is.GreaterThanOrEqualTo(Counted * 100));
    }

    private static void Exchange(RunningServer server, byte[] requests, int replyLength, int times)
    {
        using Client client = server.Connect();
        for (int i = 0; i < times; i++)
        {
            client.Send(requests);
            client.Read(replyLength);
        }
    }

    /// <summary>Wraps another protocol, and records at each request what the thread has allocated so far.</summary>
    private sealed class MeasuringProtocol(IProtocol inner, int allocateEach = 0) : IProtocol
    {
        private readonly long[] _allocated = new long[10_000];
        private int _count;

        public long AllocatedInTheLast(int requests)
        {
            Assert.That(_count, Is.GreaterThan(requests), "so many were answered");
            int quarter = requests / 4;   // the one with the least counts: the runtime allocates on a thread now and then too, once
            return 4 * Enumerable.Range(0, 4).Select(i => _count - 1 - (i * quarter)).Min(last => _allocated[last] - _allocated[last - quarter]);
        }

        public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) => inner.Frame(received, ref progress);

        public bool IsFrameQuick(ReadOnlySpan<byte> frame) => inner.IsFrameQuick(frame);

        public bool IsMessageQuick(ReadOnlySpan<byte> message) => inner.IsMessageQuick(message);

        public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
        {
            Note();
            return inner.AnswerFrame(frame, peer, reply);
        }

        public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
        {
            Note();
            return inner.AnswerMessage(message, peer, reply);
        }

        private void Note()
        {
            if (allocateEach > 0)
                GC.KeepAlive(new byte[allocateEach]);
            _allocated[_count++] = GC.GetAllocatedBytesForCurrentThread();
        }
    }
}
