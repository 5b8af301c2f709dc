using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Models;

/// <summary>
/// The accepting side of the models that give a connection a thread or a process: one thread waits in poll(2) for connections and for the
/// stop, and hands each connection on.
/// </summary>
internal sealed class AcceptLoop : IDisposable
{
    private const int DatagramsAtOnce = 8;   // of one socket, before the listeners have their turn

    private readonly Service _service;
    private readonly Func<bool> _hasRoom;
    private readonly Heartbeat _heartbeat;
    private readonly Acceptor _acceptor;
    private readonly DatagramEndpoint[] _datagrams;
    private readonly pollfd[] _set;   // the stop, the other descriptor, the datagram sockets, the listeners
    private readonly int _firstListener;
    private bool _isStopping;
    private bool _isPaused;

    /// <summary>Watches the service's listeners, its datagram sockets and its stop.</summary>
    /// <param name="service">What to accept for.</param>
    /// <param name="hasRoom">Whether one more connection can be handed on; else connections stay in the kernel's queue.</param>
    /// <param name="other">One more descriptor to wait for, or -1: poll(2) passes that over.</param>
    public AcceptLoop(Service service, Func<bool> hasRoom, int other = -1)
    {
        _service = service;
        _hasRoom = hasRoom;
        _heartbeat = new(service);
        _acceptor = new(service.Counters, service.Options);
        _datagrams = [.. service.Datagrams.Select(socket => new InlineDatagramEndpoint(socket, service.Protocol, service.Options, service.Counters, service.Addresses))];
        _set =
        [
            new pollfd { fd = service.Stop.Descriptor, events = POLLIN },
            new pollfd { fd = other, events = POLLIN },
            .. _datagrams.Select(endpoint => new pollfd { fd = endpoint.Descriptor, events = POLLIN }),
            .. service.Listeners.Select(listener => new pollfd { fd = listener.Descriptor, events = POLLIN }),
        ];
        _firstListener = _set.Length - service.Listeners.Count;
    }

    /// <summary>Connections to accept from one listener before the other descriptors have their turn.</summary>
    public int AcceptsAtOnce { get; init; } = 64;

    /// <summary>After how many milliseconds to check again for room; -1: the other descriptor shows it.</summary>
    public int LookForRoomMilliseconds { get; init; } = -1;

    /// <summary>Whether connections are open that this process serves; by default none is, as where each has a child.</summary>
    public Func<bool> HasConnections { get; init; } = static () => false;

    /// <summary>Called when the other descriptor is readable.</summary>
    public Action OtherIsReadable { get; init; } = static () => { };

    /// <summary>Called after the connections that were pending have been handed on.</summary>
    public Action AfterAccepts { get; init; } = static () => { };

    /// <summary>
    /// Accepts until a stop is requested, then once more the connections that are pending, unless another server goes on with them, and closes the
    /// listeners. Datagrams are answered in between.
    /// </summary>
    /// <param name="admit">Takes a connection over; returns false when it cannot, and the connection is closed.</param>
    public void Run(Func<int, PeerAddress, bool> admit)
    {
        _service.Ready();
        while (!_isStopping)
        {
            Wait();
            _heartbeat.Beat();
            _service.Rest();
            if (_set[1].revents != 0)
                OtherIsReadable();
            AcceptFromReady(admit);
            AfterAccepts();
            ServeDatagrams();
        }

        _service.BeginStop();
        if (_service.Counters[Counter.Stopping] == 0)
            _service.Counters.Increment(Counter.Stopping);
        _acceptor.LastCall();
        foreach (Listener listener in _service.Listeners.Where(one => !one.IsKept))
            AcceptFrom(listener, int.MaxValue, admit);
        CloseListeners();
        foreach (DatagramEndpoint endpoint in _datagrams)
            endpoint.BeginDrain();
    }

    /// <summary>Answers a batch of datagrams of each socket that has some.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool ServeDatagrams()
    {
        bool hasMore = false;
        foreach (DatagramEndpoint endpoint in _datagrams)
        {
            if (endpoint.HasWork)
                endpoint.Serve(_service.Listeners.Count > 0 ? DatagramsAtOnce : int.MaxValue);
            hasMore |= endpoint.HasWork;
        }

        return hasMore;
    }

    /// <summary>The server ends: a datagram whose reply comes later is not answered any more. For another thread.</summary>
    public void CancelLate() => Array.ForEach(_datagrams, endpoint => endpoint.CancelLate());

    /// <summary>Closes the sockets, and then the spare descriptor.</summary>
    public void Dispose()
    {
        CloseListeners();
        foreach (DatagramEndpoint endpoint in _datagrams)
            endpoint.Dispose();
        _acceptor.Dispose();
    }

    // Until something is ready; without room, until the time is up or something other than a connection comes.
    private void Wait()
    {
        bool isPaused = !_hasRoom();
        if (isPaused && !_isPaused)
            _service.Counters.Increment(Counter.AcceptPaused);
        _isPaused = isPaused;
        SyscallResult result = poll(isPaused ? _set.AsSpan(0, _firstListener) : _set, _heartbeat.Within(WaitMilliseconds(isPaused)));
        if (result.Is(EINTR))
        {
            foreach (ref pollfd entry in _set.AsSpan())
                entry.revents = 0;
            return;
        }

        result.OrThrow("poll");
        _isStopping = _set[0].revents != 0 && _service.Stop.Requests() > 0;
        for (int i = 0; i < _datagrams.Length; i++)
            _datagrams[i].IsReady |= _set[_firstListener - _datagrams.Length + i].revents != 0;
    }

    /// <summary>How long to wait; -1: until something is ready.</summary>
    internal int WaitMilliseconds(bool isPaused) =>
        Array.Exists(_datagrams, endpoint => endpoint.HasWork) ? 0
        : isPaused ? LookForRoomMilliseconds
        : Service.MayRest(HasConnections()) ? Service.RestInterval
        : -1;

    private void AcceptFromReady(Func<int, PeerAddress, bool> admit)
    {
        for (int i = _firstListener; i < _set.Length && !_isPaused; i++)
        {
            if ((_set[i].revents & POLLIN) != 0)
                AcceptFrom(_service.Listeners[i - _firstListener], AcceptsAtOnce, admit);
        }
    }

    private void AcceptFrom(Listener listener, int atMost, Func<int, PeerAddress, bool> admit)
    {
        for (int taken = 0;
            taken < atMost && _hasRoom() && _acceptor.TryAccept(listener, connectionBlocks: true, out int descriptor, out PeerAddress peer);
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
