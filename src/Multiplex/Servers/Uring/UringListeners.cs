using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Servers.Uring;

/// <summary>
/// The listeners on a ring: one operation accepts whoever comes, for as long as there are descriptors. When there are
/// none, it is waited for somebody to knock, who is then refused like in every other model.
/// </summary>
internal sealed class UringListeners(Ring ring, IReadOnlyList<Listener> listeners, ServerCounters counters) : IDisposable
{
    private const int KnocksAtOnce = 64;
    private readonly Acceptor _acceptor = new(counters);
    private readonly Operation[] _underWay = new Operation[listeners.Count];
    private bool _stopping;

    /// <summary>Whether the kernel still accepts for us.</summary>
    public bool IsAccepting => _underWay.AsSpan().ContainsAnyExcept(Operation.None);

    /// <summary>Starts to accept.</summary>
    public void Start()
    {
        for (int i = 0; i < listeners.Count; i++)
            Accept(i);
    }

    /// <summary>Has the kernel accept nobody any more; what it had accepted before still comes.</summary>
    public void Stop()
    {
        _stopping = true;
        for (int i = 0; i < listeners.Count; i++)
        {
            if (_underWay[i] == Operation.None)
                continue;
            ref io_uring_sqe entry = ref ring.Next();
            entry.opcode = IORING_OP_ASYNC_CANCEL;
            entry.addr = Token.Of(_underWay[i], i);
        }
    }

    /// <summary>Takes in whoever waits now, for the last time, and closes the listeners.</summary>
    public void TakeTheLast(UringLoop loop)
    {
        _acceptor.LastCall();
        foreach (Listener listener in listeners)
        {
            Admit(listener, int.MaxValue, loop);
            listener.Dispose();
        }
    }

    /// <summary>A connection has been accepted, or the accepting has ended.</summary>
    public void OnAccept(in io_uring_cqe completion, UringLoop loop)
    {
        int index = Token.IndexOf(completion.user_data);
        if (completion.res >= 0)
            loop.Admit(completion.res, PeerOf(completion.res, listeners[index].Kind));
        if ((completion.flags & IORING_CQE_F_MORE) != 0)
            return;
        _underWay[index] = Operation.None;
        if (_stopping)
            return;

        // accept says that no descriptor is left before it looks whether anybody waits: to try again at once would spin.
        if (completion.res >= 0)
            Accept(index);
        else
            AwaitKnock(index);
    }

    /// <summary>Somebody waits at a listener that could not accept.</summary>
    public void OnKnock(in io_uring_cqe completion, UringLoop loop)
    {
        int index = Token.IndexOf(completion.user_data);
        _underWay[index] = Operation.None;
        if (_stopping)
            return;
        Admit(listeners[index], KnocksAtOnce, loop);
        Accept(index);
    }

    /// <summary>Closes them.</summary>
    public void Dispose()
    {
        foreach (Listener listener in listeners)
            listener.Dispose();
        _acceptor.Dispose();
    }

    private void Admit(Listener listener, int atMost, UringLoop loop)
    {
        for (int i = 0; i < atMost && _acceptor.TryAccept(listener, blocking: true, out int fd, out PeerAddress peer); i++)
            loop.Admit(fd, peer);
    }

    // The one operation has room for one address, which every connection would overwrite. Who is gone already has none.
    private static PeerAddress PeerOf(int fd, EndpointKind kind)
    {
        Span<byte> address = stackalloc byte[PeerAddress.MaxLength];
        SyscallResult length = getpeername(fd, address);
        return PeerAddress.Of(kind, length.IsError ? default : address[..(int)length.Value], fd);
    }

    private void Accept(int index)
    {
        _underWay[index] = Operation.Accept;
        ref io_uring_sqe entry = ref ring.Next();
        entry.opcode = IORING_OP_ACCEPT;
        entry.ioprio = IORING_ACCEPT_MULTISHOT;
        entry.fd = listeners[index].Descriptor;
        entry.accept_flags = SOCK_CLOEXEC;
        entry.user_data = Token.Of(Operation.Accept, index);
    }

    private void AwaitKnock(int index)
    {
        _underWay[index] = Operation.Knock;
        ref io_uring_sqe entry = ref ring.Next();
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = listeners[index].Descriptor;
        entry.poll32_events = (uint)POLLIN;
        entry.user_data = Token.Of(Operation.Knock, index);
    }
}
