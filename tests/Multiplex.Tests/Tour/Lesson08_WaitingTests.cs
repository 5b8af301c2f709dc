using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Multiplex.Interop;
using Multiplex.Tests.Support;
using Multiplex.Tour.Lessons;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Tour;

/// <summary>The eighth lesson, waiting, and what goes beyond it: poll and select, and the other calls that servers are made of.</summary>
public class Lesson08_WaitingTests : DescriptorFixture
{
    [Test]
    public void Poll_waits_for_whichever_descriptor_is_ready_first()
    {
        LessonRun step = LessonRun.Of(Lesson08_Waiting.Lesson, "poll(2) waits for whichever is ready first");
        int two = Descriptors(step.Calls("socketpair")[1].Text)[0];
        Assert.That(step.Results("poll"), Is.EqualTo(new[] { 0, 1, 1 }));
        Assert.That(step.Calls("poll")[0].Text, Does.EndWith("= 0 (Timeout)"));
        Assert.That(step.Calls("poll")[1].Text, Does.EndWith($"= 1 ({{fd={two}, revents=POLLIN}})"));
        Assert.That(step.Calls("poll")[2].Text, Does.EndWith($"= 1 ({{fd={two}, revents=POLLIN|POLLOUT}})"));
    }

    [Test]
    public void Poll_reports_a_connection_that_waits_to_be_accepted_as_readable()
    {
        LessonRun step = LessonRun.Of(Lesson08_Waiting.Lesson, "A listener is readable when a connection waits");
        Assert.That(step.Results("poll"), Is.EqualTo(new[] { 0, 1 }));
        Assert.That(step.Calls("poll")[1].Text, Does.EndWith("<listener>, revents=POLLIN})"));
    }

    [Test]
    public void Poll_reports_a_hang_up_without_being_asked()
    {
        LessonRun step = LessonRun.Of(Lesson08_Waiting.Lesson, "A hang-up is reported without being asked for");
        Assert.That(step.Calls("poll")[0].Text, Does.Contain("events=0").And.EndsWith("revents=POLLHUP})"));
        Assert.That(step.Calls("poll")[1].Text, Does.EndWith("revents=POLLIN|POLLHUP})"), "and the end of file is readable");
        Assert.That(step.Received, Is.EqualTo(new[] { "" }));
    }

    [Test]
    public void Select_of_the_lesson_counts_bits() =>
        Assert.That(LessonRun.Of(Lesson08_Waiting.Lesson, "select(2) leaves in its sets what is ready").Results("select"), Is.EqualTo(new[] { 2 }));

    [Test]
    public void Epoll_returns_what_is_ready_alone_and_again_until_it_is_read()
    {
        LessonRun step = LessonRun.Of(Lesson08_Waiting.Lesson, "epoll(7) keeps the list in the kernel");
        int two = Descriptors(step.Calls("socketpair")[1].Text)[0];
        Assert.That(step.Results("epoll_wait"), Is.EqualTo(new[] { 1, 1, 0 }));
        Assert.That(step.Calls("epoll_wait")[..2].Select(line => line.Text), Is.All.Contains($"[{{events=EPOLLIN, data={two}}}]"));
    }

    [Test]
    public void One_thread_answers_the_second_client_while_the_first_is_silent()
    {
        LessonRun step = LessonRun.Of(Lesson08_Waiting.Lesson, "One thread, two clients: a server with poll(2)");
        Assert.That(step.Received, Is.EqualTo(new[] { "quick", "quick", "slow", "slow" }), "the server's read and the client's, of each");
        Assert.That(step.Results("accept4"), Has.Length.EqualTo(2));
        Assert.That(step.Lines.Select(line => line.By), Is.All.Empty, "one thread");
    }

    // The two numbers in socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0.
    private static int[] Descriptors(string socketpair) =>
        [.. Regex.Match(socketpair, @"\[(\d+), (\d+)\]").Groups.Values.Skip(1).Select(group => int.Parse(group.Value))];

    [Test]
    public void Poll_returns_0_when_the_time_is_up()
    {
        (int one, _) = Pair();
        Assert.That(Poll(one, POLLIN, timeout: 0), Is.EqualTo((0, 0)));
        Assert.That(Poll(one, POLLIN, timeout: 5), Is.EqualTo((0, 0)));
    }

    [Test]
    public void Poll_reports_readability_and_writability()
    {
        (int one, int other) = Pair();
        Assert.That(Poll(one, POLLIN | POLLOUT), Is.EqualTo((1, (int)POLLOUT)));
        send(other, "x"u8, 0).OrThrow("send");
        Assert.That(Poll(one, POLLIN | POLLOUT), Is.EqualTo((1, POLLIN | POLLOUT)));
    }

    [Test]
    public void Poll_reports_a_descriptor_that_is_not_open()
    {
        (int one, _) = Pair();
        CloseNow(one);
        Assert.That(Poll(one, POLLIN), Is.EqualTo((1, (int)POLLNVAL)));
    }

    [Test]
    public void Poll_passes_over_a_negative_descriptor() =>
        Assert.That(Poll(-1, POLLIN, timeout: 0), Is.EqualTo((0, 0)));

    [Test]
    public void Select_leaves_in_its_sets_what_is_ready()
    {
        (int one, _) = Pair();
        (int two, int otherTwo) = Pair();
        send(otherTwo, "x"u8, 0).OrThrow("send");
        Assert.That(Select([one, two], [two]), Is.EqualTo((2, new[] { two }, new[] { two })), "a count of bits, not of descriptors");
        Assert.That(Select([one], []), Is.EqualTo((0, Array.Empty<int>(), Array.Empty<int>())), "the time is up");
    }

    [Test]
    public void Select_reports_a_hang_up_and_an_error_as_readiness_alone()
    {
        (int one, int other) = Pair();
        CloseNow(other);
        Assert.That(Select([one], []).Readable, Is.EqualTo(new[] { one }));
        Assert.That(Select([], []).Count, Is.Zero);
    }

    [Test]
    public void Select_with_a_descriptor_that_is_not_open_fails_with_EBADF()
    {
        (int one, _) = Pair();
        CloseNow(one);
        fd_set set = default, none = default;
        FD_SET(one, ref set);
        Assert.That(select(one + 1, ref set, ref none, ref none, 0).Errno, Is.EqualTo(EBADF));
    }

    [Test]
    public void An_eventfd_counts_until_it_is_read()
    {
        int counter = Own(eventfd(2, EFD_NONBLOCK | EFD_CLOEXEC));
        byte[] number = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, 40);
        write(counter, number).OrThrow("write");
        Assert.That(Poll(counter, POLLIN), Is.EqualTo((1, (int)POLLIN)));
        read(counter, number).OrThrow("read");
        Assert.That(BinaryPrimitives.ReadUInt64LittleEndian(number), Is.EqualTo(42));
        Assert.That(read(counter, number).Errno, Is.EqualTo(EAGAIN), "reading took it all");
    }

    [Test]
    public unsafe void Two_shared_mappings_of_a_file_are_the_same_bytes()
    {
        using TemporaryDirectory directory = new();
        int file = Own(open(directory["page"], O_RDWR | O_CREAT | O_CLOEXEC, 0x180));
        ftruncate(file, 4096).OrThrow("ftruncate");
        byte* one = (byte*)mmap(4096, PROT_READ | PROT_WRITE, MAP_SHARED, file);
        byte* other = (byte*)mmap(4096, PROT_READ, MAP_SHARED, file);
        one[17] = 42;
        Assert.That(other != one && other[17] == 42, Is.True);
        munmap(one, 4096).OrThrow("munmap");
        munmap(other, 4096).OrThrow("munmap");
        Assert.That(File.ReadAllBytes(directory["page"])[17], Is.EqualTo(42));
    }

    [Test]
    public unsafe void A_mapping_that_cannot_be_made_is_an_exception() =>
        Assert.That(
            () => { mmap(0, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1); },
            Throws.TypeOf<SyscallException>().With.Property("Errno").EqualTo(EINVAL));

    [Test]
    public unsafe void Prctl_names_the_thread()
    {
        Background<string> thread = Background.Run(() =>
        {
            fixed (byte* text = "tour"u8)
            {
                prctl(PR_SET_NAME, (nuint)text).OrThrow("prctl");
            }

            return File.ReadAllText($"/proc/self/task/{gettid()}/comm");
        });
        Assert.That(thread.Result(), Is.EqualTo("tour\n"));
        Assert.That(prctl(-1, 0).Errno, Is.EqualTo(EINVAL));
    }

    [Test]
    public void Getrlimit_tells_how_many_descriptors_there_may_be()
    {
        getrlimit(RLIMIT_NOFILE, out rlimit limit).OrThrow("getrlimit");
        Assert.That(limit.rlim_cur, Is.GreaterThan(2ul).And.LessThanOrEqualTo(limit.rlim_max));
        Assert.That(fcntl(0, F_DUPFD, (nint)limit.rlim_cur).Errno, Is.EqualTo(EINVAL), "past the limit there is none");
    }

    [Test]
    public void Getpid_and_gettid_tell_the_process_and_the_thread()
    {
        Assert.That(getpid(), Is.EqualTo(Environment.ProcessId));
        Assert.That(Directory.Exists($"/proc/self/task/{gettid()}"), Is.True);
        Assert.That(kill(getpid(), 0).IsError, Is.False, "signal 0 asks whether the process is there");
    }

    private static (int Count, int Happened) Poll(int fd, int events, int timeout = 30_000)
    {
        pollfd entry = new() { fd = fd, events = (short)events };
        int count = poll(new Span<pollfd>(ref entry), timeout).OrThrow("poll");
        return (count, entry.revents);
    }

    private static (int Count, int[] Readable, int[] Writable) Select(int[] read, int[] write)
    {
        fd_set readable = default, writable = default, except = default;
        foreach (int fd in read)
            FD_SET(fd, ref readable);
        foreach (int fd in write)
            FD_SET(fd, ref writable);
        int end = read.Concat(write).Append(-1).Max() + 1;
        int count = select(end, ref readable, ref writable, ref except, 0).OrThrow("select");
        return (count, [.. read.Where(fd => FD_ISSET(fd, readable))], [.. write.Where(fd => FD_ISSET(fd, writable))]);
    }
}
