using System.Text;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The sixth lesson, messages, and what goes beyond it: several buffers, an address, and ancillary data.</summary>
public unsafe class Lesson06_MessagesTests : DescriptorFixture
{
    [Test]
    public void Sendmsg_gathers_one_message_from_several_buffers_and_recvmsg_scatters_it()
    {
        LessonRun step = LessonRun.Of(Lesson06_Messages.Lesson, "sendmsg(2) gathers, recvmsg(2) scatters");
        Assert.That(step.Results("sendmsg"), Is.EqualTo(new[] { 10 }));
        Assert.That(step.Calls("recvmsg").Single().Text, Does.EndWith("{msg_iov=[\"head\", \", body\"], msg_iovlen=2, msg_flags=0}, 0) = 10"));
    }

    [Test]
    public void Recvmsg_of_the_lesson_tells_that_a_message_was_cut_off() =>
        Assert.That(
            LessonRun.Of(Lesson06_Messages.Lesson, "recvmsg(2) tells what was cut off").Calls("recvmsg").Single().Text,
            Does.EndWith("{msg_iov=[\"longer\", \" than\"], msg_iovlen=2, msg_flags=MSG_TRUNC}, 0) = 11"));

    [Test]
    public void Writev_and_readv_of_the_lesson_take_several_buffers()
    {
        LessonRun step = LessonRun.Of(Lesson06_Messages.Lesson, "writev(2) and readv(2) do so on any descriptor");
        Assert.That((step.Results("writev").Single(), step.Results("readv").Single()), Is.EqualTo((10, 10)));
        Assert.That(step.Received, Is.EqualTo(new[] { "head, body" }));
    }

    [Test]
    public void Seqpacket_of_the_lesson_keeps_messages_whole_and_has_an_end_of_file()
    {
        LessonRun step = LessonRun.Of(Lesson06_Messages.Lesson, "Seqpacket: a connection that keeps messages whole");
        Assert.That(step.Received, Is.EqualTo(new[] { "first", "second", "" }));
        Assert.That(Encoding.ASCII.GetString(step.Names().Single()[2..]), Does.Match("^\0[0-9a-f]{5}$"), "the kernel chose the name");
    }

    [Test]
    public void A_descriptor_of_the_lesson_reaches_the_receiver()
    {
        LessonRun step = LessonRun.Of(Lesson06_Messages.Lesson, "A descriptor beside the bytes");
        Assert.That(step.Received[^1], Is.EqualTo("the same socket"));
        Assert.That(step.Calls("sendmsg").Single().Text, Does.Contain("SCM_RIGHTS"));
    }

    [Test]
    public void The_kernel_tells_the_process_at_the_other_end() =>
        Assert.That(
            LessonRun.Of(Lesson06_Messages.Lesson, "Which process is at the other end").Calls("getsockopt").Single().Text,
            Does.Contain($"SO_PEERCRED, {{pid={getpid()}, uid={geteuid()}, gid={getegid()}}}"));

    [TestCase(SOCK_DGRAM)]
    [TestCase(SOCK_SEQPACKET)]
    public void Recvmsg_tells_that_a_message_was_cut_off(int type)
    {
        (int one, int other) = Pair(type);
        send(one, "longer than both"u8, 0).OrThrow("send");
        byte[] first = new byte[6], second = new byte[5];
        Assert.That(Scatter(other, first, second, out int flags), Is.EqualTo(11));
        Assert.That(second, Is.EqualTo(" than"u8.ToArray()));
        Assert.That(flags & MSG_TRUNC, Is.EqualTo(MSG_TRUNC));
    }

    [Test]
    public void Writev_and_readv_do_so_without_options()
    {
        (int one, int other) = TcpConnection();
        fixed (byte* head = "head, "u8, body = "body"u8)
        {
            iovec[] parts = [new() { iov_base = head, iov_len = 6 }, new() { iov_base = body, iov_len = 4 }];
            Assert.That(writev(one, parts).OrThrow("writev"), Is.EqualTo(10));
        }

        Eventually.Holds(() => recv(other, new byte[10], MSG_PEEK | MSG_DONTWAIT).Value == 10, "all has arrived");
        byte[] first = new byte[4], second = new byte[16];
        fixed (byte* start = first, rest = second)
        {
            iovec[] parts = [new() { iov_base = start, iov_len = 4 }, new() { iov_base = rest, iov_len = 16 }];
            Assert.That(readv(other, parts).OrThrow("readv"), Is.EqualTo(10));
        }

        Assert.That(first.Concat(second[..6]), Is.EqualTo("head, body"u8.ToArray()));
    }

    [Test]
    public void Sendmmsg_and_recvmmsg_carry_several_datagrams_with_one_call_each()
    {
        const int Count = 5, Room = 16;
        int server = BoundUdpSocket(), client = BoundUdpSocket();
        using MessageBatch sent = new(Count, Room), got = new(2 * Count, Room);
        for (int i = 0; i < Count; i++)
            sent.Fill(i, NameOf(server), [.. Enumerable.Repeat((byte)i, i + 1)]);
        Assert.That(sendmmsg(client, sent.Messages, 0).OrThrow("sendmmsg"), Is.EqualTo(Count));
        Assert.That(sent.Messages[4].msg_len, Is.EqualTo(5), "each tells how much of it was sent");
        Assert.That(recvmmsg(server, got.Messages, MSG_WAITFORONE).OrThrow("recvmmsg"), Is.EqualTo(Count), "as many as there are");
        for (int i = 0; i < Count; i++)
        {
            Assert.That(got.Bytes(i), Is.EqualTo(Enumerable.Repeat((byte)i, i + 1)));
            Assert.That(got.Address(i), Is.EqualTo(NameOf(client)));
        }

        Assert.That(recvmmsg(server, got.Messages, MSG_DONTWAIT).Errno, Is.EqualTo(EAGAIN));
    }

    [Test]
    public void A_batch_of_datagrams_costs_no_allocation()
    {
        int server = BoundUdpSocket(), client = UdpSocket();
        using MessageBatch sent = new(4, 16), got = new(4, 16);
        for (int i = 0; i < 4; i++)
            sent.Fill(i, NameOf(server), [1, 2, 3]);
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            sendmmsg(client, sent.Messages, 0);
            recvmmsg(server, got.Messages, MSG_WAITFORONE);
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    [Test]
    public void SCM_RIGHTS_passes_an_open_descriptor_to_another_process()
    {
        // To this process itself; it works the same way between any two that a UNIX-domain socket connects.
        (int one, int other) = Pair();
        (int passed, int itsPeer) = TcpConnection();
        SendDescriptors(one, passed);
        CloseNow(passed);   // one reference of several: a descriptor in a message counts too
        int received = ReceiveDescriptors(other, room: 1, MSG_CMSG_CLOEXEC, out _).Single();
        Assert.That(received, Is.Not.EqualTo(one).And.Not.EqualTo(itsPeer));
        Assert.That(fcntl(received, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
        send(received, "the same connection"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(itsPeer, 19), Is.EqualTo("the same connection"u8.ToArray()));
    }

    [Test]
    public void Descriptors_that_do_not_fit_are_closed_and_MSG_CTRUNC_tells()
    {
        (int one, int other) = Pair();
        (int first, int second) = Pair();
        SendDescriptors(one, first, second, first);
        int[] received = ReceiveDescriptors(other, room: 1, 0, out int flags);
        Assert.That(received, Has.Length.LessThan(3));
        Assert.That(flags & MSG_CTRUNC, Is.EqualTo(MSG_CTRUNC));
    }

    [Test]
    public void SO_PEERCRED_tells_which_process_and_user_connected()
    {
        int listener = UnixSocket(), client = UnixSocket();
        bind(listener, UnixFamilyAlone).OrThrow("bind");
        listen(listener, 1).OrThrow("listen");
        connect(client, NameOf(listener)).OrThrow("connect");
        int server = Own(accept4(listener, new byte[128], out _, SOCK_CLOEXEC));
        getsockopt(server, SOL_SOCKET, SO_PEERCRED, out ucred peer).OrThrow("getsockopt");
        Assert.That((peer.pid, peer.uid, peer.gid), Is.EqualTo((getpid(), geteuid(), getegid())));
        getsockopt(TcpConnection().Server, SOL_SOCKET, SO_PEERCRED, out ucred unknown).OrThrow("getsockopt");
        Assert.That((unknown.pid, (int)unknown.uid), Is.EqualTo((0, -1)), "over a network nobody can tell");
    }

    [Test]
    public void With_SO_PASSCRED_each_message_names_its_sender()
    {
        (int one, int other) = Pair(SOCK_DGRAM);
        setsockopt(other, SOL_SOCKET, SO_PASSCRED, 1).OrThrow("setsockopt");
        send(one, "x"u8, 0).OrThrow("send");
        byte[] control = new byte[CMSG_SPACE((nuint)sizeof(ucred))];
        byte content;
        iovec part = new() { iov_base = &content, iov_len = 1 };
        fixed (byte* room = control)
        {
            msghdr message = Message(&part, room, control.Length);
            recvmsg(other, ref message, 0).OrThrow("recvmsg");
            cmsghdr* beside = CMSG_FIRSTHDR(message);
            Assert.That((beside->cmsg_level, beside->cmsg_type), Is.EqualTo((SOL_SOCKET, SCM_CREDENTIALS)));
            Assert.That(((ucred*)CMSG_DATA(beside))->pid, Is.EqualTo(getpid()));
            Assert.That(CMSG_NXTHDR(message, beside) == null, Is.True);
        }
    }

    private static int Scatter(int fd, byte[] first, byte[] second, out int flags)
    {
        fixed (byte* start = first, rest = second)
        {
            iovec* parts = stackalloc iovec[2];
            parts[0] = new() { iov_base = start, iov_len = (nuint)first.Length };
            parts[1] = new() { iov_base = rest, iov_len = (nuint)second.Length };
            msghdr message = new() { msg_iov = parts, msg_iovlen = 2 };
            int length = recvmsg(fd, ref message, 0).OrThrow("recvmsg");
            flags = message.msg_flags;
            return length;
        }
    }

    // On a stream, ancillary data needs at least one byte of data.
    private static void SendDescriptors(int fd, params int[] descriptors)
    {
        nuint length = (nuint)(descriptors.Length * sizeof(int));
        byte[] control = new byte[CMSG_SPACE(length)];
        byte content = 0;
        iovec part = new() { iov_base = &content, iov_len = 1 };
        fixed (byte* room = control)
        {
            msghdr message = Message(&part, room, control.Length);
            cmsghdr* beside = CMSG_FIRSTHDR(message);
            *beside = new() { cmsg_len = CMSG_LEN(length), cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS };
            descriptors.CopyTo(new Span<int>(CMSG_DATA(beside), descriptors.Length));
            sendmsg(fd, message, 0).OrThrow("sendmsg");
        }
    }

    private int[] ReceiveDescriptors(int fd, int room, int flags, out int received)
    {
        byte[] control = new byte[CMSG_SPACE((nuint)(room * sizeof(int)))];
        byte content;
        iovec part = new() { iov_base = &content, iov_len = 1 };
        fixed (byte* start = control)
        {
            msghdr message = Message(&part, start, control.Length);
            recvmsg(fd, ref message, flags).OrThrow("recvmsg");
            received = message.msg_flags;
            cmsghdr* beside = CMSG_FIRSTHDR(message);
            Assert.That((beside->cmsg_level, beside->cmsg_type), Is.EqualTo((SOL_SOCKET, SCM_RIGHTS)));
            int count = (int)(beside->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            int[] descriptors = new Span<int>(CMSG_DATA(beside), count).ToArray();
            return [.. descriptors.Select(descriptor => Own(SyscallResult.Of(descriptor)))];
        }
    }

    private static msghdr Message(iovec* part, byte* control, int controlLength) =>
        new() { msg_iov = part, msg_iovlen = 1, msg_control = control, msg_controllen = (nuint)controlLength };
}
