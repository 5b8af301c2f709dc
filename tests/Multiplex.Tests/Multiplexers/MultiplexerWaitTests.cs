using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Multiplexers;

/// <summary>What every multiplexer reports, and when.</summary>
[TestFixtureSource(typeof(EveryMultiplexer), nameof(EveryMultiplexer.All))]
public class MultiplexerWaitTests(MultiplexerEntry entry) : MultiplexerFixture(entry)
{
    [Test]
    public void A_wait_returns_0_when_the_time_is_up()
    {
        (int one, _) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        Assert.That(Wait(timeout: 0), Is.Empty);
        long before = Environment.TickCount64;
        Assert.That(Wait(timeout: 50), Is.Empty);
        Assert.That(Environment.TickCount64 - before, Is.GreaterThanOrEqualTo(40), "it did wait; TickCount64 is coarse");
    }

    [Test]
    public void A_wait_without_descriptors_returns_0_when_the_time_is_up() => Assert.That(Wait(timeout: 1), Is.Empty);

    [Test]
    public void A_wait_for_ever_ends_when_something_is_ready()
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        Background<Readiness[]> waiter = Background.Run(() => Wait(timeout: -1));
        send(other, "x"u8, 0).OrThrow("send");
        Assert.That(waiter.Result(), Is.EqualTo(new Readiness[] { new(one, Interest.Readable) }));
    }

    [Test]
    public void A_signal_ends_a_wait_with_0()
    {
        if (!IsEndedBySignals)
            Assert.Pass("one that comes while it looks, and does not sleep yet, does not end it");
        (int one, _) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        InterruptibleThread.LetTheSignalInterrupt();
        try
        {
            InterruptibleThread<Readiness[]> waiter = new(() => Wait(timeout: -1));
            waiter.InterruptWhileWaiting(times: 1);
            Assert.That(waiter.Result(), Is.Empty);
        }
        finally
        {
            InterruptibleThread.LetTheSignalBeIgnored();
        }
    }

    [Test]
    public void What_stays_ready_is_reported_again()
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        send(other, "two"u8, 0).OrThrow("send");
        ExpectReady((one, Interest.Readable));
        ExpectReady((one, Interest.Readable));
        ReadExactly(one, 2);
        ExpectReady((one, Interest.Readable));
        ReadExactly(one, 1);
        ExpectReady();
    }

    [Test]
    public void A_peer_that_half_closes_makes_the_socket_readable()
    {
        (int client, int server) = TcpConnection();
        Multiplexer.Add(server, Interest.Readable);
        shutdown(client, SHUT_WR).OrThrow("shutdown");
        ExpectReady((server, Interest.Readable));
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero);
    }

    [Test]
    public void A_peer_that_closes_makes_the_socket_readable()
    {
        (int client, int server) = TcpConnection();
        Multiplexer.Add(server, Interest.Readable);
        CloseNow(client);
        ExpectReady((server, Interest.Readable));
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero);
    }

    [TestCase(10, 3)]
    [TestCase(6, 3)]
    [TestCase(4, 1)]
    public void What_does_not_fit_is_reported_by_the_next_calls_and_no_descriptor_starves(int count, int room)
    {
        int[] all = [.. Enumerable.Range(0, count).Select(_ => Pair().One)];
        foreach (int one in all)
            Multiplexer.Add(one, Interest.Writable);

        // Nothing is read meanwhile, so all stay ready: in two rounds, each descriptor must be reported once a round.
        for (int round = 0; round < 2; round++)
        {
            HashSet<int> reported = [];
            for (int call = 0; call < (count + room - 1) / room; call++)
            {
                Readiness[] ready = Wait(Long, room);
                Assert.That(ready, Has.Length.EqualTo(room));
                reported.UnionWith(ready.Select(one => one.Descriptor));
            }

            Assert.That(reported, Is.EquivalentTo(all));
        }
    }

    [Test]
    public void No_descriptor_starves_while_others_come_and_go()
    {
        (int One, int Other)[] pairs = [.. Enumerable.Range(0, 6).Select(_ => Pair())];
        foreach ((int one, _) in pairs)
            Multiplexer.Add(one, Interest.Writable);
        HashSet<int> reported = [];
        for (int i = 0; i < 40; i++)
        {
            reported.UnionWith(Wait(Long, room: 2).Select(one => one.Descriptor));
            Multiplexer.Remove(pairs[i % 2].One);
            Multiplexer.Add(pairs[i % 2].One, Interest.Writable);
        }

        Assert.That(reported, Is.EquivalentTo(pairs.Select(pair => pair.One)));
    }

    [Test]
    public void A_thousand_descriptors_are_distinguished()
    {
        List<int> all = [];
        while (all.Count < 1000 && (all.Count == 0 || all[^1] + 1 < Multiplexer.DescriptorLimit))
            all.Add(Own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
        foreach (int one in all)
            Multiplexer.Add(one, Interest.Readable);
        Assert.That(Wait(timeout: 0, room: 2000), Is.Empty);

        int[] chosen = [.. all.Where((_, i) => i % 7 == 3)];
        foreach (int one in chosen)
            write(one, BitConverter.GetBytes(1UL)).OrThrow("write");
        Assert.That(Wait(Long, room: 2000).Select(one => one.Descriptor), Is.EqualTo(chosen));

        // Half of them go, from the front, the back and the middle alike.
        HashSet<int> gone = [.. all.Where((_, i) => i % 2 == 0)];
        foreach (int one in gone)
            Multiplexer.Remove(one);
        Assert.That(Wait(Long, room: 2000).Select(one => one.Descriptor), Is.EqualTo(chosen.Where(one => !gone.Contains(one))));
    }

    [Test]
    public void A_wait_allocates_nothing_once_it_is_warm()
    {
        (int one, _) = Pair();
        Multiplexer.Add(one, Interest.Writable);
        Readiness[] ready = new Readiness[8];
        AllocationRounds rounds = new();
        for (int i = 0; rounds.Next(); i++)
        {
            Multiplexer.Modify(one, (i & 1) == 0 ? Interest.Readable | Interest.Writable : Interest.Writable);
            Multiplexer.Wait(ready, 0);
            Multiplexer.Remove(one);
            Multiplexer.Add(one, Interest.Writable);
        }

        Assert.That(rounds.Least, Is.Zero);
    }
}
