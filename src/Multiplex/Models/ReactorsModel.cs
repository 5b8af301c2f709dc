using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Multiplexers;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// Several epoll loops, one a core, that share nothing: each has its own listeners, between which the kernel spreads the
/// connections (SO_REUSEPORT), its own multiplexer and its own connections. A call that takes long holds up the
/// connections of its loop only.
/// </summary>
public sealed class ReactorsModel : IServerModel
{
    private const int LookAgainMilliseconds = 20;

    /// <inheritdoc/>
    public void Run(Service service)
    {
        int count = service.Options.Reactors;
        using CountdownEvent ready = new(count);
        StopSignal.Requestable[] stops = [.. Enumerable.Range(0, count).Select(_ => StopSignal.ByRequest())];
        Thread[] threads = new Thread[count];
        for (int i = 0; i < count; i++)
        {
            Service share = service with
            {
                // The first has the service's own sockets, whose names it removes in the end.
                Listeners = i == 0 ? service.Listeners : [.. service.Listeners.Select(listener => listener.Sibling())],
                Datagrams = i == 0 ? service.Datagrams : [.. service.Datagrams.Select(socket => socket.Sibling())],
                Stop = stops[i],
                MemoryShares = count,
                Ready = () => ready.Signal(),
                Stopping = static () => { },
            };
            threads[i] = new Thread(() => RunOne(share)) { IsBackground = true, Name = $"reactor {i}" };
        }

        foreach (Thread thread in threads)
            thread.Start();
        ready.Wait();
        service.Ready();
        PassOnStops(service, stops, threads);
        Array.ForEach(stops, stop => stop.Dispose());
    }

    private static void RunOne(Service share)
    {
        using EventLoop loop = new(new EpollMultiplexer());
        using LoopServer server = new(share, loop);
        server.Run();
    }

    // One thread alone sees the stop: so this one waits for it, and passes it on to each loop.
    private static void PassOnStops(Service service, StopSignal.Requestable[] stops, Thread[] threads)
    {
        int passedOn = 0;
        while (threads.Any(thread => thread.IsAlive))
        {
            pollfd entry = new() { fd = service.Stop.Descriptor, events = POLLIN };
            SyscallResult result = poll(new Span<pollfd>(ref entry), passedOn == 0 ? -1 : LookAgainMilliseconds);
            if (!result.Is(EINTR))
                result.OrThrow("poll");
            int requests = service.Stop.Requests();
            if (passedOn == 0 && requests > 0)
                service.Stopping();
            for (; passedOn < requests; passedOn++)
                Array.ForEach(stops, stop => stop.Request());
        }
    }
}
