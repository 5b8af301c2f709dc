using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Rpc.Client.Calls;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <summary>
/// Which thread drives a connection: none while no call is in flight; a thread that blocks for a call of its own, so that no other thread has to
/// be woken when its reply comes; otherwise the event loop.
/// </summary>
/// <remarks>Called under the gate, but for <see cref="Wake"/>, <see cref="Engage"/>, <see cref="Lead"/>, <see cref="IsLoopDriving"/> and <see cref="LoopGoesOn"/>.</remarks>
/// <param name="connection">The connection.</param>
/// <param name="gate">Its gate.</param>
/// <param name="calls">Its calls in flight.</param>
/// <param name="loop">Drives it on the event loop.</param>
/// <param name="spin">How long a thread that blocks looks for its reply before it sleeps.</param>
internal sealed class DriverRole(ClientConnection connection, object gate, PendingCalls calls, LoopDriver loop, TimeSpan spin)
{
    // An eventfd(2), readable when the thread that drives is to begin a turn.
    private readonly int _wakeDescriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).OrThrow("eventfd");
    private readonly AdaptiveSpin _spin = new(spin);
    private Driver _driver;
    private bool _isClosed;
    private bool _callerWaits;   // a thread blocks while the loop drives
    private bool _isWoken;       // the driver has been woken, and has not begun its turn yet

    private enum Driver
    {
        None,
        Caller,
        Loop,
    }

    /// <summary>Whether a thread drives.</summary>
    public bool IsTaken => _driver != Driver.None;

    /// <summary>Whether the driver is in its turn: it looks at everything before it waits again.</summary>
    public bool IsInTurn { get; private set; }

    /// <summary>Whether this runs on the event loop's thread.</summary>
    public bool IsLoopThread => loop.IsCurrentThread;

    /// <summary>Whether the event loop drives. Takes the gate.</summary>
    public bool IsLoopDriving
    {
        get
        {
            lock (gate)
                return _driver == Driver.Loop;
        }
    }

    /// <summary>Makes the calling thread the driver, if there is none.</summary>
    public bool TryTakeForCaller()
    {
        bool takes = TryTake(Driver.Caller);
        _callerWaits |= !takes;
        return takes;
    }

    /// <summary>Makes the event loop the driver, if there is none: <see cref="Engage"/> has it begin.</summary>
    public bool TryTakeForLoop() => TryTake(Driver.Loop);

    /// <summary>A turn begins.</summary>
    public void BeginTurn() => (IsInTurn, _isWoken) = (true, false);

    /// <summary>A turn is over: the driver waits.</summary>
    public void EndTurn() => IsInTurn = false;

    /// <summary>Whether the driver waits and has not been woken. A thread that gets true calls <see cref="Wake"/>.</summary>
    public bool MustWake() => IsTaken && !IsInTurn && !_isWoken && (_isWoken = true);

    /// <summary>Closes the descriptor that wakes a thread.</summary>
    /// <returns>False when it was closed before.</returns>
    public bool TryClose()
    {
        if (_isClosed)
            return false;
        _isClosed = true;
        close(_wakeDescriptor);
        return true;
    }

    /// <summary>Wakes the driver.</summary>
    public void Wake()
    {
        bool isLoop;
        lock (gate)
        {
            isLoop = _driver == Driver.Loop;
            if (!isLoop && !_isClosed)
                eventfd_write(_wakeDescriptor, 1);
        }

        if (isLoop)
            PostToLoop();
    }

    /// <summary>Has the event loop begin to drive, or wakes the driver.</summary>
    public void Engage(bool attaches, bool wakes)
    {
        if (attaches)
            PostToLoop();
        else if (wakes)
            Wake();
    }

    /// <summary>Drives until a call is done, on the thread that blocks for it.</summary>
    public void Lead(PendingCall call)
    {
        Span<pollfd> both = stackalloc pollfd[2];
        try
        {
            while (!call.IsDone)
            {
                (int socket, Interest interest, long until) = connection.Turn.BeforeWait();
                both[0] = new() { fd = socket, events = EventsOf(interest) };
                both[1] = new() { fd = _wakeDescriptor, events = POLLIN };
                if (Wait(both, TimeoutUntil(until)).IsError)
                    both[0].revents = both[1].revents = 0;   // EINTR
                if (both[1].revents != 0)
                    eventfd_read(_wakeDescriptor, out _);
                connection.Turn.Run((both[0].revents & ~POLLOUT) != 0, (both[0].revents & (POLLOUT | POLLERR | POLLHUP)) != 0);
            }
        }
        finally
        {
            HandOver();
        }
    }

    /// <summary>For the event loop: whether it is to go on driving; if not, it has released the connection, and another thread may drive.</summary>
    public bool LoopGoesOn()
    {
        lock (gate)
        {
            // A thread that blocks for its call receives its reply sooner without the loop: the next one is to drive itself.
            bool yields = _callerWaits && !connection.HasWork;
            if (yields)
                _callerWaits = false;
            if (!connection.IsDisposed && !yields)
                return true;
            loop.Release();
            _driver = Driver.None;
            _isWoken = false;   // what was posted is ignored now
            return false;
        }
    }

    // Spins before it sleeps, if the options say so.
    private SyscallResult Wait(Span<pollfd> entries, int timeout)
    {
        if (timeout == 0 || !_spin.Begins())
            return poll(entries, timeout);
        SyscallResult ready;
        do
        {
            ready = poll(entries, 0);
        }
        while (ready.Value == 0 && _spin.GoesOn());
        _spin.End(ready.Value != 0);
        return ready.Value == 0 ? poll(entries, timeout) : ready;
    }

    private static short EventsOf(Interest interest) =>
        (short)(((interest & Interest.Readable) != 0 ? POLLIN : 0) | ((interest & Interest.Writable) != 0 ? POLLOUT : 0));

    private static int TimeoutUntil(long until) =>
        until == long.MaxValue ? -1 : (int)Math.Clamp(until - Environment.TickCount64, 0, int.MaxValue);

    private bool TryTake(Driver driver)
    {
        bool takes = !IsTaken;
        if (takes)
            _driver = driver;
        return takes;
    }

    // The next driver: the loop, if there is a call that no thread blocks for; otherwise one of the blocked threads, if there are any.
    private void HandOver()
    {
        bool attaches = false;
        lock (gate)
        {
            _driver = Driver.None;
            if (!connection.IsDisposed && connection.HasWork)
            {
                attaches = calls.Count == 0 || calls.WaiterCount < calls.Count;
                _driver = attaches ? Driver.Loop : Driver.Caller;
                if (!attaches)
                    calls.Oldest()?.Promote();
            }
        }

        connection.CloseIfDisposed();
        if (attaches)
            PostToLoop();
    }

    private void PostToLoop()
    {
        try
        {
            loop.Post();
        }
        catch (ObjectDisposedException e)
        {
            // The loop has ended before the client.
            lock (gate)
                _driver = Driver.None;
            connection.LoopHasEnded(e);
        }
    }
}
