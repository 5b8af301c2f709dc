using Multiplex.Rpc;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc;

/// <summary>The bounds of the reply cache, and what happens beyond them.</summary>
public class ReplyCacheBoundsTests() : ReplyCacheFixture(Form.Datagram)
{
    private const int Room = 16;   // of one bucket

    [Test]
    public void When_there_is_no_room_the_reply_that_nobody_asked_for_longest_is_forgotten_and_counted()
    {
        Remember(new() { Entries = Room });
        for (uint xid = 1; xid <= Room; xid++)
        {
            Ask(Call(xid), From(Address));
            Tick();
        }

        Assert.That(Ask(Call(1), From(Address)), Is.EqualTo(Ran(1, 1)));
        Tick();
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
        Ask(Call(100), From(Address));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.EqualTo(1));
        Assert.That(Ask(Call(1), From(Address)), Is.EqualTo(Ran(1, 1)));
        Assert.That(Ask(Call(3), From(Address)), Is.EqualTo(Ran(3, 3)));
        Assert.That(Ask(Call(2), From(Address)), Is.EqualTo(Ran(2, Room + 2)), "forgotten, and run again");
    }

    [Test]
    public void As_many_replies_are_remembered_as_was_asked_for()
    {
        const int Entries = 4096;
        Remember(new() { Entries = 4 * Entries });   // a hash fills its buckets unevenly
        for (int round = 0; round < 2; round++)
        {
            for (uint xid = 0; xid < Entries; xid++)
                Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(Ran(xid, xid + 1)));
        }

        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
    }

    [Test]
    public void A_reply_that_nobody_asked_for_in_time_is_forgotten_and_that_is_no_eviction()
    {
        Remember(new() { Entries = Room, Time = TimeSpan.FromMilliseconds(1) });
        for (uint xid = 1; xid <= 2 * Room; xid++)
        {
            Ask(Call(xid), From(Address));
            Tick();
            Tick();
        }

        Assert.That(Ask(Call(1), From(Address)), Is.EqualTo(Ran(1, (2 * Room) + 1)), "run again");
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
    }

    [Test]
    public void A_reply_too_long_to_be_kept_makes_its_repeat_fail_and_not_run()
    {
        int length = 0;
        Remember(new() { LongestReply = 100 }, (_, results) => results.Write(new byte[length]));
        foreach ((int more, bool isKept) in new[] { (72, true), (76, false) })
        {
            length = more;
            uint xid = (uint)more;
            byte[]? first = Ask(Call(xid), From(Address));
            Assert.That(first, Has.Length.EqualTo(28 + more));
            Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(isKept ? first : Failed(xid)));
        }

        Assert.That(Runs, Is.EqualTo(2));
    }

    [Test]
    public void A_call_is_refused_and_not_run_while_all_the_room_is_taken_by_calls_in_progress()
    {
        using ManualResetEventSlim goOn = new();
        using CountdownEvent begun = new(Room);
        Remember(new() { Entries = Room }, (_, _) =>
        {
            begun.Signal();
            Assert.That(goOn.Wait(Eventually.Deadline), Is.True);
        });
        Background<byte[]?>[] calls =
            [.. Enumerable.Range(1, Room).Select(xid => Background.Run(() => Ask(Call((uint)xid), From(Address))))];
        Assert.That(begun.Wait(Eventually.Deadline), Is.True);
        Assert.That(Ask(Call(100), From(Address)), Is.EqualTo(Failed(100)));
        Assert.That(Counters[Counter.ReplyCacheRefusals], Is.EqualTo(1));
        goOn.Set();
        Assert.That(calls.Select(call => call.Result()![^1]), Is.EquivalentTo(Enumerable.Range(1, Room)));
        begun.Reset(1);
        Assert.That(Ask(Call(100), From(Address)), Is.EqualTo(Ran(100, Room + 1)), "a refusal is not remembered");
    }

    [Test]
    public void A_call_in_progress_is_never_forgotten_however_many_come_after_it()
    {
        const int Others = 5 * Room;
        using ManualResetEventSlim goOn = new();
        using CountdownEvent begun = new(1);
        Remember(new() { Entries = Room }, (run, _) =>
        {
            if (run > 1)
                return;
            begun.Signal();
            Assert.That(goOn.Wait(Eventually.Deadline), Is.True);
        });
        Background<byte[]?> first = Background.Run(() => Ask(Call(1000), From(Address)));
        Assert.That(begun.Wait(Eventually.Deadline), Is.True);
        for (uint xid = 1; xid <= Others; xid++)
            Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(Ran(xid, xid + 1)));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.EqualTo(Others - (Room - 1)), "of all other places");
        Assert.That(Ask(Call(1000), From(Address)), Is.Empty, "dropped, not run");
        goOn.Set();
        Assert.That(first.Result(), Is.EqualTo(Ran(1000, 1)));
        Assert.That(Ask(Call(1000), From(Address)), Is.EqualTo(Ran(1000, 1)));
        Assert.That(Runs, Is.EqualTo(Others + 1));
    }

    [Test]
    public void The_usual_bound_holds_a_third_of_it_without_forgetting_any_and_never_more_than_it()
    {
        int entries = new ReplyCacheOptions().Entries;
        Assert.That(entries, Is.EqualTo(32_768));
        Remember();
        for (uint xid = 0; xid < entries / 3; xid++)
            Ask(Call(xid), From(Address));

        // Buckets fill unevenly: of a third, some 5 in a place for 16, one in thousands is full.
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.LessThan(entries / 1000));
        for (uint xid = (uint)entries / 3; xid < 2 * entries; xid++)
            Ask(Call(xid), From(Address));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.InRange(entries, entries + (entries / 100)), "all that came beyond the bound");
    }

    [Test]
    public void A_call_whose_runner_died_is_not_run_again_and_its_repeat_fails()
    {
        using ReplyCache cache = new(Counters, new() { Entries = Room });
        Assert.That(Die(cache, xid: 5), Is.EqualTo(Repeat.New));
        for (int i = 0; i < 3; i++)
        {
            OutputBuffer reply = new();
            Eventually.Holds(() => Begin(cache, 5, reply) == Repeat.Answered, "it is known that its runner has died");
            Assert.That(reply.Written.ToArray(), Is.EqualTo(Failed(5)));
        }
    }

    [Test]
    public void Places_of_runners_who_died_are_taken_when_there_are_no_others()
    {
        using ReplyCache cache = new(Counters, new() { Entries = Room });
        for (uint xid = 0; xid < 3 * Room; xid++)
            Eventually.Holds(() => Die(cache, xid) == Repeat.New, "there is room");
    }

    [TestCase(0, 1000, 24)]
    [TestCase(1_048_577, 1000, 24)]
    [TestCase(1, 0, 24)]
    [TestCase(1, 1000, 23)]
    [TestCase(1_048_576, 1000, 2048)]
    public void Bounds_that_make_no_sense_are_refused(int entries, int milliseconds, int longestReply)
    {
        ReplyCacheOptions options =
            new() { Entries = entries, Time = TimeSpan.FromMilliseconds(milliseconds), LongestReply = longestReply };
        Assert.That(() => new ReplyCache(Counters, options), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    // Begins a call, and ends without completing it: the kernel frees what a thread has, as of a process that is killed.
    private static Repeat Die(ReplyCache cache, uint xid) => Background.Run(() => Begin(cache, xid, new())).Result();

    private static Repeat Begin(ReplyCache cache, uint xid, OutputBuffer reply) =>
        cache.Begin(new RpcCall(xid, Program, 1, 1, From(Address)), default, reply, out _);

    // The cache's clock has gone on.
    private static void Tick()
    {
        long now = Environment.TickCount64;
        SpinWait.SpinUntil(() => Environment.TickCount64 > now);
    }
}
