using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Uring;

/// <summary>One connection on a ring: its session, and which operations of it are under way in the kernel.</summary>
internal sealed class UringConnection : ILateOwner
{
    private const int EnoughInput = 64 * 1024;    // bytes of requests that wait; past it no more is received
    private const int LongRequest = 64 * 1024;    // bytes of a request, from which on it is received without a provided buffer

    private readonly UringLoop _loop;

    /// <summary>A connection that was accepted.</summary>
    public UringConnection(int descriptor, PeerAddress peer, UringLoop loop)
    {
        (Descriptor, _loop) = (descriptor, loop);
        Session = new(peer, this);
    }

    /// <summary>The socket.</summary>
    public int Descriptor { get; }

    /// <summary>The connection's state.</summary>
    public Session Session { get; }

    /// <summary>Its place in the batch of sends, or -1.</summary>
    public int Queued { get; set; } = -1;

    /// <summary>A receive is under way, or, of a long request, a poll that precedes one.</summary>
    public bool IsReceiving { get; set; }

    /// <summary>The receive is a poll: what is readable is then received into the session's own memory.</summary>
    public bool IsPolled { get; set; }

    /// <summary>The receive has been cancelled, and has not ended yet.</summary>
    public bool IsReceiveCancelled { get; set; }

    /// <summary>A poll is under way until the peer takes replies again.</summary>
    public bool AwaitsWritability { get; set; }

    /// <summary>It is on the loop's list of those whose requests wait.</summary>
    public bool IsListed { get; set; }

    /// <summary>It is on the list of those whose clients have made as many calls as they may.</summary>
    public bool IsHeld { get; set; }

    /// <summary>It is being closed, as soon as nothing of it is under way.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>What is under way has been cancelled.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>Bytes that the peer's kernel had still to acknowledge at the last look, while the server stops.</summary>
    public int Unacknowledged = int.MaxValue;

    /// <summary>Bytes of <see cref="Session.Memory"/> that the loop has counted.</summary>
    public long CountedMemory;

    /// <summary>Whether the next message can be awaited while the reply to this one stands in the batch: it stays in the socket until then.</summary>
    public bool MayPollAhead(ServerOptions options) => Session.KeepsMessages && !IsReceiving && !IsLeaving && Session.WantsInput(options);

    /// <summary>There is something to do once the batch has been sent.</summary>
    public bool AwaitsBatch => Session.InputEnded || Session.RequestsWait || IsLeaving || !IsReceiving;

    /// <summary>
    /// Whether to receive on. From a stream while requests wait for their turn too, up to a limit: to cancel a receive and to begin it anew would cost two
    /// operations a turn.
    /// </summary>
    public bool WantsInput(ServerOptions options) =>
        Session.WantsInput(options)
        || (Session is { KeepsMessages: false, InputEnded: false, IsDraining: false, PendingBytes: 0 } && Session.UnansweredBytes <= EnoughInput);

    /// <summary>
    /// Whether to receive right behind what has come of a long request, which shows that more is to come: what goes through provided buffers
    /// is copied once more. A message is always received so: what does not fit into a provided buffer would be lost, unix(7).
    /// </summary>
    public bool WantsPoll => Session.KeepsMessages || (!Session.RequestsWait && Session.UnansweredBytes >= LongRequest);

    /// <summary>Whether to go on with requests that wait: once the peer has taken half of the replies that may be pending.</summary>
    public bool MayContinue(ServerOptions options) => Session is { RequestsWait: true, AwaitsLate: false, HeldFor: 0 } && Session.PendingBytes <= options.MaxPendingOutput / 2;

    /// <summary>Nothing more is received, so that no completion would show that the peer is gone.</summary>
    public void NoticeHangUp()
    {
        if (Session.HasCallsInFlight && SocketState.IsOver(Descriptor))
            Session.PeerHungUp();
    }

    /// <inheritdoc/>
    public void Complete(LateReply reply) => _loop.Complete(this, reply);
}
