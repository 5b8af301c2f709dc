namespace Multiplex.Check;

/// <summary>Several clients: no client is affected by what another one does, or fails to do.</summary>
internal static class ClientChecks
{
    private const int Mebibyte = 1 << 20;

    private static readonly string[] s_bufferLimits = ["/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/ipv4/tcp_wmem"];

    public static IReadOnlyList<ServerCheck> All { get; } =
    [
        new("concurrency", "a request of a third client, while one is silent and one is in the middle of a request", "a concurrent server: a process or a thread for each client, or poll(2) over all of them", "fork threads waiting", Concurrency),
        new("many-at-once", "100 connections are open, then each sends a request", "listen(2) has a queue, and accept(2) empties it", "connections", ManyAtOnce) { Needs = "concurrency" },
        new("isolation", "8 clients send different lines of 16 KiB in turn, 50 times", "each connection has its own buffer: threads share memory", "threads fork", Isolation) { Needs = "concurrency" },
        new("slow-reader", "a client sends for as long as the server takes it, then reads", "flow control: a server that cannot write stops reading", "streams waiting", SlowReader),
        new("beside-slow-reader", "a request of another client, while one does not read", "a write(2) that blocks stops every client of its thread: O_NONBLOCK and POLLOUT, or a thread for each", "waiting", BesideSlowReader) { Needs = "concurrency" },
        new("one-after-another", "300 connections, one after another", "what a connection used is given back when it ends: descriptor, thread, process, memory", "endings", OneAfterAnother),
        new("vanishing", "clients close or reset with bytes on the way in both directions", "EPIPE, SIGPIPE and ECONNRESET: they end one connection, and not the server", "endings", Vanishing),
    ];

    private static string Concurrency(ServerUnderCheck server)
    {
        using CheckClient silent = server.Connect("the silent client"), slow = server.Connect("the slow client");
        slow.Send(server.Exchange.Request().AsSpan(0, 10));
        server.AssertServes("the third client");
        return "it was answered";
    }

    private static string ManyAtOnce(ServerUnderCheck server)
    {
        const int Connections = 100;
        List<CheckClient> clients = [];
        try
        {
            for (int i = 0; i < Connections; i++)
                clients.Add(server.Connect($"client {i + 1}"));
            byte[][] requests = [.. clients.Select((_, i) => server.Exchange.Request(i))];
            foreach ((CheckClient client, byte[] request) in clients.Zip(requests))
                client.Send(request);

            // Each client closes when it is done: a server may have fewer threads than there are clients.
            foreach ((CheckClient client, byte[] request) in clients.Zip(requests))
            {
                server.Exchange.Receive(client, request);
                client.Dispose();
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }

        return "each was answered";
    }

    private static string Isolation(ServerUnderCheck server)
    {
        const int Clients = 8, Rounds = 50, Length = 16 * 1024;
        byte[][] lines = [.. Enumerable.Range(0, Clients).Select(i => Lines.Of(Length, i))];
        List<CheckClient> clients = [];
        try
        {
            for (int i = 0; i < Clients; i++)
                clients.Add(server.Connect($"client {i + 1}"));
            for (int round = 0; round < Rounds; round++)
            {
                foreach ((CheckClient client, byte[] line) in clients.Zip(lines))
                    client.Send(line);
                foreach ((CheckClient client, byte[] line) in clients.Zip(lines))
                    client.Receive(line);
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }

        return "each client got its own";
    }

    private static string SlowReader(ServerUnderCheck server)
    {
        byte[] piece = server.Exchange.Requests(Mebibyte);
        using CheckClient greedy = server.Connect("the client that does not read");
        long most = MostInTheKernel() + (32 * Mebibyte), sent = greedy.SendUntilBlocked(piece, most);
        if (sent >= most)
            throw new ServerFaultException($"the server took {most / Mebibyte:N0} MiB from a client that reads nothing: they fill its memory");
        server.Exchange.ReceiveRepeated(greedy, piece, sent);
        return $"after {(double)sent / Mebibyte:N0} MiB the server took no more; all were answered";
    }

    private static string BesideSlowReader(ServerUnderCheck server)
    {
        using CheckClient greedy = server.Connect("the client that does not read");
        greedy.SendUntilBlocked(server.Exchange.Requests(Mebibyte), MostInTheKernel() + Mebibyte);
        server.AssertServes("the other client");
        return "it was answered";
    }

    private static string OneAfterAnother(ServerUnderCheck server)
    {
        const int Connections = 300;
        for (int i = 1; i <= Connections; i++)
            server.AssertServes($"client {i}");
        return "each was served";
    }

    private static string Vanishing(ServerUnderCheck server)
    {
        // A server with a buffer of 8 KiB writes several times to a client that is gone: to the first write(2) the client's machine answers with a
        // reset, the second one is an EPIPE. Where a reply is there before the client closes, the reset comes at once, which is an ECONNRESET; but an
        // EPIPE again behind an end of file.
        const int Each = 20;
        TimeSpan timeout = TimeSpan.FromMilliseconds(100);   // a server that cannot write may read no more
        int[] lengths = [1, 30_000, 60_000, 300_000];
        foreach (int length in lengths)
        {
            byte[] requests = server.Exchange.Requests(length);
            for (int i = 0; i < Each; i++)
            {
                using (CheckClient leaving = server.Connect("a client that closes"))
                    leaving.TrySend(requests, timeout);
                using (CheckClient ending = server.Connect("a client that ends and closes"))
                {
                    ending.TrySend(requests, timeout);
                    ending.EndWriting();
                }

                using CheckClient vanishing = server.Connect("a client that resets");
                vanishing.TrySend(requests, timeout);
                vanishing.Vanish();
            }

            server.AssertServes($"a client after {3 * Each} that were gone with {length:N0} bytes on the way");
        }

        for (int i = 0; i < Each; i++)
            server.Connect("a client that resets at once").Vanish();
        server.AssertServes($"a client after {Each} that were gone at once");
        return "clients after them are served";
    }

    // What both sockets can hold in both directions, tcp(7).
    private static long MostInTheKernel() => 2 * s_bufferLimits.Sum(file => long.Parse(File.ReadAllText(file).Split('\t')[2], System.Globalization.CultureInfo.InvariantCulture));
}
