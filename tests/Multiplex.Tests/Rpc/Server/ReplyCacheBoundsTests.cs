using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>The bounds of the reply cache, and what happens beyond them.</summary>
public class ReplyCacheBoundsTests() : ReplyCacheFixture(Form.Datagram)
{
    private const int Room = 16;   // of one bucket
    private const int Places = Room + ReplyCache.Spare;

    [Test]
    public void When_there_is_no_room_the_reply_that_was_asked_for_least_recently_is_forgotten_and_counted()
    {
        Remember(new() { Entries = Room });
        for (uint xid = 1; xid <= Room; xid++)
        {
            Ask(Call(xid), From(Address));
            Tick();
        }

        Assert.That(Ask(Call(1), From(Address)), Is.EqualTo(Ran(1, 1)));
        Tick();
        Ask(Call(100), From(Address));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
        Tick();
        Ask(Call(101), From(Address));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.EqualTo(1), "when one was there already that is more than there may be");
        Assert.That(Ask(Call(1), From(Address)), Is.EqualTo(Ran(1, 1)));
        Assert.That(Ask(Call(3), From(Address)), Is.EqualTo(Ran(3, 3)));
        Assert.That(Ask(Call(2), From(Address)), Is.EqualTo(Ran(2, Room + 3)), "forgotten, and run again");
    }

    [TestCase(1)]
    [TestCase(Room)]
    [TestCase(128)]
    [TestCase(129)]
    [TestCase(4096)]
    [TestCase(32_768)]
    public void As_many_replies_are_remembered_as_was_asked_for(int entries)
    {
        Remember(new() { Entries = entries });
        for (uint xid = 0; xid < entries; xid++)
            Ask(Call(xid), From(Address));
        for (uint xid = 0; xid < entries; xid++)
            Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(Ran(xid, xid + 1)));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
    }

    [Test]
    public void The_last_replies_are_remembered_whatever_came_before_and_never_more_than_fit()
    {
        int entries = new ReplyCacheOptions().Entries, calls = 5 * entries;
        Assert.That(entries, Is.EqualTo(32_768));
        Remember();
        for (uint xid = 0; xid < calls; xid++)
            Ask(Call(xid), From(Address));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.AtLeast(calls - (entries * 9 / 4)));
        for (uint xid = (uint)(calls - entries); xid < calls; xid++)
            Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(Ran(xid, xid + 1)));
    }

    [Test]
    public void A_client_with_many_calls_pushes_out_none_of_a_client_with_few()
    {
        const int Few = 200;
        Remember(new() { Entries = 1024 });
        for (uint xid = 0; xid < Few; xid++)
            Ask(Call(xid), On(1));
        for (uint xid = 0; xid < 20_000; xid++)
            Ask(Call(xid), On(2));
        for (uint xid = 0; xid < Few; xid++)
            Assert.That(Ask(Call(xid), On(1)), Is.EqualTo(Ran(xid, xid + 1)));
    }

    [Test]
    public void Clients_share_the_room_alike()
    {
        const int Clients = 8;
        const uint Each = Room / 2;   // of 128 places in all: the caller that has the most is found by a sample
        Remember(new() { Entries = Clients * Room });
        for (uint xid = 0; xid < 100; xid++)
        {
            for (ulong client = 1; client <= Clients; client++)
                Ask(Call(xid), On(client));
            Tick();
        }

        int runs = Runs;
        for (ulong client = 1; client <= Clients; client++)
        {
            for (uint xid = 100 - Each + 1; xid < 100; xid++)
                Ask(Call(xid), On(client));
        }

        Assert.That(Runs, Is.AtMost(runs + Clients), "the last ones of each, but for what the sample may take from a caller that has its share");
    }

    [Test]
    public void Calls_that_did_not_run_push_nothing_out()
    {
        bool refuses = false;
        Remember(new() { Entries = Room }, (_, _) =>
        {
            if (refuses)
                throw new RpcFault(AcceptStatus.GarbageArguments);
        });
        for (uint xid = 1; xid <= Room; xid++)
            Ask(Call(xid), From(Address));
        refuses = true;
        for (uint xid = 1; xid <= 10 * Room; xid++)
            Ask(Call(xid), On(1));
        for (uint xid = 1; xid <= Room; xid++)
            Assert.That(Ask(Call(xid), From(Address)), Is.EqualTo(Ran(xid, xid)));
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.Zero);
    }

    [Test]
    public void A_reply_that_was_not_asked_for_in_time_is_forgotten_and_that_is_no_eviction()
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
        using CountdownEvent begun = new(Places);
        Remember(new() { Entries = Room }, (_, _) =>
        {
            begun.Signal();
            Assert.That(goOn.Wait(Eventually.Deadline), Is.True);
        });
        Background<byte[]?>[] calls =
            [.. Enumerable.Range(1, Places).Select(xid => Background.Run(() => Ask(Call((uint)xid), From(Address))))];
        Assert.That(begun.Wait(Eventually.Deadline), Is.True);
        Assert.That(Ask(Call(100), From(Address)), Is.EqualTo(Failed(100)));
        Assert.That(Counters[Counter.ReplyCacheRefusals], Is.EqualTo(1));
        goOn.Set();
        Assert.That(calls.Select(call => call.Result()![^1]), Is.EquivalentTo(Enumerable.Range(1, Places)));
        begun.Reset(1);
        Assert.That(Ask(Call(100), From(Address)), Is.EqualTo(Ran(100, Places + 1)), "a refusal is not remembered");
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
        Assert.That(Counters[Counter.ReplyCacheEvictions], Is.EqualTo(Others - (Room + 1)), "of all other places");
        Assert.That(Ask(Call(1000), From(Address)), Is.Empty, "dropped, not run");
        goOn.Set();
        Assert.That(first.Result(), Is.EqualTo(Ran(1000, 1)));
        Assert.That(Ask(Call(1000), From(Address)), Is.EqualTo(Ran(1000, 1)));
        Assert.That(Runs, Is.EqualTo(Others + 1));
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
    public void Places_of_processes_that_died_are_taken_when_there_are_no_others()
    {
        using ReplyCache cache = new(Counters, new() { Entries = Room });
        for (uint xid = 0; xid < 3 * Places; xid++)
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

    // Begins a call, and ends its thread without completing it: the kernel frees the thread's lock, as when a process is killed.
    private static Repeat Die(ReplyCache cache, uint xid) => Background.Run(() => Begin(cache, xid, new())).Result();

    private static Repeat Begin(ReplyCache cache, uint xid, OutputBuffer reply) =>
        cache.Begin(new RpcCall(xid, Program, 1, 1, From(Address)), default, reply, out _);

    // The cache's clock has advanced.
    private static void Tick()
    {
        long now = Environment.TickCount64;
        SpinWait.SpinUntil(() => Environment.TickCount64 > now);
    }
}
