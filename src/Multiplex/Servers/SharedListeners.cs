using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers;

/// <summary>
/// Listeners that several processes accept from. One alone is waited for in accept4(2) itself, where the kernel wakes one
/// process for a connection; for several there is poll(2), which wakes all, and the first gets it.
/// </summary>
internal sealed class SharedListeners : IDisposable
{
    private const int NotAgainAtOnceMilliseconds = 10;

    private readonly Listener[] _listeners;   // not the caller's list: its indexer is one more method that each worker would compile
    private readonly Acceptor _acceptor;
    private readonly pollfd[] _set;
    private bool _areShut;
    private int _next;   // so that no listener is passed over for ever

    /// <summary>To be made before the fork: sets up how all of the processes wait.</summary>
    public SharedListeners(IReadOnlyList<Listener> listeners, ServerCounters counters)
    {
        _listeners = [.. listeners];
        _acceptor = new(counters);
        _set = [.. listeners.Select(listener => new pollfd { fd = listener.Descriptor, events = POLLIN })];
        SetBlocking(_listeners.Length == 1);
        if (_listeners.Length == 1)
            setsockopt(_listeners[0].Descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval.Of(ConversationSocket.LookAgain)).OrThrow("setsockopt SO_RCVTIMEO");
    }

    /// <summary>Whether accepting waits, in every process.</summary>
    public void SetBlocking(bool blocking)
    {
        foreach (Listener listener in _listeners)
            listener.SetBlocking(blocking);
    }

    /// <summary>
    /// Waits for a connection, for a signal, for another process to get it first, or for the time to look whether a signal
    /// came just before the wait.
    /// </summary>
    public bool TryTake(out int descriptor, out PeerAddress peer)
    {
        if (_set.Length > 1)
        {
            if (poll(_set, (int)ConversationSocket.LookAgain.TotalMilliseconds).Value <= 0)
                ForgetReadiness();
            return TryTakeReady(out descriptor, out peer);
        }

        if (_acceptor.TryAccept(_listeners[0], blocking: true, out descriptor, out peer))
            return true;
        if (_acceptor.Errno is not (EAGAIN or EINTR))
            poll([], NotAgainAtOnceMilliseconds);   // for whatever reason: a loop does not spin on it
        return false;
    }

    /// <summary>Takes one of those who wait, once accepting does not wait any more.</summary>
    public bool TryTakeLast(out int descriptor, out PeerAddress peer)
    {
        for (int i = 0; i < _set.Length; i++)
            _set[i].revents = POLLIN;
        return TryTakeReady(out descriptor, out peer);
    }

    /// <summary>The server is stopping: see <see cref="Acceptor.LastCall"/>.</summary>
    public void LastCall() => _acceptor.LastCall();

    /// <summary>Whether a connection waits to be accepted.</summary>
    public bool SomebodyWaits() => poll(_set, 0).Value > 0;

    /// <summary>Nobody is let in any more, by any process.</summary>
    public void Shutdown()
    {
        if (_areShut)
            return;
        _areShut = true;
        foreach (Listener listener in _listeners)
        {
            listener.Shutdown();
            listener.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Shutdown();
        _acceptor.Dispose();
    }

    // What poll(2) leaves there when it fails is from before.
    private void ForgetReadiness()
    {
        for (int i = 0; i < _set.Length; i++)
            _set[i].revents = 0;
    }

    private bool TryTakeReady(out int descriptor, out PeerAddress peer)
    {
        for (int i = 0; i < _set.Length; i++)
        {
            int index = (_next + i) % _set.Length;
            if (_set[index].revents == 0 || !_acceptor.TryAccept(_listeners[index], blocking: true, out descriptor, out peer))
                continue;
            _next = (index + 1) % _set.Length;
            return true;
        }

        descriptor = -1;
        peer = default;
        return false;
    }
}
