using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Multiplexers;

/// <summary>What every multiplexer keeps: the set of descriptors that it watches.</summary>
[TestFixtureSource(typeof(EveryMultiplexer), nameof(EveryMultiplexer.All))]
public class MultiplexerSetTests(MultiplexerEntry entry) : MultiplexerFixture(entry)
{
    [Test]
    public void A_descriptor_that_was_added_is_reported_when_it_is_ready()
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        ExpectReady();
        send(other, "x"u8, 0).OrThrow("send");
        ExpectReady((one, Interest.Readable));
    }

    [Test]
    public void Only_what_was_asked_for_is_reported()
    {
        (int one, int other) = Pair();
        send(other, "x"u8, 0).OrThrow("send");
        Multiplexer.Add(one, Interest.None);
        ExpectReady();
        Multiplexer.Modify(one, Interest.Writable);
        ExpectReady((one, Interest.Writable));
        Multiplexer.Modify(one, Interest.Readable | Interest.Writable);
        ExpectReady((one, Interest.Readable | Interest.Writable));
        Multiplexer.Modify(one, Interest.Readable);
        ExpectReady((one, Interest.Readable));
        Multiplexer.Modify(one, Interest.None);
        ExpectReady();
    }

    [Test]
    public void Readiness_does_not_depend_on_when_it_came()
    {
        (int one, int other) = Pair();
        send(other, "before"u8, 0).OrThrow("send");
        Multiplexer.Add(one, Interest.Readable);
        ExpectReady((one, Interest.Readable));
    }

    [Test]
    public void A_descriptor_that_was_removed_is_not_reported_any_more()
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        send(other, "x"u8, 0).OrThrow("send");
        Multiplexer.Remove(one);
        ExpectReady();
    }

    [Test]
    public void A_descriptor_that_was_removed_can_be_added_again()
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, Interest.Writable);
        Multiplexer.Remove(one);
        Multiplexer.Add(one, Interest.Readable);
        ExpectReady();
        send(other, "x"u8, 0).OrThrow("send");
        ExpectReady((one, Interest.Readable));
    }

    [Test]
    public void To_add_a_descriptor_twice_is_refused_and_changes_nothing()
    {
        (int one, _) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        ExpectErrno(EEXIST, () => Multiplexer.Add(one, Interest.Writable));
        ExpectReady();
        Multiplexer.Remove(one);
        ExpectErrno(ENOENT, () => Multiplexer.Remove(one));
    }

    [Test]
    public void To_modify_or_remove_what_is_not_watched_is_refused()
    {
        (int one, int other) = Pair();
        ExpectErrno(ENOENT, () => Multiplexer.Modify(one, Interest.Readable));
        ExpectErrno(ENOENT, () => Multiplexer.Remove(one));
        Multiplexer.Add(one, Interest.Readable);
        ExpectErrno(ENOENT, () => Multiplexer.Modify(other, Interest.Readable));
        ExpectErrno(ENOENT, () => Multiplexer.Remove(other));
        Multiplexer.Remove(one);
        ExpectErrno(ENOENT, () => Multiplexer.Modify(one, Interest.Readable));
    }

    [Test]
    public void To_add_what_is_no_descriptor_is_refused() => ExpectErrno(EBADF, () => Multiplexer.Add(-1, Interest.Readable));

    [Test]
    public void A_refusal_tells_the_descriptor()
    {
        (int one, _) = Pair();
        SyscallException? refusal = Assert.Throws<SyscallException>(() => Multiplexer.Remove(one));
        Assert.That(refusal!.Message, Does.Contain($"descriptor {one}").And.Contain("ENOENT"));
    }

    [Test]
    public void The_number_of_a_closed_descriptor_can_be_watched_anew()
    {
        const int Number = 700;   // a descriptor that nothing else has
        (int one, int other) = Pair();
        (int two, int otherTwo) = Pair();
        int first = Own(fcntl(one, F_DUPFD, Number));
        Multiplexer.Add(first, Interest.Readable | Interest.Writable);
        Multiplexer.Remove(first);
        CloseNow(first);
        int second = Own(fcntl(two, F_DUPFD, Number));
        Assert.That(second, Is.EqualTo(first));
        Multiplexer.Add(second, Interest.Readable);
        send(other, "to the old one"u8, 0).OrThrow("send");
        ExpectReady();
        send(otherTwo, "to the new one"u8, 0).OrThrow("send");
        ExpectReady((second, Interest.Readable));
    }

    [Test]
    public void To_remove_one_leaves_the_others_as_they_were()
    {
        (int One, int Other)[] pairs = [Pair(), Pair(), Pair(), Pair()];
        Interest[] interests = [Interest.Readable, Interest.Writable, Interest.None, Interest.Readable];
        foreach (((int one, int other), Interest interest) in pairs.Zip(interests))
        {
            Multiplexer.Add(one, interest);
            send(other, "x"u8, 0).OrThrow("send");
        }

        ExpectReady((pairs[0].One, Interest.Readable), (pairs[1].One, Interest.Writable), (pairs[3].One, Interest.Readable));
        Multiplexer.Remove(pairs[0].One);
        ExpectReady((pairs[1].One, Interest.Writable), (pairs[3].One, Interest.Readable));
        Multiplexer.Modify(pairs[3].One, Interest.Writable);
        Multiplexer.Remove(pairs[1].One);
        ExpectReady((pairs[3].One, Interest.Writable));
        Multiplexer.Remove(pairs[3].One);
        Multiplexer.Modify(pairs[2].One, Interest.Readable);
        ExpectReady((pairs[2].One, Interest.Readable));
    }
}
