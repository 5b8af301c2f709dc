using System.Globalization;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The seventh lesson, endings, and what goes beyond it: shutdown, close, dup, and how a peer sees it.</summary>
public class Lesson07_EndingsTests : DescriptorFixture
{
    [Test]
    public void Shutdown_of_writing_is_the_peers_end_of_file_and_the_other_direction_still_works()
    {
        LessonRun step = LessonRun.Of(Lesson07_Endings.Lesson, "shutdown(2) of writing ends one direction");
        Assert.That(step.Received, Is.EqualTo(new[] { "last words", "", "reply" }));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("send", EPIPE) }));
    }

    [Test]
    public void The_last_descriptor_that_is_closed_ends_the_connection()
    {
        LessonRun step = LessonRun.Of(Lesson07_Endings.Lesson, "close(2) ends the connection with its last descriptor");
        Assert.That(step.Results("recv"), Is.EqualTo(new[] { -EAGAIN, 0 }));
    }

    [Test]
    public void Over_TCP_the_first_send_to_a_closed_peer_succeeds_and_a_later_one_fails_with_EPIPE()
    {
        LessonRun step = LessonRun.Of(Lesson07_Endings.Lesson, "A send to a peer that has closed");
        Assert.That(step.Results("send"), Is.EqualTo(new[] { 7, -EPIPE }));
        Assert.That(step.Calls("poll").Single().Text, Does.Contain("POLLERR"), "the reset arrives");
    }

    [Test]
    public void A_close_that_does_not_linger_resets_the_connection() =>
        Assert.That(LessonRun.Of(Lesson07_Endings.Lesson, "A reset").Errors, Is.EqualTo(new[] { ("recv", ECONNRESET) }));

    [Test]
    public void TIME_WAIT_is_at_the_end_that_closes_first()
    {
        LessonRun step = LessonRun.Of(Lesson07_Endings.Lesson, "TIME_WAIT is at the end that closes first");
        (ushort client, ushort server) = (PortIn(step.Names()[1]), PortIn(step.Names()[2]));
        Assert.That(step.Exhibits, Is.EqualTo(new[] { $"local 127.0.0.1:{client}  remote 127.0.0.1:{server}  TIME_WAIT" }));
    }

    [Test]
    public void A_port_with_a_connection_in_TIME_WAIT_can_be_bound_with_SO_REUSEADDR_alone()
    {
        LessonRun without = LessonRun.Of(Lesson07_Endings.Lesson, "A server that closes first cannot bind again");
        LessonRun with = LessonRun.Of(Lesson07_Endings.Lesson, "With SO_REUSEADDR it can");
        Assert.That(without.Results("bind"), Is.EqualTo(new[] { 0, -EADDRINUSE }));
        Assert.That(with.Results("bind"), Is.EqualTo(new[] { 0, 0 }));
        foreach (LessonRun step in (LessonRun[])[without, with])
            Assert.That(step.Exhibits.Single(), Does.StartWith($"local 127.0.0.1:{PortIn(step.Names()[0])} ").And.EndsWith("TIME_WAIT"), "at the server's port");
    }

    [Test]
    public void Shutdown_of_reading_gives_end_of_file_at_this_end()
    {
        (int client, _) = TcpConnection();
        shutdown(client, SHUT_RD).OrThrow("shutdown");
        Assert.That(recv(client, new byte[1], 0).OrThrow("recv"), Is.Zero);
    }

    [Test]
    public void Shutdown_of_both_ends_both()
    {
        (int one, int other) = Pair();
        shutdown(one, SHUT_RDWR).OrThrow("shutdown");
        Assert.That(recv(one, new byte[1], 0).OrThrow("recv"), Is.Zero);
        Assert.That(send(one, "x"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
        Assert.That(recv(other, new byte[1], 0).OrThrow("recv"), Is.Zero);
        Assert.That(send(other, "x"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
    }

    [Test]
    public void Shutdown_wants_a_connection() =>
        Assert.That(shutdown(TcpSocket(), SHUT_WR).Errno, Is.EqualTo(ENOTCONN));

    [Test]
    public void Shutdown_leaves_the_descriptor_open_and_close_does_not()
    {
        (int client, _) = TcpConnection();
        shutdown(client, SHUT_RDWR).OrThrow("shutdown");
        Assert.That(fcntl(client, F_GETFD).IsError, Is.False);
        CloseNow(client);
        Assert.That(fcntl(client, F_GETFD).Errno, Is.EqualTo(EBADF));
    }

    [Test]
    public void Close_is_the_peers_end_of_file()
    {
        (int client, int server) = TcpConnection();
        CloseNow(client);
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero);
    }

    [Test]
    public void A_send_to_a_peer_that_has_closed_fails_with_EPIPE_and_MSG_NOSIGNAL_spares_the_signal()
    {
        (int one, int other) = Pair();
        CloseNow(other);

        // SIGPIPE ends a process that does not expect it. On a thread that blocks it, it stays pending and can be seen.
        Background<(SyscallResult, bool, SyscallResult, bool)> thread = Background.Run(() =>
        {
            pthread_sigmask(SIG_BLOCK, sigset_t.Of(SIGPIPE), out _).OrThrow("pthread_sigmask");
            SyscallResult spared = send(one, "anyone?"u8, MSG_NOSIGNAL);
            bool signalled = IsPending(SIGPIPE);
            return (spared, signalled, send(one, "anyone?"u8, 0), IsPending(SIGPIPE));
        });
        Assert.That(
            thread.Result(), Is.EqualTo((SyscallResult.Failed(EPIPE), false, SyscallResult.Failed(EPIPE), true)));
    }

    [Test]
    public void Over_TCP_the_first_send_to_a_closed_peer_is_answered_by_a_reset_and_a_later_one_fails_with_EPIPE()
    {
        (int client, int server) = TcpConnection();
        CloseNow(server);
        send(client, "anyone?"u8, MSG_NOSIGNAL).OrThrow("send");
        pollfd entry = new() { fd = client };
        Assert.That(poll(new Span<pollfd>(ref entry), 30_000).OrThrow("poll"), Is.EqualTo(1), "the reset arrives");
        Assert.That(entry.revents & POLLERR, Is.EqualTo(POLLERR));
        getsockopt(client, SOL_SOCKET, SO_ERROR, out int error).OrThrow("getsockopt");
        Assert.That(error, Is.EqualTo(EPIPE).Or.EqualTo(ECONNRESET));
        Assert.That(send(client, "anyone?"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
    }

    [Test]
    public void Dup_shares_the_connection_so_that_closing_one_leaves_the_other()
    {
        (int client, int server) = TcpConnection();
        int copy = Own(dup(client));
        CloseNow(client);
        Assert.That(recv(server, new byte[1], MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN), "no end of file yet");
        send(copy, "still here"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(server, 10), Is.EqualTo("still here"u8.ToArray()));
        CloseNow(copy);
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero, "now there is");
    }

    [Test]
    public void Shutdown_ends_the_connection_for_every_copy_of_the_descriptor()
    {
        (int client, int server) = TcpConnection();
        int copy = Own(dup(client));
        shutdown(client, SHUT_WR).OrThrow("shutdown");
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero);
        Assert.That(send(copy, "x"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
    }

    // Whether a signal is pending for this thread: proc_pid_status(5).
    private static bool IsPending(int signal)
    {
        const string Label = "SigPnd:";
        string line = File.ReadLines($"/proc/self/task/{gettid()}/status").First(line => line.StartsWith(Label, StringComparison.Ordinal));
        ulong pending = ulong.Parse(line.AsSpan(Label.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (pending & (1UL << (signal - 1))) != 0;
    }
}
