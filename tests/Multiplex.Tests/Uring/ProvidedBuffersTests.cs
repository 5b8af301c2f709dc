using Multiplex.Tests.Support;
using Multiplex.Uring;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Uring;

/// <summary>The buffers that the kernel fills as bytes arrive: none is lost, however few there are.</summary>
[TestFixture(true)]
[TestFixture(false)]
public class ProvidedBuffersTests(bool incremental)
{
    [TestCase(1, 256)]
    [TestCase(2, 300)]
    [TestCase(8, 4096)]
    public void Every_byte_is_received_in_order_though_the_buffers_run_out(int count, int size)
    {
        using SocketPair pair = new();
        byte[] sent = new byte[200_000];
        new Random(1).NextBytes(sent);
        Background<bool> sender = Background.Run(() =>
        {
            for (int start = 0; start < sent.Length;)
                start += send(pair.There, sent.AsSpan(start, Math.Min(777, sent.Length - start)), MSG_NOSIGNAL).OrThrow("send");
            pair.CloseThere();
            return true;
        });
        using Ring ring = new(4, 64);
        using ProvidedBuffers buffers = new(ring, new(count, size, incremental));
        List<byte> received = [];
        int armed = 0;
        for (bool ended = false; !ended;)
        {
            Receive(ring, pair.Here);
            armed++;
            for (bool more = true; more;)
            {
                ring.SubmitAndWait(-1);
                while (ring.TryTake(out io_uring_cqe completion))
                {
                    Assert.That(completion.res, Is.GreaterThanOrEqualTo(0).Or.EqualTo(-ENOBUFS));
                    if (completion.res > 0)
                        received.AddRange(buffers.Received(completion));
                    buffers.Return(completion);
                    ended |= completion.res == 0;
                    more = (completion.flags & IORING_CQE_F_MORE) != 0;
                }
            }
        }

        sender.Result();
        Assert.That(received.ToArray().AsSpan().SequenceEqual(sent), Is.True);
        if (count * size < 4096)
            Assert.That(armed, Is.GreaterThan(1), "the buffers have run out");
    }

    private static void Receive(Ring ring, int fd)
    {
        ref io_uring_sqe entry = ref ring.Next();
        entry.opcode = IORING_OP_RECV;
        entry.flags = IOSQE_BUFFER_SELECT;
        entry.ioprio = IORING_RECV_MULTISHOT;
        entry.fd = fd;
    }
}
