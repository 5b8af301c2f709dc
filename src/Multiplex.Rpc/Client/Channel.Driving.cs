using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Client;

/// <content>Who drives: nobody while no call is in flight, a thread that blocks for a call of its own, or the event loop.</content>
internal sealed partial class Channel
{
    private Driver _driver;
    private bool _isInTurn;      // the driver is at work, and will look at everything before it waits again
    private bool _isWoken;       // or has been told to
    private bool _callerWaits;   // a thread blocks while the loop drives

    private enum Driver
    {
        None,
        Caller,
        Loop,
    }

    private void Drive(bool attaches, bool flushes, bool wakes)
    {
        if (flushes)
            Flush();
        if (attaches)
            GiveToLoop();
        else if (wakes)
            Wake();
    }

    private void GiveToLoop()
    {
        try
        {
            _loop.Attach(this);
        }
        catch
        {
            lock (_gate)
                _driver = Driver.None;   // such as no memory for one more entry of epoll(7)
            throw;
        }
    }

    // Under the gate: whether the driver has to be told to look; whoever gets true calls Wake.
    private bool MustWake() => _driver != Driver.None && !_isInTurn && !_isWoken && (_isWoken = true);

    private void Wake()
    {
        lock (_gate)
        {
            if (!_isClosed)
                eventfd_write(WakeDescriptor, 1);
        }
    }

    private void Lead(PendingCall call)
    {
        Span<pollfd> both = stackalloc pollfd[2];
        try
        {
            while (!call.IsDone)
            {
                (int socket, short events, int timeout) = BeforeWait();
                both[0] = new() { fd = socket, events = events };
                both[1] = new() { fd = WakeDescriptor, events = POLLIN };
                if (poll(both, timeout).IsError)
                    both[0].revents = both[1].revents = 0;   // EINTR
                if (both[1].revents != 0)
                    eventfd_read(WakeDescriptor, out _);
                Turn((both[0].revents & ~POLLOUT) != 0, (both[0].revents & (POLLOUT | POLLERR | POLLHUP)) != 0);
            }
        }
        finally
        {
            HandOver();
        }
    }

    // The next one to drive: the loop, if there is anything that no thread blocks for; else one of those threads; else nobody.
    private void HandOver()
    {
        PendingCall? next = null;
        bool attaches = false, closes;
        lock (_gate)
        {
            _driver = Driver.None;
            closes = _isDisposed;
            if (!closes && (_calls.Count > 0 || HasUnsent))
            {
                attaches = _calls.Count == 0 || _calls.WaiterCount < _calls.Count;
                _driver = attaches ? Driver.Loop : Driver.Caller;
                next = attaches ? null : _calls.Oldest();
                next?.Promote();
            }
        }

        if (closes)
            CloseForGood();
        else if (attaches)
            GiveToLoop();
    }

    /// <summary>For the event loop: whether it is to go on driving; if not, it forgets the channel.</summary>
    public bool LoopGoesOn()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                _driver = Driver.None;
            }
            else if (_callerWaits && _calls.Count == 0 && !HasUnsent)
            {
                // A thread that blocks for its call does better without the loop; let the next one drive itself.
                _callerWaits = false;
                _driver = Driver.None;
            }

            return _driver == Driver.Loop;
        }
    }

    /// <summary>For the event loop, which has forgotten the channel: closes it if its client is closed.</summary>
    public void CloseIfDisposed()
    {
        bool closes;
        lock (_gate)
            closes = _isDisposed && _driver == Driver.None;
        if (closes)
            CloseForGood();
    }
}
