using System.Text;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The ninth lesson: fork(2), what a child shares with its parent, and a process for each client.</summary>
internal static class Lesson09_Fork
{
    public static Lesson Lesson { get; } = new(
        "fork",
        "a process for each client",
        [
            new("What does a forked child share with its parent?",
                "Open files and sockets: the child has its own descriptors of the same open files, with one position, one queue and one connection between "
                + "them. Memory is not shared: the child has a copy as of the fork, and neither sees what the other changes afterwards. Memory that was mapped "
                + "with MAP_SHARED is the exception."),
            new("Why does the parent of a forking server close each connection that it accepts?",
                "The child has a descriptor of the same connection. The client gets its end of file when the last descriptor is closed; a parent that "
                + "kept its own would keep every connection open, and run out of descriptors."),
            new("What is a zombie?",
                "A child that has ended and was not waited for. The kernel keeps its exit status until waitpid(2) collects it."),
        ],
        [
            new("fork(2) returns twice", ReturnsTwice),
            new("Memory is copied", MemoryIsCopied),
            new("Memory of MAP_SHARED is shared", MemoryIsShared),
            new("An open file is shared, with its position", FilesAreShared),
            new("A connection lives until both have closed it", ConnectionsAreShared),
            new("A child that has ended is a zombie until it is waited for", AZombie),
            new("A server: a process for each client", AServer),
        ])
    { Forks = true };

    private static void ReturnsTwice(Trace t)
    {
        t.Say("In the parent fork(2) returns the child's id, in the child 0. From there on there are two processes. The calls of a child are shown when it has "
            + "ended, before the waitpid(2) that collects it:");
        t.getpid();
        int pid = t.fork(() =>
        {
            t.getpid();
            t.getppid();
            return 7;
        });
        t.waitpid(pid, expected: 7);
    }

    private static void MemoryIsCopied(Trace t)
    {
        int number = 1;
        t.Show("number = 1, before the fork");
        int pid = t.fork(() =>
        {
            number = 2;
            t.Show($"number = {number}, in the child");
            return 0;
        });
        t.waitpid(pid);
        t.Show($"number = {number}, in the parent, after the child has ended");
        Trace.Check(number == 1, "the parent's variable is as it was");
    }

    private static unsafe void MemoryIsShared(Trace t)
    {
        int* number = t.mmap();
        *number = 1;
        t.Show("number = 1, before the fork");
        int pid = t.fork(() =>
        {
            *number = 2;
            t.Show($"number = {*number}, in the child");
            return 0;
        });
        t.waitpid(pid);
        t.Show($"number = {*number}, in the parent, after the child has ended");
        Trace.Check(*number == 2, "the parent sees what the child has written");
        t.munmap(number);
    }

    private static void FilesAreShared(Trace t)
    {
        string path = Path.Combine(Path.GetTempPath(), $"mx-tour-{Environment.ProcessId}");
        int file = t.open(path, O_RDWR | O_CREAT | O_EXCL);
        t.unlink(path);
        t.write(file, "abcdef"u8);
        t.lseek(file, 0);
        int pid = t.fork(() =>
        {
            t.read(file, 3);
            return 0;
        });
        t.waitpid(pid);
        t.Say("The child has read 3 bytes. The parent's next read goes on behind them:");
        byte[] next = t.read(file, 3);
        Trace.Check(next.AsSpan().SequenceEqual("def"u8), "parent and child have one position");
    }

    private static void ConnectionsAreShared(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        (int go, int goOn) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        int pid = t.fork(() =>
        {
            t.recv(goOn, 1);
            t.send(one, "from the child"u8);
            return 0;
        });
        t.Say("The parent closes its descriptor. The peer gets no end of file, for the child has one:");
        t.close(one);
        t.recv(other, 64, MSG_DONTWAIT, new(EAGAIN, "nothing has arrived, and the connection is open"));
        t.send(go, "!"u8);
        t.recv(other, 64);
        t.waitpid(pid);
        t.Say("The child has ended, which closes its descriptors. Now the peer reads the end of file:");
        byte[] end = t.recv(other, 64);
        Trace.Check(end.Length == 0, "the peer reads an end of file when the last process has closed");
    }

    private static void AZombie(Trace t)
    {
        (int one, int other) = t.socketpair(AF_UNIX, SOCK_STREAM, 0);
        int pid = t.fork(() => 0);
        t.close(one);
        t.recv(other, 1);
        t.Show($"/proc/{pid}/stat: state {AwaitState(pid, 'Z')} (Z is a zombie)");
        t.waitpid(pid);
        bool isGone = !Directory.Exists($"/proc/{pid}");
        t.Show($"/proc/{pid}: {(isGone ? "gone" : "still there")}");
        Trace.Check(isGone, "waitpid(2) removes the child");
    }

    private static void AServer(Trace t)
    {
        int listener = t.socket(AF_INET, SOCK_STREAM, 0);
        t.bind(listener, Notation.Internet(INADDR_LOOPBACK, 0));
        t.listen(listener, 16);
        byte[] address = t.getsockname(listener);
        int[] clients = [t.socket(AF_INET, SOCK_STREAM, 0), t.socket(AF_INET, SOCK_STREAM, 0)];
        List<int> children = [];
        t.Say("The server's loop: accept, fork, close. The child serves its one connection and leaves.");
        foreach (int client in clients)
        {
            t.connect(client, address);
            int connection = t.accept(listener);
            children.Add(t.fork(() =>
            {
                foreach (int clientsEnd in clients)
                    t.close(clientsEnd);
                t.close(listener);
                byte[] request = t.recv(connection, 64);
                t.send(connection, [.. request, .. Encoding.ASCII.GetBytes($" by {t.getpid()}")]);
                return 0;
            }));
            t.close(connection);
        }

        t.Say("Both are connected at once. The second client is served while the first is silent:");
        foreach (int client in clients.Reverse())
        {
            t.send(client, "served"u8);
            t.recv(client, 64);
        }

        foreach (int child in children)
            t.waitpid(child);
    }

    // proc(5): "id (name) state …". The child needs a moment to end.
    private static char AwaitState(int pid, char wanted)
    {
        long end = Environment.TickCount64 + (long)Trace.LongestWait.TotalMilliseconds;
        while (true)
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            char state = stat[stat.LastIndexOf(')') + 2];
            if (state == wanted)
                return state;
            if (Environment.TickCount64 > end)
                throw new LessonException($"the child is in state {state} and not in {wanted} after {Trace.LongestWait.TotalSeconds} s");
        }
    }
}
