using System.Runtime.InteropServices;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Uring;

/// <summary>
/// The listeners on a ring: several accepts are in progress at each, for as long as there are descriptors. When there are
/// none, the listener is polled instead, and connections are refused as in every other model.
/// </summary>
/// <remarks>
/// One multishot accept would do for a listener, but it has room for one address, which each connection overwrites. To ask
/// getpeername(2) afterwards fails with ENOTCONN where the client has reset the connection meanwhile, and its calls can still be read.
/// </remarks>
internal sealed unsafe class UringListeners : IDisposable
{
    private const int AcceptsAtOnce = 16;   // of each listener: as many connections as one turn takes
    private const int AcceptsOfPoll = 64;

    private readonly SubmissionQueue _submissions;
    private readonly IReadOnlyList<Listener> _listeners;
    private readonly Acceptor _acceptor;
    private readonly AcceptedAddress* _addresses;   // by slot: AcceptsAtOnce for each listener
    private readonly bool[] _isAccepting;           // by slot
    private readonly bool[] _isPolled;              // by listener
    private bool _stopping;

    /// <summary>Prepares to accept.</summary>
    public UringListeners(SubmissionQueue submissions, Service service)
    {
        (_submissions, _listeners, _acceptor) = (submissions, service.Listeners, new(service.Counters, service.Options));
        _isAccepting = new bool[_listeners.Count * AcceptsAtOnce];
        _isPolled = new bool[_listeners.Count];
        _addresses = (AcceptedAddress*)NativeMemory.AllocZeroed((nuint)_isAccepting.Length, (nuint)sizeof(AcceptedAddress));
    }

    /// <summary>Whether the kernel still accepts for us.</summary>
    public bool IsAccepting => _isAccepting.AsSpan().Contains(true) || _isPolled.AsSpan().Contains(true);

    /// <summary>Starts to accept.</summary>
    public void Start()
    {
        for (int i = 0; i < _listeners.Count; i++)
            AcceptAll(i);
    }

    /// <summary>Ends the accepts; the connections that the kernel had accepted before still come.</summary>
    public void Stop()
    {
        _stopping = true;
        foreach (Listener listener in _listeners)
        {
            if (!IsAccepting)
                return;
            _submissions.CancelAll(listener.Descriptor);
        }

        // Now: a listener that is closed can no longer be named, and its accepts would never end.
        _submissions.Submit();
    }

    /// <summary>
    /// Accepts the connections that are pending now, for the last time, and closes the listeners. Where another server goes on with them, as many as there
    /// were accepts: a connection wakes one accept, and the one that it woke may have been cancelled then. The other server would learn of it with the next connection only.
    /// </summary>
    public void TakeTheLast(UringLoop loop)
    {
        _acceptor.LastCall();
        foreach (Listener listener in _listeners)
        {
            Admit(listener, listener.IsKept ? AcceptsAtOnce : int.MaxValue, loop);
            listener.Dispose();
        }
    }

    /// <summary>A connection has been accepted, or an accept has failed.</summary>
    public void OnAccept(in io_uring_cqe completion, UringLoop loop)
    {
        int slot = UserData.IndexOf(completion.user_data), listener = slot / AcceptsAtOnce;
        _isAccepting[slot] = false;
        if (completion.res >= 0)
        {
            PeerAddress peer = PeerAddress.Of(_listeners[listener].Kind, _addresses[slot].Bytes, completion.res);
            if (_acceptor.Takes(completion.res, peer))
                loop.Admit(completion.res, peer);
        }

        if (_stopping)
            return;

        // ECONNABORTED: the client has given up. Another error is most likely EMFILE, which accept(2) says before it looks whether
        // a connection is pending: to try again at once would spin.
        if (completion.res is >= 0 or -ECONNABORTED)
            Accept(slot);
        else if (!_isPolled[listener])
            Poll(listener);
    }

    /// <summary>A connection is pending at a listener that could not accept.</summary>
    public void OnPending(in io_uring_cqe completion, UringLoop loop)
    {
        int listener = UserData.IndexOf(completion.user_data);
        _isPolled[listener] = false;
        if (_stopping)
            return;
        Admit(_listeners[listener], AcceptsOfPoll, loop);
        AcceptAll(listener);
    }

    /// <summary>Closes them. No accept may be in progress any more.</summary>
    public void Dispose()
    {
        foreach (Listener listener in _listeners)
            listener.Dispose();
        _acceptor.Dispose();
        NativeMemory.Free(_addresses);
    }

    private void Admit(Listener listener, int atMost, UringLoop loop)
    {
        for (int i = 0; i < atMost && _acceptor.TryAccept(listener, connectionBlocks: true, out int fd, out PeerAddress peer); i++)
            loop.Admit(fd, peer);
    }

    private void AcceptAll(int listener)
    {
        for (int slot = listener * AcceptsAtOnce; slot < (listener + 1) * AcceptsAtOnce; slot++)
        {
            if (!_isAccepting[slot])
                Accept(slot);
        }
    }

    private void Accept(int slot)
    {
        _isAccepting[slot] = true;
        _addresses[slot].Length = PeerAddress.MaxLength;
        _submissions.Accept(_listeners[slot / AcceptsAtOnce].Descriptor, slot, _addresses[slot].Address, &_addresses[slot].Length);
    }

    private void Poll(int listener)
    {
        _isPolled[listener] = true;
        _submissions.Poll(_listeners[listener].Descriptor, POLLIN, Operation.Pending, listener);
    }

    // Where the kernel writes the peer's address, and into Length how many bytes it has: accept(2).
    private struct AcceptedAddress
    {
        public fixed byte Address[PeerAddress.MaxLength];
        public int Length;

        public readonly ReadOnlySpan<byte> Bytes =>
            MemoryMarshal.CreateReadOnlySpan(in Address[0], Math.Min(Length, PeerAddress.MaxLength));
    }
}
