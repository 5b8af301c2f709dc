using Multiplex.Interop;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Interop.Tour;

/// <summary>The tour of socket calls, sixth step: send, recv and their flags on a stream, which has no boundaries.</summary>
public class Step06_Streams : DescriptorFixture
{
    [Test]
    public void Several_reads_may_be_needed_for_what_one_write_wrote()
    {
        (int client, int server) = TcpConnection();
        Assert.That(write(client, "one write"u8).OrThrow("write"), Is.EqualTo(9));
        byte[] part = new byte[4];
        List<byte> all = [];
        int reads = 0;
        for (; all.Count < 9; reads++)
            all.AddRange(part[..recv(server, part, 0).OrThrow("recv")]);
        Assert.That(reads, Is.GreaterThanOrEqualTo(3));
        Assert.That(all, Is.EqualTo("one write"u8.ToArray()));
    }

    [Test]
    public void One_read_may_get_what_several_writes_wrote()
    {
        (int one, int other) = Pair();
        write(one, "three "u8).OrThrow("write");
        write(one, "separate "u8).OrThrow("write");
        write(one, "writes"u8).OrThrow("write");
        byte[] bytes = new byte[64];
        int got = read(other, bytes).OrThrow("read");
        Assert.That(bytes[..got], Is.EqualTo("three separate writes"u8.ToArray()), "a stream has no boundaries");
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
    public void MSG_PEEK_leaves_the_bytes_for_the_next_read()
    {
        (int one, int other) = Pair();
        send(one, "look"u8, 0).OrThrow("send");
        byte[] bytes = new byte[4];
        Assert.That(recv(other, bytes, MSG_PEEK).OrThrow("recv"), Is.EqualTo(4));
        Assert.That(bytes, Is.EqualTo("look"u8.ToArray()));
        Assert.That(ReadExactly(other, 4), Is.EqualTo("look"u8.ToArray()));
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
