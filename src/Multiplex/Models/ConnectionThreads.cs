using Multiplex.Engine;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// Threads that serve one connection each and end with it, at most so many at a time. A thread is new each time; what its
/// conversation needs, buffers above all, is handed on from one that has ended.
/// </summary>
internal sealed class ConnectionThreads : IDisposable
{
    /// <summary>
    /// Address space of a thread's stack. What a thread touches of it, some 20 KiB, costs memory, however large it is; a
    /// smaller one would leave less than the 128 KiB that the runtime itself wants to see free before it goes deeper.
    /// </summary>
    public const int StackSize = 256 * 1024;

    private readonly Service _service;
    private readonly int _ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");
    private readonly object _lock = new();   // not a Lock: its Monitor is waited on
    private readonly List<Seat> _seats = [];
    private readonly Stack<Seat> _free = [];
    private readonly HeldMemory _memory;
    private int _running;
    private bool _roomIsAwaited;

    /// <summary>Has no threads yet.</summary>
    public ConnectionThreads(Service service)
    {
        _service = service;
        _memory = new(service.Options, service.Counters, service.Options.MaxThreads, Evict);
    }

    /// <summary>Readable when a thread has ended after <see cref="HasRoom"/> had been false.</summary>
    public int Descriptor => _ended;

    /// <summary>What the threads hold.</summary>
    public IReadOnlyList<WatchedConversation> Conversations => _seats.ConvertAll(seat => seat.Conversation);

    /// <summary>Whether one more thread may be started.</summary>
    public bool HasRoom()
    {
        lock (_lock)
            return !(_roomIsAwaited = _running >= _service.Options.MaxThreads);
    }

    /// <summary>Takes note that <see cref="Descriptor"/> was readable.</summary>
    public void TakeNotice() => eventfd_read(_ended, out _);

    /// <summary>Serves a connection in a thread of its own.</summary>
    /// <returns>False when the system gives no more threads; the connection is still the caller's then.</returns>
    public bool TryStart(int descriptor, PeerAddress peer)
    {
        Seat seat = TakeSeat();
        seat.Descriptor = descriptor;
        seat.Peer = peer;
        try
        {
            // Returns once the thread runs, so whether there is one is known here: EAGAIN of pthread_create(3) arrives as
            // one of these two.
            new Thread(seat.Body, StackSize) { IsBackground = true, Name = "connection" }.UnsafeStart();
            return true;
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            GiveBack(seat);
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

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        close(_ended);
    }

    private void Evict(int seat)
    {
        WatchedConversation conversation;
        lock (_lock)
            conversation = _seats[seat - 1].Conversation;
        conversation.Evict();
    }

    private Seat TakeSeat()
    {
        lock (_lock)
        {
            _running++;
            if (_free.TryPop(out Seat? seat))
                return seat;
            seat = new(this, number: _seats.Count + 1);
            _seats.Add(seat);
            return seat;
        }
    }

    private void GiveBack(Seat seat)
    {
        lock (_lock)
        {
            _free.Push(seat);
            if (--_running == 0)
                Monitor.PulseAll(_lock);
            if (!_roomIsAwaited)
                return;
            _roomIsAwaited = false;
        }

        eventfd_write(_ended, 1);
    }

    /// <summary>What a thread is given, and leaves to the next.</summary>
    private sealed class Seat
    {
        private readonly ConnectionThreads _threads;

        public Seat(ConnectionThreads threads, int number)
        {
            _threads = threads;
            Conversation = new(threads._service, new(threads._memory, () => number));
            Body = Serve;
        }

        public WatchedConversation Conversation { get; }

        public ThreadStart Body { get; }

        public int Descriptor { get; set; }

        public PeerAddress Peer { get; set; }

        private void Serve()
        {
            Conversation.Serve(Descriptor, Peer);
            Conversation.AwaitDelivery();

            // Unlike its CPU time, which the clock of the process goes on counting, this ends with the thread: proc(5).
            if (!getrusage(RUSAGE_THREAD, out rusage usage).IsError)
                _threads._service.Counters.Add(Counter.EndedContextSwitches, usage.ru_nvcsw + usage.ru_nivcsw);
            _threads.GiveBack(this);
        }
    }
}
