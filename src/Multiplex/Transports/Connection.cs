using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Interop;
using Multiplex.Sockets;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>
/// A socket that does not block, under a <see cref="Session"/>: a handler of an event loop. It receives what is there, has the session answer
/// it, sends the replies first and waits for writability only when the kernel did not take all of them.
/// </summary>
internal sealed class Connection : LoopHandler, IReplyTarget, ILateOwner
{
    private readonly LoopServer _server;
    private readonly Session _session;
    private int _unacknowledged = int.MaxValue;   // bytes, at the last look while the server stops
    private bool _isHeld;   // the server is to call Resume

    /// <summary>Serves a connection that was accepted.</summary>
    public Connection(int descriptor, PeerAddress peer, LoopServer server)
        : base(descriptor)
    {
        _server = server;
        _session = new(peer, this);
        _session.Begin(server.Context, server.Loop.Now);
    }

    /// <summary>The connection's state.</summary>
    public Session Session => _session;

    /// <summary>Bytes of <see cref="Session.Memory"/> that the server has counted.</summary>
    public long CountedMemory;

    /// <inheritdoc/>
    public override Next OnReady(Interest ready)
    {
        LoopContext context = _server.Context;
        context.Now = _server.Loop.Now;
        bool isAlive = Watched == Interest.None
            ? CheckTrouble()
            : ((ready & Interest.Writable) == 0 || _session.PendingBytes == 0 || SendPending(context))
                && ((ready & Interest.Readable) == 0 || Receive(context));
        return UpdateInterest(isAlive);
    }

    /// <inheritdoc/>
    public override Next OnTurn()
    {
        LoopContext context = _server.Context;
        context.Now = _server.Loop.Now;
        bool isAlive =
            _session.PendingBytes > 0 ? SendPending(context)
            : !_session.RequestsWait || (!SocketState.HasFailed(Descriptor) && Continue(context));
        return UpdateInterest(isAlive && (!_session.IsDraining || Receive(context)));
    }

    /// <inheritdoc/>
    public void Complete(WorkItem item)
    {
        // A long reply is sent from where it stands; the others are sent together, at the end of this turn.
        LoopContext context = _server.Context;
        context.Now = _server.Loop.Now;
        _session.Complete(item, context);
        if (context.Replies.Length > 0 && !Flush(context))
            _server.Loop.Close(this, CloseReason.Broken);
        else
            _server.Loop.Defer(this);
    }

    /// <inheritdoc/>
    public void Complete(LateReply reply)
    {
        _session.Complete(reply, _server.Context);
        if (_session.Closed is not null || _session.PendingBytes > 0 || _session.RequestsWait)
            _server.Loop.Defer(this);
    }

    /// <summary>Begins to drain: what has arrived is still received and answered, in turns, and no more.</summary>
    public void BeginDrain()
    {
        _session.LastMoved = _server.Loop.Now;
        _session.BeginDrain(SocketState.UnreadBytes(Descriptor));
        _server.Loop.Apply(this, State());
    }

    /// <summary>The client may make calls again.</summary>
    public void Resume()
    {
        _isHeld = false;
        _session.HeldFor = 0;
        if (_server.Loop.IsWatched(this))
            _server.Loop.Apply(this, State());
    }

    /// <summary>Closes a connection that is silent, or of which a request takes too long to arrive.</summary>
    public void CloseIfSilent()
    {
        bool isReceiving = (Watched & Interest.Readable) != 0;
        if (IdleSweep.Check(_session, Descriptor, isReceiving, _server.Loop.Now, _server.Loop.TurnBegan, _server.Context.Options) is { } reason)
            _server.Loop.Close(this, reason);
    }

    /// <summary>While the server stops: closes a connection that has nothing left to do, once its peer has everything, or takes none of it.</summary>
    public void CloseIfDelivered()
    {
        if (_session.Closed is not null)
            _server.Loop.Apply(this, State());

        // As of when the turn began: a peer may have taken what was sent while a long call ran.
        if (_server.Loop.IsWatched(this) && IdleSweep.IsStalled(_session, _server.Loop.TurnBegan, _server.Context.Options))
            _server.Loop.Close(this, CloseReason.CutOff);
    }

    private Next State()
    {
        if (_session.IsAtRest && CountedMemory == 0)
            return new(Interest.Readable);
        _server.CountMemory(this, _session.Memory);
        if (_session.HeldFor > 0 && !_isHeld)
        {
            _isHeld = true;
            _server.Hold(this);
        }

        ServerOptions options = _server.Context.Options;
        return _session.Closed is { } reason && (!_server.IsDraining || TcpDrain.TryFinish(Descriptor, _session, ref _unacknowledged, _server.Loop.Now))
            ? Next.Closing(reason)
            : new(_session.Wants(options), _session.WantsTurn(options));
    }

    /// <inheritdoc/>
    public override void OnClosed(CloseReason reason)
    {
        ServerCounters counters = _server.Context.Counters;
        counters.Count(reason, _session);
        _server.CountMemory(this, 0);
        SocketState.SendLast(Descriptor, _session.Farewell(_server.Context));
        _session.Release(_server.Context);
        counters.Increment(Counter.Closed);   // before the client can see it
        close(Descriptor);
        _server.OnConnectionClosed();
    }

    private Next UpdateInterest(bool isAlive)
    {
        _server.OnHandled(_session);
        return isAlive ? State() : Next.Closing(CloseReason.Broken);
    }

    // False: the connection is broken. So for all that follow.
    private bool Receive(LoopContext context)
    {
        if (!_session.WantsInput(context.Options))
            return true;

        // MSG_TRUNC: of a message, the whole length; on a TCP stream it would throw the bytes away, tcp(7).
        Span<byte> buffer = _session.GetReceiveBuffer(context);
        SyscallResult result = recv(Descriptor, buffer, _session.KeepsMessages ? MSG_TRUNC : 0);
        if (result.IsError && (!result.Is(EAGAIN) || !_session.IsDraining))
            return result.Is(EAGAIN);
        bool awaitsWritability = _session.PendingBytes > 0 && (Watched & Interest.Writable) != 0;
        _session.Received((int)Math.Max(0, result.Value), context);
        if (result.Value == 0 && _session.HasCallsInFlight && SocketState.IsOver(Descriptor))
            _session.PeerHungUp();
        return awaitsWritability || Flush(context);
    }

    private bool Flush(LoopContext context)
    {
        for (ReadOnlySpan<byte> pending = _session.Pending(context); !pending.IsEmpty; pending = _session.Pending(context))
        {
            SyscallResult result = send(Descriptor, pending, MSG_NOSIGNAL);
            if (result.IsError && !result.Is(EAGAIN))
            {
                context.Replies.Clear(OutputBuffer.UsuallyKept);
                return false;
            }

            _session.Sent((int)Math.Max(0, result.Value), context);
            if (!_session.KeepsMessages || result.IsError)
                break;
        }

        return true;
    }

    private bool SendPending(LoopContext context) => Flush(context) && Continue(context);

    private bool Continue(LoopContext context)
    {
        bool awaitsWritability = _session.PendingBytes > 0;
        _session.Continue(context);
        return awaitsWritability || Flush(context);
    }

    // Nothing was asked for, so there is an error or a hang-up; or it was before, earlier in this turn, and there is none.
    private bool CheckTrouble()
    {
        pollfd entry = new() { fd = Descriptor };
        poll(new Span<pollfd>(ref entry), 0).OrThrow("poll");
        if ((entry.revents & POLLHUP) != 0)
            _session.PeerHungUp();
        return (entry.revents & POLLERR) == 0;
    }
}
