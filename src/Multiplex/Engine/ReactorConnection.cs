using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Transports;
using static Multiplex.Interop.Libc;

namespace Multiplex.Engine;

/// <summary>
/// One connection of a reactor: reads what is there, has requests answered, sends the replies, and never waits. It owns
/// memory only while it holds half a request, or replies that its peer has not taken.
/// </summary>
internal abstract class ReactorConnection(int descriptor, PeerAddress peer)
{
    private const int NotDraining = -1;

    private int _arrivedUnread = NotDraining;   // bytes that had arrived when the server began to drain, and are still to be read

    /// <summary>Replies that the kernel did not take yet. A field, for it is changed in place.</summary>
    protected WriteQueue _unsent;

    private volatile bool _hasHungUp;

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => Peer.Kind;

    /// <summary>What the multiplexer watches for; the reactor keeps it equal to <see cref="Wanted"/>.</summary>
    public Interest Watched { get; set; } = Interest.Readable;

    /// <summary>When bytes last moved, in milliseconds.</summary>
    public long LastMoved { get; set; }

    /// <summary>Bytes of replies that the peer has not taken.</summary>
    public int Owed => _unsent.Length;

    /// <summary>Bytes of memory that it owns.</summary>
    public virtual long Memory => _unsent.Memory;

    /// <summary>What <see cref="ReactorConnections"/> has counted of it.</summary>
    public long CountedMemory { get; set; }

    /// <summary>Nothing left to read, nothing left to answer, nothing left to send.</summary>
    public virtual bool IsDone => Owed == 0 && (Closing || (InputEnded && !RequestsWait));

    /// <summary>Whether its peer waits for the server, and so is not silent.</summary>
    public virtual bool IsAtWork => RequestsWait && Owed == 0;

    /// <summary>
    /// Since when the rest of a request that has begun to arrive is awaited, in milliseconds; 0 when none is. Reads that bring as much as they have
    /// room for start it anew: it is not the peer that takes its time.
    /// </summary>
    public long RequestSince { get; set; }

    /// <summary>It is on the reactor's list of those that go on in the next turn.</summary>
    public bool IsListed { get; set; }

    /// <summary>Bytes sent that the peer had still to acknowledge at the last look, while the server stops.</summary>
    public int Outstanding { get; set; } = int.MaxValue;

    /// <summary>The peer.</summary>
    public Peer Peer => peer.Peer;

    /// <summary>Whether the peer has closed its socket, as a UNIX-domain peer shows while nothing is asked of it: no reply reaches it any more.</summary>
    protected bool HasHungUp => _hasHungUp;

    /// <summary>The peer's address.</summary>
    protected PeerAddress PeerAddress => peer;

    /// <summary>The peer has shut down its side, or the reactor is draining.</summary>
    protected bool InputEnded { get; set; }

    /// <summary>A protocol error: close once the replies before it are sent.</summary>
    protected bool Closing { get; set; }

    /// <summary>Whole requests may be held: replies were too many, or it has had its share of a turn.</summary>
    protected bool RequestsWait { get; set; }

    /// <summary>
    /// What to watch for now. Backpressure: a peer that does not take replies is not read from. One that goes on in the next turn is watched as before: to
    /// change that and change it back would cost two system calls a turn.
    /// </summary>
    public Interest Wanted(ServerOptions options) =>
        (MayRead(options) || GoesOn(options) ? Interest.Readable : Interest.None) | (Owed > 0 ? Interest.Writable : Interest.None);

    /// <summary>Whether there is something to do in the next turn, whatever the multiplexer reports.</summary>
    public virtual bool GoesOn(ServerOptions options) => (RequestsWait && Owed == 0) || (_arrivedUnread > 0 && MayRead(options));

    /// <summary>Its share of another turn: goes on with requests that wait, or reads what had arrived before the stop.</summary>
    /// <returns>False when the connection is broken: its peer is gone, and its requests with it.</returns>
    public bool GoOn(LoopContext loan)
    {
        if (!RequestsWait)
            return !MayRead(loan.Options) || Read(loan);
        return SocketState.HasFailed(Descriptor) ? Broken(loan) : AnswerWaiting(loan);
    }

    /// <summary>Does what can be done without waiting.</summary>
    /// <returns>False when the connection is broken.</returns>
    public bool OnReady(Interest ready, LoopContext loan)
    {
        if (Watched == Interest.None)
            return OnTrouble(loan);
        if ((ready & Interest.Writable) != 0 && Owed > 0 && !(SendOwed(loan) && AnswerWaiting(loan)))
            return false;
        return (ready & Interest.Readable) == 0 || !MayRead(loan.Options) || Read(loan);
    }

    /// <summary>The server is stopping: what has arrived is still read and answered, in turns, and no more.</summary>
    /// <returns>False when the connection is broken.</returns>
    public virtual bool Drain(LoopContext loan)
    {
        // Bounded: a peer that never stops sending does not keep the server from stopping.
        _arrivedUnread = SocketState.UnreadBytes(Descriptor);
        InputEnded |= _arrivedUnread == 0;
        return true;
    }

    /// <summary>Gives back what memory the connection owns. The caller closes the socket.</summary>
    public virtual void Release() => _unsent.Release();

    /// <summary>Whether requests are left waiting for the peer to take replies.</summary>
    protected bool IsThrottled(ServerOptions options) => RequestsWait || Owed > options.MaxPendingOutput;

    /// <summary>Whether the server is stopping.</summary>
    protected bool IsDraining => _arrivedUnread != NotDraining;

    /// <summary>Reads once, and has answered what came, as far as there is time for it in a turn.</summary>
    /// <param name="loan">The reactor's.</param>
    /// <param name="received">How many bytes came; 0 when none had come, or the peer has shut down its side.</param>
    /// <returns>False when the connection is broken.</returns>
    protected abstract bool Receive(LoopContext loan, out int received);

    /// <summary>Goes on with requests that were left for later.</summary>
    /// <returns>False when the connection is broken.</returns>
    protected abstract bool AnswerWaiting(LoopContext loan);

    /// <summary>Sends as many of the unsent replies as the kernel takes.</summary>
    /// <returns>False when the connection is broken.</returns>
    protected bool SendOwed(LoopContext loan) => Kind.IsStream() ? SendOwedBytes(loan) : SendOwedMessages(loan);

    /// <summary>Tries to send first; what falls short is kept, and only then is writability waited for.</summary>
    /// <returns>False when the connection is broken.</returns>
    protected bool SendOrOwe(ReadOnlySpan<byte> replies, LoopContext loan)
    {
        if (Owed == 0)
        {
            SyscallResult result = send(Descriptor, replies, MSG_NOSIGNAL);
            if (result.IsError && !result.Is(EAGAIN))
                return Broken(loan);
            LastMoved = loan.Now;
            replies = replies[(int)Math.Max(result.Value, 0)..];
        }

        _unsent.Append(replies);
        return true;
    }

    /// <summary>What follows from a result of recv(2) that brought no bytes.</summary>
    protected bool OnNoBytes(SyscallResult result, LoopContext loan)
    {
        if (result.Value == 0)
            InputEnded = true;
        return !result.IsError || result.Is(EAGAIN) || Broken(loan);
    }

    /// <summary>Counts a connection that broke.</summary>
    /// <returns>False, for the caller to pass on.</returns>
    protected static bool Broken(LoopContext loan)
    {
        loan.Counters.Increment(Counter.Broken);
        return false;
    }

    // Nothing was asked for, so there is an error or a hang-up; or it was before, earlier in this turn, and there is none.
    private bool OnTrouble(LoopContext loan)
    {
        pollfd entry = new() { fd = Descriptor };
        poll(new Span<pollfd>(ref entry), 0).OrThrow("poll");
        _hasHungUp |= (entry.revents & POLLHUP) != 0;
        return (entry.revents & POLLERR) == 0 || Broken(loan);
    }

    /// <summary>Reads once, and no more than had arrived once the server drains.</summary>
    /// <returns>False when the connection is broken.</returns>
    protected bool Read(LoopContext loan)
    {
        if (!Receive(loan, out int received))
            return false;
        if (!IsDraining)
            return true;
        _arrivedUnread = Math.Max(0, _arrivedUnread - received);
        InputEnded |= received == 0 || _arrivedUnread == 0;
        return true;
    }

    private bool SendOwedBytes(LoopContext loan)
    {
        SyscallResult result = send(Descriptor, _unsent.Bytes, MSG_NOSIGNAL);
        if (result.IsError)
            return result.Is(EAGAIN) || Broken(loan);
        LastMoved = loan.Now;
        _unsent.Taken((int)result.Value);
        return true;
    }

    private bool SendOwedMessages(LoopContext loan)
    {
        while (Owed > 0)
        {
            SyscallResult result = send(Descriptor, _unsent.FirstMessage, MSG_NOSIGNAL);
            if (result.IsError)
                return result.Is(EAGAIN) || Broken(loan);
            LastMoved = loan.Now;
            _unsent.MessageTaken();
        }

        return true;
    }

    /// <summary>Whether more is to be read now.</summary>
    protected bool MayRead(ServerOptions options) => !InputEnded && !Closing && !IsThrottled(options);
}
