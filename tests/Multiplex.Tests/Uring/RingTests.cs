using Multiplex.Interop;
using Multiplex.Uring;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Uring;

/// <summary>The two queues of an io_uring: what goes into one comes back from the other.</summary>
public class RingTests
{
    [Test]
    public void An_operation_comes_back_with_its_word()
    {
        using Ring ring = new(4, 8);
        Submit(ring, 42);
        ring.SubmitAndWait(-1);
        Assert.That(ring.TryTake(out io_uring_cqe completion), Is.True);
        Assert.That((completion.user_data, completion.res), Is.EqualTo((42ul, 0)));
        Assert.That(ring.TryTake(out _), Is.False);
    }

    [Test]
    public void Far_more_operations_than_the_queue_holds_all_come_back_in_order()
    {
        using Ring ring = new(4, 256);
        ulong next = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            Submit(ring, i);
            if (i % 100 != 99)
                continue;
            ring.SubmitAndWait(-1);
            while (ring.TryTake(out io_uring_cqe completion))
                Assert.That(completion.user_data, Is.EqualTo(next++));
        }

        Assert.That(next, Is.EqualTo(1000));
    }

    [TestCase(0)]
    [TestCase(20)]
    public void A_wait_ends_when_its_time_is_up(int milliseconds)
    {
        using Ring ring = new(4, 8);
        ring.SubmitAndWait(milliseconds);
        Assert.That(ring.TryTake(out _), Is.False);
    }

    [Test]
    public void An_operation_that_was_cancelled_says_so()
    {
        using Ring ring = new(4, 8);
        using StopSignal silent = StopSignal.ByRequest();
        ref io_uring_sqe poll = ref ring.Next();
        poll.opcode = IORING_OP_POLL_ADD;
        poll.fd = silent.Descriptor;
        poll.poll32_events = (uint)POLLIN;
        poll.user_data = 1;
        ring.Submit();
        ref io_uring_sqe cancel = ref ring.Next();
        cancel.opcode = IORING_OP_ASYNC_CANCEL;
        cancel.addr = 1;
        cancel.user_data = 2;
        Dictionary<ulong, int> results = [];
        while (results.Count < 2)
        {
            ring.SubmitAndWait(-1);
            while (ring.TryTake(out io_uring_cqe completion))
                results.Add(completion.user_data, completion.res);
        }

        Assert.That(results[1], Is.EqualTo(-ECANCELED));
        Assert.That(results[2], Is.Zero);
    }

    [Test]
    public void What_the_kernel_refuses_is_an_exception_that_says_what_is_needed()
    {
        Assert.That(
            () => new Ring(0, 8),
            Throws.TypeOf<SyscallException>().With.Message.Contains("io_uring_setup").And.Message.Contains("Linux 6.1"));
    }

    private static void Submit(Ring ring, ulong word)
    {
        ref io_uring_sqe entry = ref ring.Next();
        entry.opcode = IORING_OP_NOP;
        entry.user_data = word;
    }
}
