using System.Globalization;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, ninth step: shutdown, close, dup, and how a peer learns of it.</summary>
public class Step09_Endings : DescriptorFixture
{
    [Test]
    public void Shutdown_of_writing_is_the_peers_end_of_file_and_the_other_direction_still_works()
    {
        (int client, int server) = TcpConnection();
        send(client, "last words"u8, 0).OrThrow("send");
        shutdown(client, SHUT_WR).OrThrow("shutdown");
        Assert.That(ReadExactly(server, 10), Is.EqualTo("last words"u8.ToArray()));
        Assert.That(recv(server, new byte[1], 0).OrThrow("recv"), Is.Zero, "end of file");
        send(server, "reply"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(client, 5), Is.EqualTo("reply"u8.ToArray()));
    }

    [Test]
    public void After_shutdown_of_writing_a_send_fails_with_EPIPE()
    {
        (int client, _) = TcpConnection();
        shutdown(client, SHUT_WR).OrThrow("shutdown");
        Assert.That(send(client, "x"u8, MSG_NOSIGNAL).Errno, Is.EqualTo(EPIPE));
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
    public void A_close_that_does_not_linger_resets_the_connection()
    {
        (int client, int server) = TcpConnection();
        setsockopt(client, SOL_SOCKET, SO_LINGER, new linger { l_onoff = 1, l_linger = 0 }).OrThrow("setsockopt");
        CloseNow(client);
        Assert.That(recv(server, new byte[1], 0).Errno, Is.EqualTo(ECONNRESET));
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

    // Whether a signal waits for this thread: proc_pid_status(5).
    private static bool IsPending(int signal)
    {
        const string Label = "SigPnd:";
        string line = File.ReadLines($"/proc/self/task/{gettid()}/status").First(line => line.StartsWith(Label, StringComparison.Ordinal));
        ulong pending = ulong.Parse(line.AsSpan(Label.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return (pending & (1UL << (signal - 1))) != 0;
    }
}
