using System.Runtime.CompilerServices;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Engine;

/// <summary>
/// The state of one connection, and no I/O: what has been received is framed, answered, queued and throttled here. The caller moves the
/// bytes: it receives into <see cref="GetReceiveBuffer"/> and reports <see cref="Received"/>, sends <see cref="Pending"/> and reports <see cref="Sent"/>,
/// and closes the connection when it is <see cref="Closed"/>. Memory is owned only while half a request is held, or replies are pending.
/// </summary>
internal sealed class Session(PeerAddress peer, ILateOwner? owner = null) : IConnectionState
{
    private const int NotDraining = -1;

    private ReadBuffer _unanswered;    // received: half a request, or requests that wait
    private WriteQueue _pending;       // replies that the kernel did not take when they were sent first
    private FramingProgress _framing;
    private WorkItems? _handed;      // requests that workers run; null when there are none
    private AwaitedCalls? _awaited;    // requests whose replies come later, where no worker runs them
    private SessionTls? _tls;          // once the peer has asked for it
    private ProxyStage _proxyStage;
    private ushort _place;             // in the table of clients' connections; 0: none
    private ushort _heldFor;
    private readonly byte _kind = (byte)peer.Peer.Kind;
    private int _arrivedUnread = NotDraining;   // bytes that had arrived when the drain began, and are still to be received
    private bool _inputEnded;          // the peer has shut down its side, or all that had arrived is received
    private bool _isMalformed;         // closed once the replies before it are sent
    private bool _isThrottled;         // as it was counted
    private volatile bool _hasEnded;

    /// <summary>The peer.</summary>
    public Peer Peer => _tls is null ? peer.Peer : peer.SecuredPeer(this);

    /// <summary>The peer, for a procedure that a worker runs.</summary>
    public Peer Caller => peer.PeerOf(this);

    /// <summary>What sends the replies to requests that workers run, and late replies.</summary>
    public ILateOwner Owner => owner!;

    /// <summary>Whether the peer is gone, so that no reply can reach it. May be asked by any thread.</summary>
    public bool HasEnded => _hasEnded;

    /// <inheritdoc/>
    public TlsPeer? Tls => _tls?.Peer;

    /// <summary>Whether the boundaries of messages are kept, so that each is one request; else it is a stream.</summary>
    public bool KeepsMessages => !Kind.IsStream();

    /// <summary>The kind of the socket; behind a proxy that of <see cref="Peer"/> may be another.</summary>
    public EndpointKind Kind => (EndpointKind)_kind;

    /// <summary>Whether nothing was received but, at most, the header of a proxy that looks whether the server is there. Such a connection may end by a reset.</summary>
    public bool IsHealthCheck => _proxyStage != ProxyStage.None;

    /// <summary>Bytes of replies that the peer has not taken.</summary>
    public int PendingBytes => _pending.Length;

    /// <summary>Bytes of memory that the session owns.</summary>
    public long Memory => (long)_pending.Memory + _unanswered.Memory + (_handed?.Bytes ?? 0) + (_awaited?.Bytes ?? 0) + (_tls?.Memory ?? 0);

    /// <summary>When bytes last moved, in milliseconds of <see cref="SessionContext.Now"/>.</summary>
    public long LastMoved { get; set; }

    /// <summary>Since when the rest of a request that has begun to arrive is awaited, in milliseconds; 0: none is. Reads that fill the buffer reset it, as then the delay is not the peer's.</summary>
    public long RequestSince { get; set; }

    /// <summary>Whether whole requests may be held: the replies before them passed the mark, the session has had its share of a turn, or the workers have no room.</summary>
    public bool RequestsWait { get; private set; }

    /// <summary>Milliseconds that they wait, since they were to be answered, because the client has made as many calls as it may; 0: they do not. The caller sets it to 0 then.</summary>
    public ushort HeldFor { get => _heldFor; set => _heldFor = value; }

    /// <summary>Whether those wait for a late reply.</summary>
    public bool AwaitsLate => _awaited is { IsFull: true };

    /// <summary>Whether a late reply is awaited while nothing is received, so that the end of the connection would not be seen.</summary>
    public bool MayMissTheEnd => HasCallsInFlight && (AwaitsLate || RequestsWait || InputEnded);

    /// <summary>Whether a late reply is awaited.</summary>
    public bool HasCallsInFlight => HasLate || _handed is { HasLate: true };

    /// <summary>Bytes that were received and are not answered.</summary>
    public int UnansweredBytes => _unanswered.Length;

    /// <summary>Whether nothing more is received: the peer has shut down its side, what had arrived is received, or a request was malformed.</summary>
    public bool InputEnded => _inputEnded || _isMalformed;

    /// <summary>Whether the peer waits for the server, and so is not silent.</summary>
    public bool IsAtWork => _handed is not null || HasLate || (RequestsWait && PendingBytes == 0);

    /// <summary>Whether nothing has been received yet.</summary>
    public bool IsUntouched { get; private set; } = true;

    /// <summary>Whether the server is stopping: no more is received than had arrived.</summary>
    public bool IsDraining => _arrivedUnread != NotDraining;

    /// <summary>Whether nothing is held, pending or in progress, so that the session only receives next. That is so after nearly every request.</summary>
    public bool IsAtRest =>
        PendingBytes == 0 && _unanswered.Memory == 0 && _handed is null && !HasLate && _tls is null && !_inputEnded && !_isMalformed && !RequestsWait && !IsDraining;

    /// <summary>Whether the session has something to do in the next turn, whatever becomes ready: <see cref="Continue"/>, or to receive what had arrived.</summary>
    public bool WantsTurn(ServerOptions options) =>
        (RequestsWait && PendingBytes == 0 && _handed is null && !AwaitsLate && HeldFor == 0) || (_arrivedUnread > 0 && WantsInput(options));

    /// <summary>Whether more is to be received now. Backpressure: nothing is received while requests wait or too many replies are pending.</summary>
    public bool WantsInput(ServerOptions options) => !_inputEnded && !_isMalformed && !IsThrottled(options);

    /// <summary>What to wait for. For a session that gets a turn anyway this stays the same: to change it and to change it back would cost two system calls a turn.</summary>
    public Interest Wants(ServerOptions options) =>
        (WantsInput(options) || WantsTurn(options) ? Interest.Readable : Interest.None) | (PendingBytes > 0 ? Interest.Writable : Interest.None);

    /// <summary>Why the session has ended, once nothing is left to receive, to answer and to send; null before.</summary>
    public CloseReason? Closed =>
        PendingBytes > 0 || _handed is not null || HasLate ? null
        : _isMalformed ? CloseReason.Malformed
        : _inputEnded && !RequestsWait ? CloseReason.Finished
        : null;

    /// <summary>Begins to serve. The header of a proxy may take as long to arrive as a request.</summary>
    public void Begin(SessionContext context, long now)
    {
        LastMoved = now;
        _proxyStage = ProxyStart.Of(peer.Peer, context.Options);
        RequestSince = _proxyStage == ProxyStage.Header ? now : 0;
        if (_proxyStage == ProxyStage.None)
            Enter(context);
    }

    /// <summary>Where to receive to; <see cref="Received"/> is to follow, before any other session of the thread has its turn.</summary>
    public Span<byte> GetReceiveBuffer(SessionContext context) =>
        KeepsMessages ? context.MessageBuffer : _tls is null ? _unanswered.BufferForMore(context.ReceiveBuffer) : context.TlsPipe.ReceiveBuffer;

    /// <summary>Handles received bytes; 0: the peer has shut down its side, or, while draining, all that had arrived is received. Of a message the count is its whole length, which may be
    /// more than the buffer has: recv(2), MSG_TRUNC. As many whole requests are answered as fit into a turn; <see cref="Pending"/> is to be sent next.</summary>
    public void Received(int count, SessionContext context)
    {
        if (IsDraining)
            _arrivedUnread = Math.Max(0, _arrivedUnread - count);
        _inputEnded |= count == 0 || _arrivedUnread == 0;
        if (count == 0)
            return;   // the peer may still receive
        (LastMoved, IsUntouched) = (context.Now, false);
        if (context.Counters.CountsBytes)
            context.Counters.CountReceived(count);
        if (_tls is not null)
            ReceivedSealed(_tls, context.TlsPipe.ReceiveBuffer.AsSpan(0, count), context, isAnswered: true);
        else if (!KeepsMessages)
            Answer(AllReceived(count, context), context);
        else if (count > context.MessageBuffer.Length)
            Fail(context);
        else
            Answer(context.MessageBuffer.AsSpan(0, count), context);
    }

    private ReadOnlySpan<byte> AllReceived(int count, SessionContext context)
    {
        ReadOnlySpan<byte> received = _unanswered.With(count, context.ReceiveBuffer, out bool isFull);
        if (isFull && _proxyStage != ProxyStage.Header)
            RequestSince = 0;
        return received;
    }

    /// <summary>Handles bytes that the kernel has received into a buffer of its choice, as <see cref="Received"/>. Requests that are not to be answered now are kept.</summary>
    public void ReceivedElsewhere(ReadOnlySpan<byte> bytes, SessionContext context, bool isAnswered)
    {
        LastMoved = context.Now;
        context.Counters.CountReceived(bytes.Length);
        IsUntouched = false;
        if (InputEnded)
            return;
        if (_tls is null)
            Take(bytes, context, isAnswered);
        else
            ReceivedSealed(_tls, bytes, context, isAnswered);
    }

    // Bytes that stand in a buffer of others.
    private void Take(ReadOnlySpan<byte> bytes, SessionContext context, bool isAnswered)
    {
        if (!isAnswered || IsThrottled(context.Options))
        {
            _unanswered.Append(bytes);
            RequestsWait = true;
            NoteThrottling(context);
        }
        else
        {
            Answer(_unanswered.With(bytes, context.ReceiveBuffer), context);
        }
    }

    /// <summary>Continues with requests that wait, once the peer has received half of the replies that may be pending, or the workers have room.</summary>
    public void Continue(SessionContext context)
    {
        bool hasAwaited = _awaited is not null && _awaited.Await(context);
        if (RequestsWait && (hasAwaited || HasRoom(context)))
            Answer(_unanswered.Bytes, context);
    }

    /// <summary>Handles a late reply. It is pending from now on or, where replies are sent in the order of the calls, once those before it are ready.</summary>
    public void Complete(LateReply late, SessionContext context)
    {
        _awaited!.Complete(late, ref _pending, _tls, context);
        NoteThrottling(context);
    }

    /// <summary>Cancels late replies: the client is gone, or the server ends.</summary>
    public void CancelLate(bool hasEnded)
    {
        _awaited?.Cancel(hasEnded);
        _handed?.Cancel(hasEnded);
    }

    /// <summary>Handles a request that a worker has run, in the same way. A long reply is in <see cref="SessionContext.Replies"/>, and is to be sent first.</summary>
    public void Complete(WorkItem item, SessionContext context)
    {
        for (WorkItem? next = _handed!.Finish(item); next is not null; next = _handed.Recycle(next))
        {
            if (!WorkItems.TakeReply(next, ref _pending, _tls, KeepsMessages, context))
                Fail(context);
        }

        context.Workers!.TakeBack(ref _handed);
    }

    /// <summary>The peer has reset the connection, or closed its UNIX-domain socket: no reply reaches it any more. A peer that has only shut down its side still gets its replies.</summary>
    public void PeerHungUp()
    {
        _hasEnded = true;
        CancelLate(hasEnded: true);
    }

    /// <summary>What to send next: bytes of a stream, or one message. <see cref="Sent"/> is to follow.</summary>
    public ReadOnlySpan<byte> Pending(SessionContext context) =>
        PendingBytes == 0 ? context.Fresh : KeepsMessages ? _pending.FirstMessage : _pending.Bytes;

    /// <summary>Handles how many bytes of <see cref="Pending"/> the kernel took; 0: none. The others are kept.</summary>
    public void Sent(int count, SessionContext context)
    {
        if (count > 0)
            LastMoved = context.Now;
        context.Counters.CountSent(count);
        if (PendingBytes == 0 && count == context.Fresh.Length)
        {
            context.DropFresh();   // all of it, as nearly always
            _isThrottled = false;
            return;
        }

        if (PendingBytes == 0)
            Keep(context.Fresh[count..], context);
        else if (count > 0 && KeepsMessages)
            _pending.MessageTaken();
        else
            _pending.Taken(count);
        NoteThrottling(context);
    }

    /// <summary>Replies were sent with those of other sessions, and the kernel did not take these of them.</summary>
    public void FellShort(ReadOnlySpan<byte> replies, SessionContext context)
    {
        _pending.Add(replies, KeepsMessages);
        NoteThrottling(context);
    }

    /// <summary>The server is stopping: what has arrived is still received and answered, and no more; so many bytes of it have not been received.</summary>
    public void BeginDrain(int unread) => (_arrivedUnread, _inputEnded, _heldFor) = (unread, _inputEnded || unread == 0, 0);

    /// <summary>Frees the session's memory and drops the requests that no worker has begun to run: the connection is closed.</summary>
    public void Release(SessionContext context)
    {
        _hasEnded = true;
        _pending.Release();
        _unanswered.Set(default);
        _awaited?.Abandon();
        _handed?.Abandon();
        context.Workers?.TakeBack(ref _handed);
        _tls?.Release();
        context.Addresses?.Leave(ref _place);
    }

    private bool HasRoom(SessionContext context) => context.Workers is null
        ? PendingBytes <= context.Options.MaxPendingOutput / 2
        : _handed is null || _handed.HasRoom(PendingBytes, context.Options);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsThrottled(ServerOptions options) => RequestsWait || PendingBytes > options.MaxPendingOutput;

    private void NoteThrottling(SessionContext context)
    {
        bool isThrottled = PendingBytes > 0 && IsThrottled(context.Options);
        if (isThrottled && !_isThrottled)
            context.Counters.Increment(Counter.Throttled);
        _isThrottled = isThrottled;
    }

    // Answers one batch: the share of a turn.
    private void Answer(ReadOnlySpan<byte> received, SessionContext context)
    {
        if (_proxyStage != ProxyStage.None && !TakeHeader(ref received, context))
            return;
        long began = 0;
        context.CallsLeft = int.MaxValue;
        if (context.Addresses is not null && !context.MayCall(IsDraining ? (ushort)0 : _place, ref _heldFor, out began))
        {
            (RequestsWait, RequestSince) = (true, 0);   // nothing is received meanwhile: the client's own kernel makes it wait
            _unanswered.Set(received);
            return;
        }

        int allowed = context.CallsLeft;
        ReadOutcome outcome = context.Workers is { } workers
            ? HandOver(received, workers, context, out int consumed)
            : AnswerInline(received, context, out consumed);
        context.Addresses?.Charge(_place, began, allowed - context.CallsLeft);
        if (outcome == ReadOutcome.Malformed)
        {
            Fail(context);
            consumed = received.Length;
        }

        ReadOnlySpan<byte> rest = received[consumed..];
        RequestsWait = outcome is ReadOutcome.OutputFull or ReadOutcome.Paused;
        if (RequestsWait || rest.IsEmpty)
            RequestSince = 0;
        else if (consumed > 0 || RequestSince == 0)
            RequestSince = context.Now;
        _unanswered.Set(rest);
        _tls?.Seal(context.Replies, context.FreshStart);
        if (outcome == ReadOutcome.StartTls)
            StartTls(context);
        if (PendingBytes == 0)
            return;
        Keep(context.Fresh, context);
        NoteThrottling(context);
    }

    private void Enter(SessionContext context)
    {
        if (context.Refuses(peer.Peer, ref _place) is { } why)
            Fail(context, why);
    }

    // Returns whether it is there, so that requests follow.
    private bool TakeHeader(ref ReadOnlySpan<byte> received, SessionContext context)
    {
        int length = ProxyStart.Take(ref _proxyStage, received, ref peer, out bool namesClient);
        if (length == FrameResult.Malformed)
            Fail(context, Counter.ProxyErrors);
        else if (_proxyStage == ProxyStage.Header)
            _unanswered.Set(received);
        if (_proxyStage == ProxyStage.Header)
            return RequestsWait = false;
        received = received[length..];
        RequestSince = 0;
        if (namesClient)
            Enter(context);
        return !_isMalformed;
    }

    // On this thread. While a reply is to come later, the requests behind it are answered, as far as there is room.
    private ReadOutcome AnswerInline(ReadOnlySpan<byte> received, SessionContext context, out int consumed)
    {
        consumed = 0;
        for (int late = 1; ; late++)
        {
            if (HasLate && !_awaited!.CheckRoom(context))
                return ReadOutcome.Paused;
            int ahead = context.Replies.Length, most = Math.Min(SessionContext.RequestsInATurn, context.CallsLeft), left = KeepsMessages ? most - 1 : most;
            ReadOutcome outcome = KeepsMessages
                ? RequestReader.ConsumeMessage(context.Protocol, received, Peer, context.Replies, out int answered)
                : RequestReader.Consume(context.Protocol, received[consumed..], ref _framing, Peer, context.Replies, context.Mark, out answered, ref left);
            consumed += answered;
            context.CallsLeft -= most - left;
            if (HasLate)
                _awaited!.HoldBack(ahead, context);
            if (outcome != ReadOutcome.Later)
                return outcome;
            _awaited ??= new(owner, KeepsMessages);
            if (!_awaited.TryBegin(context.Replies.TakeLate()!, isUnwanted: _hasEnded, context))
                return ReadOutcome.Paused;
            if (consumed == received.Length)
                return ReadOutcome.NeedsInput;
            if (context.Late is null || late == SessionContext.RequestsInATurn || context.CallsLeft == 0)
                return ReadOutcome.Paused;
        }
    }

    // To workers.
    private ReadOutcome HandOver(ReadOnlySpan<byte> received, WorkerPool workers, SessionContext context, out int consumed)
    {
        _handed ??= workers.TakeCalls(areUnwanted: _hasEnded);
        ReadOutcome outcome = _handed.HandOver(this, received, ref _framing, ref _unanswered, context, out consumed);
        workers.TakeBack(ref _handed);
        return outcome;
    }

    // What comes behind the request for TLS, and before the reply to it can have been read, is of no client that keeps to the protocol; nor are
    // calls before it whose replies are still to come.
    private void StartTls(SessionContext context)
    {
        if (_unanswered.Length > 0 || HasLate)
        {
            Fail(context);
            return;
        }

        _tls = new(context.Protocol.Tls!, context.TlsPipe);
        RequestSince = context.Now;   // a handshake may take as long to arrive as a request
    }

    private void ReceivedSealed(SessionTls tls, ReadOnlySpan<byte> ciphertext, SessionContext context, bool isAnswered)
    {
        ReadOnlySpan<byte> plaintext = tls.Open(ciphertext, out byte[] buffer, context.Counters);
        if (!plaintext.IsEmpty)
            Take(plaintext, context, isAnswered);
        LargeBufferPool.Pool.Return(buffer);
        tls.Flush(context.Replies);   // behind the replies, which were taken with what TLS had to send before them
        if (PendingBytes > 0)
            Keep(context.Fresh, context);
        if (tls.State == TlsState.Failed)
            Fail(context);
        _inputEnded |= tls.State == TlsState.PeerClosed;
        if (_unanswered.Length == 0)
            RequestSince = tls.AwaitsSince(RequestSince, context.Now);
    }

    /// <summary>The bytes by which TLS announces the close to the peer; nothing without TLS, or in the middle of a reply.</summary>
    public ReadOnlySpan<byte> Farewell(SessionContext context) => _tls is null || PendingBytes > 0 ? default : _tls.Close(context.Farewell);

    private bool HasLate => _awaited is { IsAny: true };

    // Keeps what is left of the thread's replies behind what is pending already.
    private void Keep(ReadOnlySpan<byte> replies, SessionContext context)
    {
        _pending.Add(replies, KeepsMessages);
        context.DropFresh();
    }

    // What came behind is dropped.
    private void Fail(SessionContext context, Counter counter = Counter.ProtocolErrors)
    {
        if (!_isMalformed)
            context.Counters.Increment(counter);
        (_isMalformed, RequestsWait) = (true, false);
        _unanswered.Set(default);
    }
}
