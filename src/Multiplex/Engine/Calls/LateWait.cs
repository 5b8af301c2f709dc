using static Multiplex.Interop.Libc;

namespace Multiplex.Engine.Calls;

/// <summary>The wait for a late reply on a thread that has nothing else to do: that of a connection, or of a server that serves one client at a time.</summary>
/// <param name="counters">Where events are counted.</param>
internal sealed class LateWait(ServerCounters counters) : ILateTarget
{
    private const int None = -1;
    private const int LookAgainMilliseconds = 100;   // while there is no descriptor to be woken by

    private readonly Lock _lock = new();
    private LateReply? _current;
    private bool _isCancelled;
    private int _wake = None;   // an eventfd(2): the reply is there. Made for the first call, since few threads have any

    /// <summary>The connection whose calls are awaited; -1 where there is none.</summary>
    public int Descriptor { get; set; } = None;

    /// <summary>Waits until the reply is ready. If the client disconnects meanwhile, the call is cancelled.</summary>
    public void Await(LateReply reply)
    {
        lock (_lock)
        {
            if (!reply.TryAwait(this))
                return;
            _current = reply;
            if (_wake == None)
                _wake = (int)Math.Max(None, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).Value);
            counters.Increment(Counter.CallsInFlight);
            if (_isCancelled)
                reply.Cancel(hasEnded: false);
        }

        // Of the connection, only errors and hang-ups count: a client that has shut down its side waits for its replies, and so does one of a server that stops.
        Span<pollfd> both = [new() { fd = Descriptor }, new() { fd = _wake, events = POLLIN }];
        while (IsAwaited())
        {
            if (poll(both, _wake == None ? LookAgainMilliseconds : -1).IsError || both[0].revents == 0)
                continue;
            both[0].fd = None;
            reply.Cancel(hasEnded: true);
        }

        if (_wake != None)
            eventfd_read(_wake, out _);
        counters.Add(Counter.CallsInFlight, -1);
    }

    /// <summary>Cancels the call that is awaited, and later ones: the server ends. For another thread.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            _isCancelled = true;
            _current?.Cancel(hasEnded: false);
        }
    }

    /// <inheritdoc/>
    public void Completed(LateReply reply)
    {
        lock (_lock)
        {
            _current = null;
            if (_wake != None)
                eventfd_write(_wake, 1);
        }
    }

    /// <summary>The connection has ended, and no call is awaited: closes the descriptor by which the thread is woken.</summary>
    public void Release()
    {
        if (_wake != None)
            close(_wake);
        _wake = None;
    }

    private bool IsAwaited()
    {
        lock (_lock)
            return _current is not null;
    }
}
