using System.Diagnostics;

namespace Multiplex.Check;

/// <summary>Resources that a server may leak, as proc(5) shows them: descriptors, zombies, CPU time, and the port.</summary>
internal static class ProcessChecks
{
    private const int Mebibyte = 1 << 20;

    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(10);

    public static IReadOnlyList<ServerCheck> All { get; } =
    [
        new("descriptors", "90 connections that end by close, half-close and reset", "a socket is a descriptor: close(2) it when its connection has ended, in every process that has it", "sockets endings fork", Descriptors) { Access = Access.Process },
        new("zombies", "50 connections", "a child that has ended is a zombie until its parent calls wait(2): SIGCHLD comes when one has ended", "fork", Zombies) { Access = Access.Process },
        new("idle", "nothing, while clients are silent, while one does not read, and after all have gone", "poll(2) waits: ask for POLLOUT only while there is something to write, and leave out what has ended", "waiting", Idle) { Access = Access.Process },
        new("restart", "the server is ended with a connection open, and started again on its port", "SO_REUSEADDR before bind(2): the old connection is in TIME_WAIT at that port", "endings", Restart) { Access = Access.Command },
    ];

    private static string Descriptors(ServerUnderCheck server)
    {
        const int Each = 30, Slack = 10;   // a server may open descriptors once, as for a further worker
        server.AssertServes("the first client");
        ConnectAndLeave(server, 1);
        int before = Settled(server);
        ConnectAndLeave(server, Each);
        int after = before;
        if (!Within(server.Timeout, () => (after = server.Descriptors) <= before + Slack))
            throw new ServerFaultException($"the server had {before} descriptors open before them, and {after} after them");
        return $"{before} descriptors open before, {after} after";
    }

    // Makes this many connections for each way to end; each is answered first.
    private static void ConnectAndLeave(ServerUnderCheck server, int each)
    {
        byte[] request = server.Exchange.Request();
        for (int i = 0; i < each; i++)
        {
            using CheckClient closing = server.Connect("a client that closes");
            Exchange(closing);
            closing.Dispose();
            using CheckClient halfClosing = server.Connect("a client that half-closes");
            Exchange(halfClosing);
            halfClosing.EndWriting();
            halfClosing.ReceiveEnd();
            halfClosing.Dispose();
            using CheckClient resetting = server.Connect("a client that resets");
            Exchange(resetting);
            resetting.Vanish();
        }

        void Exchange(CheckClient client)
        {
            client.Send(request);
            server.Exchange.Receive(client, request);
        }
    }

    // Connections that have ended may take a moment to be closed.
    private static int Settled(ServerUnderCheck server)
    {
        const int Looks = 5;
        int last = server.Descriptors, same = 0;
        Within(server.Timeout, () =>
        {
            int now = server.Descriptors;
            same = now == last ? same + 1 : 0;
            last = now;
            return same == Looks;
        });
        return last;
    }

    private static string Zombies(ServerUnderCheck server)
    {
        const int Connections = 50, Few = 3;   // some servers call waitpid(2) after accept(2): then the last children stay until the next connection
        for (int i = 1; i <= Connections; i++)
            server.AssertServes($"client {i}");
        int left = 0;
        Within(server.Timeout, () => (left = server.Zombies) == 0);
        return left == 0 ? "no process is left in state Z"
            : left <= Few ? $"{left} left in state Z until the next connection"
            : throw new ServerFaultException($"{left} processes are left in state Z");
    }

    private static string Idle(ServerUnderCheck server)
    {
        const int Silent = 5;
        CheckClient[] silent = [.. Enumerable.Range(1, Silent).Select(i => server.Connect($"silent client {i}"))];
        AssertSleeps(server, $"{Silent} clients were silent");
        foreach (CheckClient client in silent)
            client.Dispose();
        using (CheckClient greedy = server.Connect("the client that does not read"))
        {
            greedy.SendUntilBlocked(server.Exchange.Requests(Mebibyte), 64 * Mebibyte);
            AssertSleeps(server, "a client did not read");
        }

        AssertSleeps(server, "all clients had gone");
        return "the server slept";
    }

    // A server may have work left; one that spins does so in each of these periods. Its state shows that also while it waits for a core.
    private static void AssertSleeps(ServerUnderCheck server, string situation)
    {
        const int Looks = 25, MostRunning = 5;
        int running = 0;
        bool sleeps = Within(server.Timeout, () =>
        {
            running = 0;
            for (int i = 0; i < Looks; i++)
            {
                running += server.Runs ? 1 : 0;
                Thread.Sleep(s_lookAgain);
            }

            return running <= MostRunning;
        });
        if (!sleeps)
            throw new ServerFaultException($"while {situation} the server ran, at {running} of {Looks} looks");
    }

    private static string Restart(ServerUnderCheck server)
    {
        using CheckClient open = server.Connect("the client before");
        byte[] request = server.Exchange.Request();
        open.Send(request);
        server.Exchange.Receive(open, request);
        try
        {
            server.Restart();
        }
        catch (IOException e)
        {
            throw new ServerFaultException(e.Message);
        }

        server.AssertServes("the client after it");
        return "it serves again";
    }

    /// <summary>Waits for a condition.</summary>
    /// <returns>Whether it held within the time.</returns>
    internal static bool Within(TimeSpan timeout, Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > timeout)
                return false;
            Thread.Sleep(s_lookAgain);
        }

        return true;
    }
}
