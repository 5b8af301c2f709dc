using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The fourth lesson, streams, and what goes beyond it: send, recv and their flags.</summary>
public class Lesson04_StreamsTests : DescriptorFixture
{
    [Test]
    public void Several_reads_may_be_needed_for_what_one_write_wrote()
    {
        LessonRun step = LessonRun.Of(Lesson04_Streams.Lesson, "One write, several reads");
        Assert.That(step.Results("write"), Is.EqualTo(new[] { 9 }));
        Assert.That(step.Results("read"), Has.Length.GreaterThanOrEqualTo(3).And.All.InRange(1, 4));
        Assert.That(string.Concat(step.Received), Is.EqualTo("one write"));
    }

    [Test]
    public void One_read_may_get_what_several_writes_wrote()
    {
        LessonRun step = LessonRun.Of(Lesson04_Streams.Lesson, "Several writes, one read");
        Assert.That(step.Results("write"), Has.Length.EqualTo(3));
        Assert.That(step.Received, Is.EqualTo(new[] { "three separate writes" }), "a stream has no boundaries");
    }

    [Test]
    public void A_read_from_an_empty_socket_with_MSG_DONTWAIT_fails_with_EAGAIN() =>
        Assert.That(LessonRun.Of(Lesson04_Streams.Lesson, "A read from an empty socket").Errors, Is.EqualTo(new[] { ("recv", EAGAIN) }));

    [Test]
    public void A_non_blocking_send_takes_a_part_and_then_nothing_and_what_it_took_arrives()
    {
        LessonRun step = LessonRun.Of(Lesson04_Streams.Lesson, "A send that takes only a part");
        Assert.That(step.Results("send"), Is.EqualTo(new[] { step.Results("recv").Single(), -EAGAIN }));
        Assert.That(step.Results("send")[0], Is.InRange(1, (4 << 20) - 1));
    }

    [Test]
    public void MSG_PEEK_leaves_the_bytes_and_MSG_WAITALL_waits_for_a_whole_buffer()
    {
        LessonRun step = LessonRun.Of(Lesson04_Streams.Lesson, "Flags: look without taking, wait for all");
        Assert.That(step.Received, Is.EqualTo(new[] { "look", "looking" }));
        Assert.That(step.Lines.Single(line => line.By.Length > 0).Text, Does.Match("^send\\([0-9]+<one>, \"ing\", 3, 0\\) = 3$"), "another thread sent it");
    }

    [Test]
    public void The_cost_of_TCP_and_of_a_UNIX_domain_socket_is_measured()
    {
        LessonRun step = LessonRun.Of(Lesson04_Streams.Lesson, "What TCP costs beside a UNIX-domain socket");
        Assert.That(step.Exhibits[1..], Has.Length.EqualTo(2).And.All.Match("^(TCP over the loopback interface|UNIX-domain stream) +[0-9]+\\.[0-9] us$"));
    }

    [Test]
    public void A_read_from_an_empty_non_blocking_socket_fails_with_EAGAIN()
    {
        (int one, _) = Pair(SOCK_STREAM | SOCK_NONBLOCK);
        Assert.That(read(one, new byte[1]).Errno, Is.EqualTo(EAGAIN));
    }

    [Test]
    public void MSG_DONTWAIT_makes_one_call_non_blocking()
    {
        (int one, _) = Pair();
        Assert.That(recv(one, new byte[1], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN));
        Assert.That(fcntl(one, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.Zero);
    }

    [Test]
    public void A_non_blocking_send_takes_what_there_is_room_for_and_then_fails_with_EAGAIN()
    {
        (int client, int server) = TcpConnection();
        byte[] much = new byte[64 * 1024 * 1024];
        SyscallResult taken = send(client, much, MSG_DONTWAIT);
        Assert.That(taken.OrThrow("send"), Is.Positive.And.LessThan(much.Length), "a partial write");
        long total = taken.Value;
        while (!(taken = send(client, much, MSG_DONTWAIT)).IsError)
            total += taken.Value;
        Assert.That(taken.Errno, Is.EqualTo(EAGAIN));
        Assert.That(ReadExactly(server, (int)total), Has.Length.EqualTo(total), "what was taken arrives");
    }

    [Test]
    public void MSG_WAITALL_waits_until_the_buffer_is_full()
    {
        (int client, int server) = TcpConnection();
        send(client, "fir"u8, 0).OrThrow("send");
        Eventually.Holds(() => recv(server, new byte[3], MSG_PEEK | MSG_DONTWAIT).Value == 3, "the first bytes arrive");
        byte[] bytes = new byte[8];
        Background<SyscallResult> reader = Background.Run(() => recv(server, bytes, MSG_WAITALL));

        // Without the flag the reader would have returned with the first three bytes: they are gone from the queue now.
        Eventually.Holds(() => recv(server, new byte[1], MSG_PEEK | MSG_DONTWAIT).Is(EAGAIN), "the reader took the first bytes");
        Assert.That(reader.IsRunning, Is.True);
        send(client, "st, second"u8, 0).OrThrow("send");
        Assert.That(reader.Result().OrThrow("recv"), Is.EqualTo(8));
        Assert.That(bytes, Is.EqualTo("first, s"u8.ToArray()));
    }
}
