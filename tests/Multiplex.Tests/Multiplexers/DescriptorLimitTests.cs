using Multiplex.Interop;
using Multiplex.Multiplexers;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Multiplexers;

/// <summary>
/// FD_SETSIZE: with a higher number C's FD_SET writes outside of the set, which has crashed many a server. Here such a descriptor is
/// refused.
/// </summary>
public class DescriptorLimitTests : DescriptorFixture
{
    [Test]
    public void Only_select_has_a_limit()
    {
        foreach (MultiplexerEntry entry in EveryMultiplexer.All)
        {
            using IMultiplexer multiplexer = entry.Create();
            Assert.That(multiplexer.DescriptorLimit, Is.EqualTo(entry.Name == "select" ? FD_SETSIZE : int.MaxValue), entry.Name);
        }
    }

    [TestCase(FD_SETSIZE)]
    [TestCase(FD_SETSIZE + 1)]
    [TestCase(4000)]
    public void Select_refuses_a_descriptor_past_its_limit_and_goes_on_undamaged(int number)
    {
        using SelectMultiplexer multiplexer = new();
        (int one, int other) = Pair();
        multiplexer.Add(one, Interest.Readable);
        int high = At(number);
        SyscallException? refusal = Assert.Throws<SyscallException>(() => multiplexer.Add(high, Interest.Readable | Interest.Writable));
        Assert.That(refusal!.Errno, Is.EqualTo(EINVAL));
        Assert.That(refusal.Message, Does.Contain($"descriptor {number}").And.Contain("FD_SETSIZE"));
        Assert.That(() => multiplexer.Modify(high, Interest.Readable), Throws.TypeOf<SyscallException>());
        Assert.That(() => multiplexer.Remove(high), Throws.TypeOf<SyscallException>());
        Readiness[] ready = new Readiness[8];
        Assert.That(multiplexer.Wait(ready, 0), Is.Zero);
        send(other, "x"u8, 0).OrThrow("send");
        Assert.That(multiplexer.Wait(ready, -1), Is.EqualTo(1));
        Assert.That(ready[0], Is.EqualTo(new Readiness(one, Interest.Readable)));
    }

    [Test]
    public void Select_watches_the_highest_descriptor_below_its_limit()
    {
        using SelectMultiplexer multiplexer = new();
        int high = At(FD_SETSIZE - 1);
        multiplexer.Add(high, Interest.Writable);
        Readiness[] ready = new Readiness[8];
        Assert.That(multiplexer.Wait(ready, -1), Is.EqualTo(1));
        Assert.That(ready[0], Is.EqualTo(new Readiness(high, Interest.Writable)));
        multiplexer.Remove(high);
        Assert.That(multiplexer.Wait(ready, 0), Is.Zero);
    }

    [Test]
    public void A_set_of_descriptors_has_room_for_FD_SETSIZE_and_throws_past_it()
    {
        fd_set set;
        FD_ZERO(out set);
        foreach (int fd in (int[])[0, 63, 64, FD_SETSIZE - 1])
        {
            FD_SET(fd, ref set);
            Assert.That(FD_ISSET(fd, set), Is.True);
            Assert.That(Enumerable.Range(0, FD_SETSIZE).Count(other => FD_ISSET(other, set)), Is.EqualTo(1));
            FD_CLR(fd, ref set);
            Assert.That(FD_ISSET(fd, set), Is.False);
        }

        Assert.That(() => FD_SET(FD_SETSIZE, ref set), Throws.TypeOf<IndexOutOfRangeException>());
        Assert.That(() => FD_SET(-1, ref set), Throws.TypeOf<IndexOutOfRangeException>());
        Assert.That(() => FD_CLR(FD_SETSIZE, ref set), Throws.TypeOf<IndexOutOfRangeException>());
        Assert.That(() => FD_ISSET(1 << 30, set), Throws.TypeOf<IndexOutOfRangeException>());
        Assert.That(
            () => select(FD_SETSIZE + 1, ref set, ref set, ref set, 0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    // A descriptor with this number.
    private int At(int number)
    {
        (int one, _) = Pair();
        SyscallResult copy = fcntl(one, F_DUPFD, number);
        if (copy.Is(EINVAL))
            Assert.Ignore($"RLIMIT_NOFILE allows no descriptor {number}");
        int fd = Own(copy);
        Assert.That(fd, Is.EqualTo(number), "the number is free");
        return fd;
    }
}
