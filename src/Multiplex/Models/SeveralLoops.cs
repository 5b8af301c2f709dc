using Multiplex.Interop;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>A service on several loops, each on its own thread with its own listeners: the kernel spreads the connections, SO_REUSEPORT of socket(7).</summary>
internal static class SeveralLoops
{
    private const int LookAgainMilliseconds = 20;

    /// <summary>Serves until a stop is requested, with a thread for each loop.</summary>
    /// <param name="service">What to serve.</param>
    /// <param name="count">How many loops.</param>
    /// <param name="runOne">Serves a share of it, on the thread that calls.</param>
    public static void Run(Service service, int count, Action<Service> runOne)
    {
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
            threads[i] = new Thread(() => runOne(share)) { IsBackground = true, Name = $"reactor {i}" };
        }

        foreach (Thread thread in threads)
            thread.Start();
        ready.Wait();
        service.Ready();
        PassOnStops(service, stops, threads);
        Array.ForEach(stops, stop => stop.Dispose());
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
