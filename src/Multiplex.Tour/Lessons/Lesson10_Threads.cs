using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The tenth lesson: threads of one process share everything, which is what makes them cheap and what makes them dangerous.</summary>
internal static class Lesson10_Threads
{
    private const int ShortWait = 100;   // ms in which nothing is expected to happen

    private static readonly int s_longWait = (int)Trace.LongestWait.TotalMilliseconds;

    public static Lesson Lesson { get; } = new(
        "threads",
        "a thread for each client",
        [
            new("What do threads share that processes do not?",
                "The whole memory and the table of descriptors. A thread that closes a descriptor closes it for all; a variable that one changes is changed for "
                + "all. So what several threads change needs a lock or an atomic operation. A crash of one thread ends all of them."),
            new("What is wrong with a server of one thread that blocks?",
                "It serves one client at a time. A client that is connected and silent keeps all others waiting, although the kernel has accepted "
                + "their connections. A process or a thread for each client, or one thread that multiplexes, serves them all."),
        ],
        [
            new("One thread, one client at a time", OneAtATime),
            new("A thread for each client", AThreadForEach),
            new("Threads share descriptors", SharedDescriptors),
            new("Threads share memory: a lost update", ALostUpdate),
        ]);

    private static void OneAtATime(Trace t)
    {
        int listener = Listener(t, out byte[] address);
        int silent = t.socket(AF_INET, SOCK_STREAM, 0), waiting = t.socket(AF_INET, SOCK_STREAM, 0);
        t.connect(silent, address);
        t.connect(waiting, address);
        t.send(waiting, "me too"u8);
        TracedThread server = Trace.StartThread(() =>
        {
            for (int i = 0; i < 2; i++)
            {
                int connection = t.accept(listener);
                t.send(connection, t.recv(connection, 64));
                t.close(connection);
            }
        });
        int[] early = t.poll(ShortWait, (waiting, POLLIN));
        Trace.Check(early[0] == 0, "the second client has no answer yet");
        t.Say("The server waits in recv(2) for the first client, which is silent. The second client has sent, and waits. Now the first sends:");
        t.send(silent, "at last"u8);
        t.recv(silent, 64);
        t.recv(waiting, 64);
        server.Join();
    }

    private static void AThreadForEach(Trace t)
    {
        int listener = Listener(t, out byte[] address);
        int silent = t.socket(AF_INET, SOCK_STREAM, 0), quick = t.socket(AF_INET, SOCK_STREAM, 0);
        List<TracedThread> threads = [];
        t.getpid();
        foreach (int client in (int[])[silent, quick])
        {
            t.connect(client, address);
            int connection = t.accept(listener);
            threads.Add(Trace.StartThread(() =>
            {
                t.getpid();
                t.gettid();
                t.send(connection, t.recv(connection, 64));
                t.close(connection);
            }));
        }

        t.Say("Two threads of one process. The second client is answered while the first is silent:");
        t.send(quick, "quick"u8);
        t.recv(quick, 64);
        t.send(silent, "at last"u8);
        t.recv(silent, 64);
        threads.ForEach(thread => thread.Join());
    }

    private static void SharedDescriptors(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        TracedThread thread = Trace.StartThread(() => t.close(one));
        thread.Join();
        t.send(one, "x"u8, 0, new(EBADF, "another thread has closed the descriptor; after a fork(2) this one would still have its own"));
        t.recv(other, 64);
    }

    private static void ALostUpdate(Trace t)
    {
        t.Say("count = count + 1 is a read, an addition and a write. Two threads that both read before either writes:");
        int count = 0;
        using Barrier bothHaveRead = new(2);
        void Increment()
        {
            int read = count;
            bothHaveRead.SignalAndWait(s_longWait);
            count = read + 1;
            t.Show($"count = {read} + 1");
        }

        Together(Increment);
        t.Show($"count = {count} after two increments");
        Trace.Check(count == 1, "one update is lost");
        t.Say("With an atomic increment (or a lock around the three) none is lost:");
        int exact = 0;
        Together(() => Interlocked.Increment(ref exact));
        t.Show($"count = {exact} after two increments");
        Trace.Check(exact == 2, "no update is lost");
    }

    private static void Together(Action work)
    {
        TracedThread one = Trace.StartThread(work), other = Trace.StartThread(work);
        one.Join();
        other.Join();
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
