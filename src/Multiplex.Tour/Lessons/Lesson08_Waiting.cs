using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The eighth lesson: poll(2), select(2) and epoll(7) wait for several descriptors at once, so that one thread serves many clients.</summary>
internal static class Lesson08_Waiting
{
    private const int ShortWait = 50;   // ms in which nothing is expected to happen

    private static readonly int s_longWait = (int)Trace.LongestWait.TotalMilliseconds;

    public static Lesson Lesson { get; } = new(
        "waiting",
        "poll, select and epoll: whichever descriptor is ready first",
        [
            new("How does one thread serve many clients?",
                "It waits with poll(2), select(2) or epoll(7) for all descriptors at once, the listener's among them, and then reads from those that are "
                + "ready, which does not block. Between two calls it keeps what it knows of each client."),
            new("What is the difference between poll(2) and epoll(7)?",
                "poll(2) gets the whole list of descriptors with each call, and looks at each of them. epoll(7) keeps the list in the kernel, and a wait "
                + "returns those alone that are ready: its cost grows with the ready ones, not with all."),
        ],
        [
            new("poll(2) waits for whichever is ready first", WhicheverIsFirst),
            new("A listener is readable when a connection waits", AListener),
            new("A hang-up is reported without being asked for", AHangUp),
            new("select(2) leaves in its sets what is ready", Select),
            new("epoll(7) keeps the list in the kernel", Epoll),
            new("One thread, two clients: a server with poll(2)", AServer),
        ]);

    private static void WhicheverIsFirst(Trace t)
    {
        (int one, _) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        (int two, int otherTwo) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.Say("Nothing has arrived. The wait ends when its time is up (milliseconds), and returns 0:");
        t.poll(ShortWait, (one, POLLIN), (two, POLLIN));
        t.send(otherTwo, "x"u8);
        t.Say("Now the second can be read. A wait without a limit (-1) would return as soon:");
        int[] ready = t.poll(s_longWait, (one, POLLIN), (two, POLLIN));
        Trace.Check(ready[0] == 0 && ready[1] == POLLIN, "the second descriptor is ready");
        t.Say("Writing is possible as long as the send buffer has room:");
        t.poll(s_longWait, (two, POLLIN | POLLOUT));
    }

    private static void AListener(Trace t)
    {
        int listener = Listener(t, out byte[] address);
        t.poll(0, (listener, POLLIN));
        t.connect(t.socket(AF_INET, SOCK_STREAM, 0), address);
        t.poll(s_longWait, (listener, POLLIN));
        t.accept(listener);
    }

    private static void AHangUp(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.close(other);
        t.poll(s_longWait, (one, 0));
        t.Say("The end of file can be read too, so a server that waits for POLLIN wakes up:");
        t.poll(s_longWait, (one, POLLIN));
        t.recv(one, 64);
    }

    private static void Select(Trace t)
    {
        (int one, _) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        (int two, int otherTwo) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        t.send(otherTwo, "x"u8);
        t.Say("The first argument is the highest descriptor plus 1. The result counts bits: the second is readable and writable, which is 2.");
        (int count, int[] readable, int[] writable) = t.select([one, two], [two], s_longWait);
        Trace.Check(count == 2 && readable is [int r] && r == two && writable is [int w] && w == two, "the second is readable and writable");
        t.Say($"A set has {FD_SETSIZE} bits: descriptors from {FD_SETSIZE} on do not fit.");
    }

    private static void Epoll(Trace t)
    {
        (int one, _) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        (int two, int otherTwo) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        int epoll = t.epoll_create1();
        t.epoll_add(epoll, one, EPOLLIN);
        t.epoll_add(epoll, two, EPOLLIN);
        t.send(otherTwo, "x"u8);
        int[] ready = t.epoll_wait(epoll, s_longWait);
        Trace.Check(ready is [int fd] && fd == two, "epoll_wait returns the ready descriptor alone");
        t.Say("It is level-triggered: as long as the byte is not read, the next wait returns it again.");
        t.epoll_wait(epoll, s_longWait);
        t.recv(two, 64);
        t.epoll_wait(epoll, 0);
    }

    // The loop of every model that multiplexes, with poll(2), until both clients have been answered.
    private static void AServer(Trace t)
    {
        int listener = Listener(t, out byte[] address);
        int slow = t.socket(AF_INET, SOCK_STREAM, 0), quick = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(slow, address);
        t.connect(quick, address);
        t.send(quick, "quick"u8);
        t.Say("The first client is connected and silent; the second has sent. The server's loop:");
        List<(int Fd, int Events)> set = [(listener, POLLIN)];
        int answered = 0;
        while (answered < 2)
        {
            int[] ready = t.poll(s_longWait, [.. set]);
            for (int i = ready.Length - 1; i >= 0; i--)
            {
                if ((ready[i] & POLLIN) == 0)
                    continue;
                if (set[i].Fd == listener)
                {
                    set.Add((t.accept(listener), POLLIN));
                    continue;
                }

                byte[] request = t.recv(set[i].Fd, 64);
                t.send(set[i].Fd, request);
                answered++;
                if (answered == 1)
                {
                    t.recv(quick, 64);
                    t.Say("The second client has its answer while the first is still silent. Now the first sends:");
                    t.send(slow, "slow"u8);
                }
            }
        }

        t.recv(slow, 64);
    }

    private static int Listener(Trace t, out byte[] address)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, 16);
        address = t.getsockname(listener);
        return listener;
    }
}
