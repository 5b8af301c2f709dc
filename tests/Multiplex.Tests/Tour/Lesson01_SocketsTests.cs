using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The first lesson, sockets, and what goes beyond it.</summary>
public class Lesson01_SocketsTests : DescriptorFixture
{
    [Test]
    public void Socket_returns_a_descriptor()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "socket(2) makes one endpoint");
        Assert.That(step.Results("socket"), Is.Unique.And.All.GreaterThan(2), "0, 1 and 2 are standard input, output and error");
        Assert.That(step.Calls("getsockopt").Select(line => line.Text), Is.EqualTo(new[]
        {
            $"getsockopt({step.Results("socket")[0]}<stream>, SOL_SOCKET, SO_PROTOCOL, [IPPROTO_TCP], [4]) = 0",
            $"getsockopt({step.Results("socket")[1]}<datagram>, SOL_SOCKET, SO_PROTOCOL, [IPPROTO_UDP], [4]) = 0",
            $"getsockopt({step.Results("socket")[2]}<packets>, SOL_SOCKET, SO_TYPE, [SOCK_SEQPACKET], [4]) = 0",
        }));
    }

    [Test]
    public void Socket_of_a_family_that_does_not_exist_or_of_a_type_and_protocol_that_do_not_fit_fails()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "Not everything can be made");
        Assert.That(step.Errors, Is.EqualTo(new[] { ("socket", EAFNOSUPPORT), ("socket", EPROTONOSUPPORT) }));
    }

    [Test]
    public void Socketpair_makes_two_that_are_connected_to_each_other_both_ways()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "Two endpoints make a connection");
        Assert.That(step.Received, Is.EqualTo(new[] { "there", "back" }));
    }

    [Test]
    public void A_socket_descriptor_is_a_file_descriptor_to_read_and_write_without_a_position()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "A socket descriptor is a file descriptor");
        Assert.That(step.Results("write"), Is.EqualTo(new[] { 9 }));
        Assert.That(step.Received, Is.EqualTo(new[] { "as a file" }));
        Assert.That(step.Errors, Is.EqualTo(new[] { ("lseek", ESPIPE), ("listen", ENOTSOCK) }));
    }

    [Test]
    public void Dup_makes_a_second_descriptor_of_the_same_socket_and_closing_one_leaves_the_other()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "dup(2) makes a second descriptor of the same socket");
        Assert.That(step.Received, Is.EqualTo(new[] { "by one, by both", "still there" }));
        Assert.That(step.Calls("close").Single().Text, Does.EndWith("<one>) = 0"));
    }

    [Test]
    public void A_flag_in_the_type_makes_a_socket_non_blocking()
    {
        LessonRun step = LessonRun.Of(Lesson01_Sockets.Lesson, "Flags in the type");
        Assert.That(step.Results("fcntl").Single() & O_NONBLOCK, Is.EqualTo(O_NONBLOCK));
    }

    // A family, a type, and the protocol that 0 stands for. Stream: a connection, reliable, no boundaries. Datagram: no connection,
    // may be lost or come in another order, boundaries. Seqpacket: a connection, reliable, boundaries.
    [TestCase(AF_INET, SOCK_STREAM, IPPROTO_TCP)]
    [TestCase(AF_INET, SOCK_DGRAM, IPPROTO_UDP)]
    [TestCase(AF_INET6, SOCK_STREAM, IPPROTO_TCP)]
    [TestCase(AF_INET6, SOCK_DGRAM, IPPROTO_UDP)]
    [TestCase(AF_UNIX, SOCK_STREAM, 0)]
    [TestCase(AF_UNIX, SOCK_DGRAM, 0)]
    [TestCase(AF_UNIX, SOCK_SEQPACKET, 0)]
    public void The_protocol_0_is_the_default_for_the_family_and_the_type(int family, int type, int protocol)
    {
        int byDefault = Own(socket(family, type, 0));
        int byName = Own(socket(family, type, protocol));
        foreach (int fd in (int[])[byDefault, byName])
        {
            getsockopt(fd, SOL_SOCKET, SO_DOMAIN, out int itsFamily).OrThrow("getsockopt");
            getsockopt(fd, SOL_SOCKET, SO_TYPE, out int itsType).OrThrow("getsockopt");
            getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, out int itsProtocol).OrThrow("getsockopt");
            Assert.That((itsFamily, itsType, itsProtocol), Is.EqualTo((family, type, protocol)));
        }
    }

    [TestCase(AF_INET)]
    [TestCase(AF_INET6)]
    public void The_internet_has_no_seqpacket_but_SCTP_which_few_kernels_have(int family)
    {
        Multiplex.Interop.SyscallResult result = socket(family, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (result.IsError)
        {
            Assert.That(result.Errno, Is.EqualTo(ESOCKTNOSUPPORT).Or.EqualTo(EPROTONOSUPPORT));
            return;
        }

        getsockopt(Own(result), SOL_SOCKET, SO_PROTOCOL, out int protocol).OrThrow("getsockopt");
        Assert.That(protocol, Is.EqualTo(IPPROTO_SCTP));
    }

    [Test]
    public void Flags_in_the_type_make_a_socket_non_blocking_and_close_it_at_execve()
    {
        int fd = Own(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        Assert.That(fcntl(fd, F_GETFL).OrThrow("fcntl") & O_NONBLOCK, Is.EqualTo(O_NONBLOCK));
        Assert.That(fcntl(fd, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
    }

    [Test]
    public void But_it_has_no_position_so_lseek_fails_with_ESPIPE()
    {
        int fd = TcpSocket();
        Assert.That(lseek(fd, 0, SEEK_SET).Errno, Is.EqualTo(ESPIPE));
        Assert.That(lseek(fd, 0, SEEK_END).Errno, Is.EqualTo(ESPIPE));
    }

    [Test]
    public void Dup2_makes_it_at_a_number_of_choice_and_closes_what_was_there()
    {
        (int one, int other) = Pair();
        (int two, int otherTwo) = Pair();
        Assert.That(dup2(one, two).OrThrow("dup2"), Is.EqualTo(two));
        Assert.That(recv(otherTwo, new byte[1], 0).OrThrow("recv"), Is.Zero, "the end of what was there");
        send(two, "one's now"u8, 0).OrThrow("send");
        Assert.That(ReadExactly(other, 9), Is.EqualTo("one's now"u8.ToArray()));
        Assert.That(dup2(one, one).OrThrow("dup2"), Is.EqualTo(one), "to itself: nothing happens");
        Assert.That(dup3(one, one, 0).Errno, Is.EqualTo(EINVAL), "dup3 does not let that pass");
        dup3(one, two, O_CLOEXEC).OrThrow("dup3");
        Assert.That(fcntl(two, F_GETFD).OrThrow("fcntl"), Is.EqualTo(FD_CLOEXEC));
    }

    [Test]
    public void What_is_no_socket_cannot_do_what_sockets_do()
    {
        int file = Own(open("/dev/null", O_RDWR));
        Assert.That(listen(file, 1).Errno, Is.EqualTo(ENOTSOCK));
        Assert.That(send(file, "x"u8, 0).Errno, Is.EqualTo(ENOTSOCK), "write would do");
        Assert.That(bind(-1, Loopback(0)).Errno, Is.EqualTo(EBADF));
    }
}
