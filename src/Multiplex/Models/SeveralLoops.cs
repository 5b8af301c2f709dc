using System.Runtime.ExceptionServices;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A service on several loops, each on its own thread with its own listeners: the kernel spreads the connections, SO_REUSEPORT of socket(7). Where one loop
/// fails, the others are stopped.
/// </summary>
internal sealed class SeveralLoops
{
    private const int LookAgainMilliseconds = 20;

    private readonly Service _service;
    private readonly int _count;
    private readonly CountdownEvent _ready;
    private readonly List<StopSource> _stops = [];
    private readonly List<Thread> _threads = [];
    private readonly List<BoundSocket> _siblings = [];
    private ExceptionDispatchInfo? _failure;   // the first

    private SeveralLoops(Service service, int count) => (_service, _count, _ready) = (service, count, new(count));

    /// <summary>Serves until a stop is requested, with a thread for each loop.</summary>
    /// <param name="service">What to serve.</param>
    /// <param name="count">How many loops.</param>
    /// <param name="runOne">Serves a share of it, on the thread that calls.</param>
    /// <exception cref="IOException">A loop could not be started, or has failed: the message says which. All have ended, and all sockets are closed.</exception>
    public static void Run(Service service, int count, Action<Service> runOne) => new SeveralLoops(service, count).Run(runOne);

    private void Run(Action<Service> runOne)
    {
        Start(runOne);
        _ready.Wait();
        bool isServing = _failure is null && TryBeReady();
        PassOnStops(isServing);
        _stops.ForEach(stop => stop.Dispose());
        _ready.Dispose();
        if (_failure is null)
            return;
        _siblings.ForEach(socket => socket.Dispose());
        _service.CloseSockets();
        _failure.Throw();
    }

    private bool TryBeReady()
    {
        try
        {
            _service.Ready();
            return true;
        }
        catch (Exception e)
        {
            Fail(e);
            return false;
        }
    }

    private void Start(Action<Service> runOne)
    {
        AllAlive alive = new(_service, _count);
        try
        {
            Service[] shares = [.. Enumerable.Range(0, _count).Select(i => ShareOf(i, alive))];
            for (int i = 0; i < _count; i++)
            {
                int loop = i;
                Thread thread = new(() => Live(loop, shares[loop], runOne)) { IsBackground = true, Name = $"reactor {i}" };
                WorkerThread.Start(thread, i + 1, _count);
                _threads.Add(thread);
            }
        }
        catch (Exception e)
        {
            Fail(e);
            _ready.Signal(_count - _threads.Count);
        }
    }

    private Service ShareOf(int loop, AllAlive alive)
    {
        try
        {
            StopSource stop = StopSignal.ByRequest();
            _stops.Add(stop);
            return _service with
            {
                Listeners = ShareOf(_service.Listeners, loop, listener => listener.Sibling()),
                Datagrams = ShareOf(_service.Datagrams, loop, socket => socket.Sibling()),
                Stop = stop,
                MemoryShares = _count,
                Stopping = static () => { },
                AliveInterval = _service.AliveInterval / 2,
                Alive = alive.Of(loop),
            };
        }
        catch (IOException e)
        {
            throw Named(loop, "could not be started", e);
        }
    }

    // The first has the service's own sockets, whose names it removes in the end. Where another process passed several of an address, each is served by one loop
    // at least, and each loop has one: else connections would stay in a queue.
    private T[] ShareOf<T>(IReadOnlyList<T> sockets, int loop, Func<T, T> sibling)
        where T : BoundSocket => [.. sockets.GroupBy(socket => socket.Local).SelectMany(address =>
        {
            T[] own = [.. address.Where((_, i) => i % _count == loop)];
            if (own.Length > 0)
                return own;
            T further = sibling(address.ElementAt(loop % address.Count()));
            _siblings.Add(further);
            return [further];
        })];

    // The whole life of a thread.
    private void Live(int loop, Service share, Action<Service> runOne)
    {
        bool isReady = false;
        void BeReady()
        {
            isReady = true;
            _ready.Signal();
        }

        try
        {
            runOne(share with { Ready = BeReady });
        }
        catch (Exception e)
        {
            Fail(Named(loop, isReady ? "has failed" : "could not be started", e));
            if (!isReady)
                _ready.Signal();
        }
    }

    // What the system refuses is reported in one line. Anything else is a mistake in the program, which its own stack trace shows.
    private Exception Named(int loop, string what, Exception e) =>
        e is IOException or OutOfMemoryException ? new IOException($"reactor {loop + 1:N0} of {_count:N0} {what}: {e.Message}", e) : e;

    // The stop ends the loops that run, and the wait of the thread that passes it on.
    private void Fail(Exception e)
    {
        if (Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null) is null)
            _service.Stop.Request();
    }

    // One thread alone sees the stop: so this one waits for it, and passes it on to each loop.
    private void PassOnStops(bool isServing)
    {
        int passedOn = 0;
        while (_threads.Exists(thread => thread.IsAlive))
        {
            pollfd entry = new() { fd = _service.Stop.Descriptor, events = POLLIN };
            SyscallResult result = poll(new Span<pollfd>(ref entry), passedOn == 0 ? -1 : LookAgainMilliseconds);
            if (!result.Is(EINTR))
                result.OrThrow("poll");
            int requests = _service.Stop.Requests();
            if (passedOn == 0 && requests > 0 && isServing)
                _service.Stopping();
            for (; passedOn < requests; passedOn++)
                _stops.ForEach(stop => stop.Request());
        }
    }

    /// <summary>Calls <see cref="Service.Alive"/> when each loop has turned since the last time: one that hangs is not made up for by the others.</summary>
    private sealed class AllAlive(Service service, int count)
    {
        private readonly bool[] _turned = new bool[count];
        private readonly Lock _lock = new();

        public Action Of(int loop) => () =>
        {
            lock (_lock)
            {
                _turned[loop] = true;
                if (_turned.AsSpan().Contains(false))
                    return;
                _turned.AsSpan().Clear();
            }

            service.Alive();
        };
    }
}
