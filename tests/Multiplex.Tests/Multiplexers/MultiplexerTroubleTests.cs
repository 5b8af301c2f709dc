using Multiplex.Interop;
using Multiplex.Multiplexers;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Multiplexers;

/// <summary>What every multiplexer reports for errors, hang-ups, and descriptors that are closed while it watches them.</summary>
[TestFixtureSource(typeof(EveryMultiplexer), nameof(EveryMultiplexer.All))]
public class MultiplexerTroubleTests(MultiplexerEntry entry) : MultiplexerFixture(entry)
{
    private const Interest Both = Interest.Readable | Interest.Writable;

    [TestCase(Interest.Readable)]
    [TestCase(Interest.Writable)]
    [TestCase(Both)]
    public void A_hang_up_is_reported_as_what_was_asked_for(Interest interest)
    {
        (int one, int other) = Pair();
        Multiplexer.Add(one, interest);
        CloseNow(other);
        ExpectReady((one, TellsTroubleUnasked ? Both : interest));
    }

    [TestCase(Interest.Readable)]
    [TestCase(Interest.Writable)]
    [TestCase(Both)]
    public void An_error_is_reported_as_what_was_asked_for(Interest interest)
    {
        int server = ResetConnection();
        Multiplexer.Add(server, interest);
        ExpectReady((server, TellsTroubleUnasked ? Both : interest));
        Assert.That(recv(server, new byte[1], 0).Errno, Is.EqualTo(ECONNRESET));
    }

    [Test]
    public void Epoll_reports_an_edge_once_and_the_end_behind_the_last_bytes_with_them()
    {
        using EpollMultiplexer epoll = new();
        Readiness[] ready = new Readiness[2];
        (int one, int other) = Pair();
        epoll.Add(one, Interest.Readable | Interest.Edge);
        send(other, [1], 0).OrThrow("send");
        Assert.That((epoll.Wait(ready, 0), ready[0]), Is.EqualTo((1, new Readiness(one, Interest.Readable))));
        Assert.That(epoll.Wait(ready, 0), Is.Zero, "the byte is still there");
        send(other, [2], 0).OrThrow("send");
        CloseNow(other);
        Assert.That((epoll.Wait(ready, 0), ready[0]), Is.EqualTo((1, new Readiness(one, Both))));
        epoll.Modify(one, Interest.Readable);
        Assert.That(epoll.Wait(ready, 0), Is.EqualTo(1), "without the hint it is reported again");
    }

    [Test]
    public void Where_nothing_was_asked_for_select_alone_tells_nothing_of_errors_and_hang_ups()
    {
        (int one, int other) = Pair();
        int server = ResetConnection();
        Multiplexer.Add(one, Interest.None);
        Multiplexer.Add(server, Interest.None);
        CloseNow(other);
        if (TellsTroubleUnasked)
            ExpectReady((one, Both), (server, Both));
        else
            ExpectReady();
        Multiplexer.Modify(one, Interest.Readable);
        Assert.That(WaitFor(one), Has.Length.EqualTo(1), "it is reported once it is asked for");
    }

    [Test]
    public void Where_nothing_was_asked_for_an_error_or_a_hang_up_ends_one_wait_and_not_each()
    {
        (int one, int other) = Pair();
        (int two, _) = Pair();
        int server = ResetConnection();
        foreach (int fd in (int[])[one, server, two])
            Multiplexer.Add(fd, Interest.Readable);
        foreach (int fd in (int[])[one, server, two])
            Multiplexer.Modify(fd, Interest.None);
        CloseNow(other);
        if (TellsTroubleUnasked)
            ExpectReady((one, Both), (server, Both));
        ExpectReady();
        ExpectReady();

        // The others stay in the set, and a descriptor that is added again is reported again.
        Multiplexer.Remove(server);
        Multiplexer.Modify(two, Interest.Writable);
        Multiplexer.Modify(one, Interest.Readable);
        Interest reported = TellsTroubleUnasked ? Both : Interest.Readable;
        ExpectReady((one, reported), (two, Interest.Writable));
        ExpectReady((one, reported), (two, Interest.Writable));
        Multiplexer.Modify(one, Interest.None);
        Multiplexer.Remove(one);
        ExpectReady((two, Interest.Writable));
    }

    [Test]
    public void A_refused_connection_is_reported_as_writable()
    {
        int held = TcpSocket();
        bind(held, Loopback(0)).OrThrow("bind");   // no server listens there
        int client = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(connect(client, NameOf(held)).Errno, Is.EqualTo(EINPROGRESS).Or.EqualTo(ECONNREFUSED));
        Multiplexer.Add(client, Interest.Writable);
        Assert.That(Wait(Long).Single().Ready & Interest.Writable, Is.EqualTo(Interest.Writable));
    }

    [Test]
    public void A_descriptor_that_is_closed_while_it_is_watched_takes_nothing_from_the_others()
    {
        (int one, int other) = Pair();
        (int two, int otherTwo) = Pair();
        Multiplexer.Add(one, Interest.Readable);
        Multiplexer.Add(two, Interest.Readable);
        CloseNow(one);
        CloseNow(other);
        Assert.That(Wait(timeout: 0).Where(ready => ready.Descriptor == two), Is.Empty, "nothing came for it");
        send(otherTwo, "x"u8, 0).OrThrow("send");
        Assert.That(WaitFor(two), Is.EqualTo(new Readiness[] { new(two, Interest.Readable) }));
        RemoveClosed(one);
        ExpectReady((two, Interest.Readable));
    }

    [Test]
    public void The_number_of_a_descriptor_that_was_closed_while_watched_can_be_watched_anew()
    {
        const int Number = 701;   // a descriptor that nothing else has
        (int one, _) = Pair();
        (int two, int otherTwo) = Pair();
        int first = Own(fcntl(one, F_DUPFD, Number));
        Multiplexer.Add(first, Both);
        CloseNow(first);
        CloseNow(one);   // or epoll would go on watching the file that was open under that number
        RemoveClosed(first);
        int second = Own(fcntl(two, F_DUPFD, Number));
        Assert.That(second, Is.EqualTo(first));
        Multiplexer.Add(second, Interest.Readable);
        ExpectReady();
        send(otherTwo, "x"u8, 0).OrThrow("send");
        ExpectReady((second, Interest.Readable));
    }

    [Test]
    public void A_number_that_is_used_again_within_a_batch_takes_nothing_over_from_its_predecessor()
    {
        const int Count = 6;
        (int One, int Other)[] old = [.. Enumerable.Range(0, Count).Select(_ => Pair())];
        foreach ((int one, int other) in old)
        {
            send(other, "x"u8, 0).OrThrow("send");
            Multiplexer.Add(one, Both);
        }

        // Room for half: the kernel's report of the others is still kept when their numbers are reused.
        Readiness[] batch = Wait(Long, room: Count / 2);
        Assert.That(batch, Has.Length.EqualTo(Count / 2));
        (int fresh, int otherFresh) = Pair();
        foreach ((int one, _) in old)
        {
            Multiplexer.Remove(one);
            dup2(fresh, one).OrThrow("dup2");   // closes the old descriptor, and takes its number
            Multiplexer.Add(one, Interest.Readable);
        }

        ExpectReady();
        send(otherFresh, "x"u8, 0).OrThrow("send");
        ExpectReady([.. old.Select(pair => (pair.One, Interest.Readable))]);
    }

    [Test]
    public void A_descriptor_that_is_removed_within_a_batch_is_not_in_the_next()
    {
        int[] all = [.. Enumerable.Range(0, 5).Select(_ => Pair().One)];
        foreach (int one in all)
            Multiplexer.Add(one, Interest.Writable);
        HashSet<int> left = [.. all];
        while (left.Count > 0)
        {
            int reported = Wait(Long, room: 1).Single().Descriptor;
            Assert.That(left.Remove(reported), Is.True, $"{reported} was removed and reported");
            Multiplexer.Remove(reported);
        }

        ExpectReady();
    }

    // The kernel may have removed it from the set, and the runtime may have opened a file under its number, which epoll(7) refuses (EPERM).
    private void RemoveClosed(int fd)
    {
        try
        {
            Multiplexer.Remove(fd);
        }
        catch (SyscallException refusal)
        {
            Assert.That(refusal.Errno, Is.AnyOf(EBADF, ENOENT, EPERM));
        }
    }

    private int ResetConnection()
    {
        (int client, int server) = TcpConnection();
        setsockopt(client, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1 }).OrThrow("setsockopt");
        CloseNow(client);
        return server;
    }
}
