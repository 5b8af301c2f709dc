using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// A thread for each connection, as many as there are connections up to a limit: past it, the kernel's queue holds them.
/// No connection waits for a worker as in a pool, but each costs the making of a thread.
/// </summary>
/// <remarks>
/// <see cref="AcceptLoop"/> accepts; <c>Threads.Serve</c> is the whole life of a connection and of its thread. <see cref="BlockingConnection.Receive"/> waits in
/// recv(2) and passes the bytes to <see cref="Session.Received"/>. Where they are only a piece of a request, the session keeps it, there is nothing to send, and
/// the thread waits for the next piece. <see cref="ThreadDrain"/> ends the waits at a stop.
/// </remarks>
public sealed class ThreadsModel : IServerModel
{
    /// <inheritdoc/>
    public void Run(Service service)
    {
        // No using declaration: a thread whose procedure outlasts the time to drain may still say that it has ended.
        Threads threads = new(service);
        using AcceptLoop accepting = new(service, threads.HasRoom, threads.Descriptor)
        {
            OtherIsReadable = threads.TakeNotice,
            HasConnections = () => threads.AreRunning,
        };
        accepting.Run(admit: threads.TryStart);
        if (ThreadDrain.Run(service, threads.HaveEnded, threads.Connections))
            threads.Dispose();
    }

    /// <summary>The threads, at most so many at a time. A thread is new each time; the buffers are those of one that has ended.</summary>
    private sealed class Threads : IDisposable
    {
        private readonly Service _service;
        private readonly int _ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");
        private readonly object _lock = new();   // not a Lock: its Monitor is waited on
        private readonly List<WorkerSlot> _slots = [];
        private readonly Stack<WorkerSlot> _free = [];
        private readonly HeldMemory _memory;
        private int _running;
        private bool _roomIsAwaited;

        public Threads(Service service)
        {
            _service = service;
            _memory = new(service.Options, service.Counters, service.Options.MaxThreads, Evict);
        }

        /// <summary>Readable when a thread has ended after <see cref="HasRoom"/> had been false.</summary>
        public int Descriptor => _ended;

        public IReadOnlyList<BlockingConnection> Connections => _slots.ConvertAll(slot => slot.Connection);

        public bool AreRunning => Volatile.Read(ref _running) > 0;

        public bool HasRoom()
        {
            lock (_lock)
                return !(_roomIsAwaited = _running >= _service.Options.MaxThreads);
        }

        public void TakeNotice() => eventfd_read(_ended, out _);

        /// <summary>Serves a connection on its own thread.</summary>
        /// <returns>False when the system gives no more threads; the connection is still the caller's then.</returns>
        public bool TryStart(int descriptor, PeerAddress peer)
        {
            WorkerSlot slot = TakeSlot();
            slot.Descriptor = descriptor;
            slot.Peer = peer;
            try
            {
                // Returns once the thread runs, so whether there is one is known here.
                WorkerThread.Create("connection", slot.Body).UnsafeStart();
                return true;
            }
            catch (Exception e) when (WorkerThread.IsRefusal(e))
            {
                GiveBack(slot);
                return false;
            }
        }

        /// <summary>Waits at most this long for all threads to end.</summary>
        public bool HaveEnded(TimeSpan within)
        {
            lock (_lock)
            {
                if (_running > 0)
                    Monitor.Wait(_lock, within);
                return _running == 0;
            }
        }

        public void Dispose()
        {
            _memory.Dispose();
            close(_ended);
        }

        // The whole life of a thread.
        private void Serve(WorkerSlot slot)
        {
            BlockingConnection connection = slot.Connection;
            connection.Begin(slot.Descriptor, slot.Peer);
            while (connection.IsOpen)
            {
                connection.Receive();
                connection.Send();
            }

            if (connection.End())
                _service.Counters.Increment(Counter.Closed);
            connection.AwaitDelivery();

            // Unlike its CPU time, which the clock of the process goes on counting, this ends with the thread: proc(5).
            if (!getrusage(RUSAGE_THREAD, out rusage usage).IsError)
                _service.Counters.Add(Counter.EndedContextSwitches, usage.ru_nvcsw + usage.ru_nivcsw);
            GiveBack(slot);
        }

        private WorkerSlot TakeSlot()
        {
            lock (_lock)
            {
                _running++;
                if (_free.TryPop(out WorkerSlot? slot))
                    return slot;
                int number = _slots.Count + 1;
                slot = new(new(_service, CountClosed, new(_memory, () => number)), Serve);
                _slots.Add(slot);
                return slot;
            }
        }

        private void GiveBack(WorkerSlot slot)
        {
            lock (_lock)
            {
                _free.Push(slot);
                if (--_running == 0)
                    Monitor.PulseAll(_lock);
                if (!_roomIsAwaited)
                    return;
                _roomIsAwaited = false;
            }

            eventfd_write(_ended, 1);
        }

        private void CountClosed() => _service.Counters.Increment(Counter.Closed);

        private void Evict(int number)
        {
            BlockingConnection connection;
            lock (_lock)
                connection = _slots[number - 1].Connection;
            connection.Evict();
        }
    }

    /// <summary>What a thread is given, and leaves to the next.</summary>
    private sealed class WorkerSlot
    {
        public WorkerSlot(BlockingConnection connection, Action<WorkerSlot> serve) => (Connection, Body) = (connection, () => serve(this));

        public BlockingConnection Connection { get; }

        public ThreadStart Body { get; }

        public int Descriptor { get; set; }

        public PeerAddress Peer { get; set; }
    }
}
