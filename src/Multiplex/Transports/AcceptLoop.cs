using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// The accepting side of the models whose connections are served elsewhere, by a process or a thread: one thread waits
/// for connections, for the wish to stop, and for one more descriptor if the model has one, and hands each connection on.
/// </summary>
internal sealed class AcceptLoop : IDisposable
{
    private readonly Service _service;
    private readonly Func<bool> _hasRoom;
    private readonly Acceptor _acceptor;
    private readonly pollfd[] _set;
    private readonly int _firstListener;
    private bool _paused;

    /// <summary>Watches the service's listeners, its stop and <paramref name="other"/>.</summary>
    /// <param name="service">What to accept for.</param>
    /// <param name="hasRoom">Whether one more connection can be handed on; else connections stay in the kernel's queue.</param>
    /// <param name="other">One more descriptor to wait for, or -1: poll(2) passes that over.</param>
    public AcceptLoop(Service service, Func<bool> hasRoom, int other = -1)
    {
        _service = service;
        _hasRoom = hasRoom;
        _acceptor = new(service.Counters);
        _set =
        [
            new pollfd { fd = service.Stop.Descriptor, events = POLLIN },
            new pollfd { fd = other, events = POLLIN },
            .. service.Listeners.Select(listener => new pollfd { fd = listener.Descriptor, events = POLLIN }),
        ];
        _firstListener = _set.Length - service.Listeners.Count;
    }

    /// <summary>Connections to take from one listener before the other descriptors have their turn.</summary>
    public int AcceptsAtOnce { get; init; } = 64;

    /// <summary>Whether a stop has been requested.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Waits until something is ready; without room, until the time is up or something other than a connection comes.</summary>
    /// <param name="withoutRoomMilliseconds">When to look again for room; -1 when the other descriptor tells.</param>
    /// <returns>Whether the other descriptor is readable.</returns>
    public bool Wait(int withoutRoomMilliseconds = -1)
    {
        bool paused = !_hasRoom();
        if (paused && !_paused)
            _service.Counters.Increment(Counter.AcceptPaused);
        _paused = paused;
        SyscallResult result = paused
            ? poll(_set.AsSpan(0, _firstListener), withoutRoomMilliseconds)
            : poll(_set, -1);
        if (result.Is(EINTR))
            return false;
        result.OrThrow("poll");
        IsStopping = _set[0].revents != 0 && _service.Stop.Requests() > 0;
        return _set[1].revents != 0;
    }

    /// <summary>Hands on the connections that wait at the listeners which are ready.</summary>
    /// <param name="admit">Takes a connection over; returns false when it cannot, and the connection is closed.</param>
    public void Accept(Func<int, PeerAddress, bool> admit)
    {
        for (int i = _firstListener; i < _set.Length && !_paused; i++)
        {
            if ((_set[i].revents & POLLIN) != 0)
                AcceptFrom(_service.Listeners[i - _firstListener], AcceptsAtOnce, admit);
        }
    }

    /// <summary>The server is stopping: whoever had connected before is taken in, as far as there is room; then nobody.</summary>
    public void AcceptTheLast(Func<int, PeerAddress, bool> admit)
    {
        _acceptor.LastCall();
        foreach (Listener listener in _service.Listeners)
            AcceptFrom(listener, int.MaxValue, admit);
        CloseListeners();
    }

    /// <summary>Gives back the spare descriptor, after the listeners are closed.</summary>
    public void Dispose()
    {
        CloseListeners();
        _acceptor.Dispose();
    }

    private void AcceptFrom(Listener listener, int atMost, Func<int, PeerAddress, bool> admit)
    {
        for (int taken = 0;
            taken < atMost && _hasRoom() && _acceptor.TryAccept(listener, blocking: true, out int descriptor, out PeerAddress peer);
            taken++)
        {
            if (_service.HasRoom && admit(descriptor, peer))
            {
                _service.Counters.Increment(Counter.Accepted);
                continue;
            }

            _service.Counters.Increment(Counter.Refused);   // before the client can see it
            close(descriptor);
        }
    }

    private void CloseListeners()
    {
        foreach (Listener listener in _service.Listeners)
            listener.Dispose();
    }
}
