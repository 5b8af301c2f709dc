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
    private const int SentAlone = 64 * 1024;   // bytes of a reply that is not copied first, to be sent with others

    private ReadBuffer _unanswered;    // received: half a request, or requests that wait
    private WriteQueue _pending;       // replies that the kernel did not take when they were sent first
    private FramingProgress _framing;
    private HandedCalls? _handed;      // requests that workers run; null when there are none
    private AwaitedCalls? _awaited;    // requests whose replies come later, where no worker runs them
    private SessionTls? _tls;          // once the peer has asked for it
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
    public bool KeepsMessages { get; } = !peer.Peer.Kind.IsStream();

    /// <summary>Bytes of replies that the peer has not taken.</summary>
    public int PendingBytes => _pending.Length;

    /// <summary>Bytes of memory that the session owns.</summary>
    public long Memory => (long)_pending.Memory + _unanswered.Memory + (_handed?.Bytes ?? 0) + (_awaited?.Bytes ?? 0) + (_tls?.Memory ?? 0);

    /// <summary>When bytes last moved, in milliseconds of <see cref="LoopContext.Now"/>.</summary>
    public long LastMoved { get; set; }

    /// <summary>
    /// Since when the rest of a request that has begun to arrive is awaited, in milliseconds; 0: none is. Reads that fill the buffer reset it,
    /// as then the delay is not the peer's.
    /// </summary>
    public long RequestSince { get; set; }

    /// <summary>Whether whole requests may be held: the replies before them passed the mark, the session has had its share of a turn, or the workers have no room.</summary>
    public bool RequestsWait { get; private set; }

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

    /// <summary>Whether the server is stopping: no more is received than had arrived.</summary>
    public bool IsDraining => _arrivedUnread != NotDraining;

    /// <summary>Whether nothing is held, pending or in progress, so that the session only receives next. That is so after nearly every request.</summary>
    public bool IsAtRest =>
        PendingBytes == 0 && _unanswered.Memory == 0 && _handed is null && !HasLate && _tls is null && !_inputEnded && !_isMalformed && !RequestsWait && !IsDraining;

    /// <summary>Whether the session has something to do in the next turn, whatever becomes ready: <see cref="Continue"/>, or to receive what had arrived.</summary>
    public bool WantsTurn(ServerOptions options) =>
        (RequestsWait && PendingBytes == 0 && _handed is null && !AwaitsLate) || (_arrivedUnread > 0 && WantsInput(options));

    /// <summary>Whether more is to be received now. Backpressure: nothing is received while requests wait or too many replies are pending.</summary>
    public bool WantsInput(ServerOptions options) => !_inputEnded && !_isMalformed && !IsThrottled(options);

    /// <summary>
    /// What to wait for. For a session that gets a turn anyway this stays the same: to change it and to change it back would cost
    /// two system calls a turn.
    /// </summary>
    public Interest Wants(ServerOptions options) =>
        (WantsInput(options) || WantsTurn(options) ? Interest.Readable : Interest.None) | (PendingBytes > 0 ? Interest.Writable : Interest.None);

    /// <summary>Why the session has ended, once nothing is left to receive, to answer and to send; null before.</summary>
    public CloseReason? Closed =>
        PendingBytes > 0 || _handed is not null || HasLate ? null
        : _isMalformed ? CloseReason.Malformed
        : _inputEnded && !RequestsWait ? CloseReason.Finished
        : null;

    /// <summary>Where to receive to; <see cref="Received"/> is to follow, before any other session of the thread has its turn.</summary>
    public Span<byte> GetReceiveBuffer(LoopContext loop) =>
        KeepsMessages ? loop.MessageBuffer : _tls is null ? BufferForMore(loop) : loop.TlsPipe.ReceiveBuffer;

    /// <summary>
    /// Handles received bytes; 0: the peer has shut down its side, or, while draining, everything that had arrived is received. Requests
    /// that are whole are answered, as many as fit into a turn; <see cref="Pending"/> is to be sent next.
    /// </summary>
    /// <param name="count">Bytes; of a message its whole length, which may be more than the buffer has: recv(2), MSG_TRUNC.</param>
    /// <param name="loop">The thread's.</param>
    public void Received(int count, LoopContext loop)
    {
        if (IsDraining)
            _arrivedUnread = Math.Max(0, _arrivedUnread - count);
        _inputEnded |= count == 0 || _arrivedUnread == 0;
        if (count == 0)
            return;   // the peer may still receive

        LastMoved = loop.Now;
        if (_tls is not null)
        {
            ReceivedSealed(_tls, loop.TlsPipe.ReceiveBuffer.AsSpan(0, count), loop, isAnswered: true);
        }
        else if (!KeepsMessages)
        {
            ReadOnlySpan<byte> received = _unanswered.With(count, loop.ReceiveBuffer, out bool isFull);
            if (isFull)
                RequestSince = 0;
            Answer(received, loop);
        }
        else if (count > loop.MessageBuffer.Length)
        {
            Fail(loop);
        }
        else
        {
            Answer(loop.MessageBuffer.AsSpan(0, count), loop);
        }
    }

    /// <summary>Handles bytes that the kernel has received into a buffer of its choice, as <see cref="Received"/>. Requests for which there is no time now are kept.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="loop">The thread's.</param>
    /// <param name="isAnswered">Whether there is time for requests now.</param>
    public void ReceivedElsewhere(ReadOnlySpan<byte> bytes, LoopContext loop, bool isAnswered)
    {
        LastMoved = loop.Now;
        if (InputEnded)
            return;
        if (_tls is null)
            Take(bytes, loop, isAnswered);
        else
            ReceivedSealed(_tls, bytes, loop, isAnswered);
    }

    private Span<byte> BufferForMore(LoopContext loop) => _unanswered.BufferForMore(loop.ReceiveBuffer).AsSpan(_unanswered.Length);

    // Bytes that stand in a buffer of others.
    private void Take(ReadOnlySpan<byte> bytes, LoopContext loop, bool isAnswered)
    {
        if (!isAnswered || IsThrottled(loop.Options))
        {
            _unanswered.Append(bytes);
            RequestsWait = true;
            NoteThrottling(loop);
        }
        else if (_unanswered.Length == 0)
        {
            Answer(bytes, loop);
        }
        else if (bytes.TryCopyTo(BufferForMore(loop)))
        {
            Answer(_unanswered.With(bytes.Length, loop.ReceiveBuffer, out _), loop);
        }
        else
        {
            _unanswered.Append(bytes);
            Answer(_unanswered.Bytes, loop);
        }
    }

    /// <summary>Continues with requests that wait, once the peer has received half of the replies that may be pending, or the workers have room.</summary>
    public void Continue(LoopContext loop)
    {
        bool hasAwaited = _awaited is not null && _awaited.Await(loop);
        if (RequestsWait && (hasAwaited || HasRoom(loop)))
            Answer(_unanswered.Bytes, loop);
    }

    /// <summary>
    /// Handles a late reply. It is pending from now on or, where replies are sent in the order of the calls, once those
    /// before it are ready.
    /// </summary>
    public void Complete(LateReply late, LoopContext loop)
    {
        _awaited!.Complete(late, ref _pending, _tls, loop);
        NoteThrottling(loop);
    }

    /// <summary>Cancels late replies: the client is gone, or the server ends.</summary>
    public void CancelLate(bool hasEnded)
    {
        _awaited?.Cancel(hasEnded);
        _handed?.Cancel(hasEnded);
    }

    /// <summary>
    /// Handles a request that a worker has run. Its reply is pending from now on or, where replies are sent in the order of
    /// the calls, once those before it are ready. A long one is in <see cref="LoopContext.Replies"/>, and is to be sent first.
    /// </summary>
    public void Complete(WorkItem item, LoopContext loop)
    {
        for (WorkItem? next = _handed!.Finish(item); next is not null; next = _handed.Recycle(next))
            TakeReply(next, loop);
        loop.Workers!.TakeBack(ref _handed);
    }

    /// <summary>The peer has reset the connection, or closed its UNIX-domain socket: no reply reaches it any more. A peer that has only shut down its side still gets its replies.</summary>
    public void PeerHungUp()
    {
        _hasEnded = true;
        CancelLate(hasEnded: true);
    }

    /// <summary>What to send next: bytes of a stream, or one message. <see cref="Sent"/> is to follow.</summary>
    public ReadOnlySpan<byte> Pending(LoopContext loop) =>
        PendingBytes == 0 ? loop.Fresh : KeepsMessages ? _pending.FirstMessage : _pending.Bytes;

    /// <summary>Handles how many bytes of <see cref="Pending"/> the kernel took; 0: none. The others are kept.</summary>
    public void Sent(int count, LoopContext loop)
    {
        if (count > 0)
            LastMoved = loop.Now;
        if (PendingBytes == 0 && count == loop.Fresh.Length)
        {
            loop.DropFresh();   // all of it, as nearly always
            _isThrottled = false;
            return;
        }

        if (PendingBytes == 0)
            Keep(loop.Fresh[count..], loop);
        else if (count > 0 && KeepsMessages)
            _pending.MessageTaken();
        else
            _pending.Taken(count);
        NoteThrottling(loop);
    }

    /// <summary>Replies were sent with those of other sessions, and the kernel did not take these of them.</summary>
    public void FellShort(ReadOnlySpan<byte> replies, LoopContext loop)
    {
        _pending.Add(replies, KeepsMessages);
        NoteThrottling(loop);
    }

    /// <summary>The server is stopping: what has arrived is still received and answered, and no more.</summary>
    /// <param name="unread">Bytes that have arrived and have not been received.</param>
    public void BeginDrain(int unread)
    {
        _arrivedUnread = unread;
        _inputEnded |= unread == 0;
    }

    /// <summary>Frees the session's memory and drops the requests that no worker has begun to run: the connection is closed.</summary>
    public void Release(LoopContext loop)
    {
        _hasEnded = true;
        _pending.Release();
        _unanswered.Set(default);
        _awaited?.Abandon();
        _handed?.Abandon();
        loop.Workers?.TakeBack(ref _handed);
        _tls?.Release();
    }

    private bool HasRoom(LoopContext loop) => loop.Workers is null
        ? PendingBytes <= loop.Options.MaxPendingOutput / 2
        : _handed is null || _handed.HasRoom(PendingBytes, loop.Options);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsThrottled(ServerOptions options) => RequestsWait || PendingBytes > options.MaxPendingOutput;

    private void NoteThrottling(LoopContext loop)
    {
        bool isThrottled = PendingBytes > 0 && IsThrottled(loop.Options);
        if (isThrottled && !_isThrottled)
            loop.Counters.Increment(Counter.Throttled);
        _isThrottled = isThrottled;
    }

    // Answers one batch: the share of a turn.
    private void Answer(ReadOnlySpan<byte> received, LoopContext loop)
    {
        ReadOutcome outcome = loop.Workers is { } workers
            ? HandOver(received, workers, loop, out int consumed)
            : AnswerInline(received, loop, out consumed);
        if (outcome == ReadOutcome.Malformed)
        {
            Fail(loop);
            consumed = received.Length;
        }

        ReadOnlySpan<byte> rest = received[consumed..];
        RequestsWait = outcome is ReadOutcome.OutputFull or ReadOutcome.Paused;
        if (RequestsWait || rest.IsEmpty)
            RequestSince = 0;
        else if (consumed > 0 || RequestSince == 0)
            RequestSince = loop.Now;
        _unanswered.Set(rest);
        _tls?.Seal(loop.Replies, loop.FreshStart);
        if (outcome == ReadOutcome.StartTls)
            StartTls(loop);
        if (PendingBytes == 0)
            return;
        Keep(loop.Fresh, loop);
        NoteThrottling(loop);
    }

    // On this thread. While a reply is to come later, the requests behind it are answered, as far as there is room.
    private ReadOutcome AnswerInline(ReadOnlySpan<byte> received, LoopContext loop, out int consumed)
    {
        consumed = 0;
        for (int late = 1; ; late++)
        {
            if (HasLate && !_awaited!.CheckRoom(loop))
                return ReadOutcome.Paused;
            int ahead = loop.Replies.Length;
            ReadOutcome outcome = KeepsMessages
                ? RequestReader.ConsumeMessage(loop.Protocol, received, Peer, loop.Replies, out int answered)
                : RequestReader.Consume(
                    loop.Protocol, received[consumed..], ref _framing, Peer, loop.Replies, loop.Mark, out answered, LoopContext.RequestsInATurn);
            consumed += answered;
            if (HasLate)
                _awaited!.HoldBack(ahead, loop);
            if (outcome != ReadOutcome.Later)
                return outcome;
            _awaited ??= new(owner, KeepsMessages);
            if (!_awaited.TryBegin(loop.Replies.TakeLate()!, isUnwanted: _hasEnded, loop))
                return ReadOutcome.Paused;
            if (consumed == received.Length)
                return ReadOutcome.NeedsInput;
            if (loop.Late is null || late == LoopContext.RequestsInATurn)
                return ReadOutcome.Paused;
        }
    }

    // To workers.
    private ReadOutcome HandOver(ReadOnlySpan<byte> received, WorkerPool workers, LoopContext loop, out int consumed)
    {
        _handed ??= workers.TakeCalls(areUnwanted: _hasEnded);
        ReadOutcome outcome = _handed.HandOver(this, received, ref _framing, ref _unanswered, loop, out consumed);
        workers.TakeBack(ref _handed);
        return outcome;
    }

    // What comes behind the request for TLS, and before the reply to it can have been read, is of no client that keeps to the protocol; nor are
    // calls before it whose replies are still to come.
    private void StartTls(LoopContext loop)
    {
        if (_unanswered.Length > 0 || HasLate)
        {
            Fail(loop);
            return;
        }

        _tls = new(loop.Protocol.Tls!, loop.TlsPipe);
        RequestSince = loop.Now;   // a handshake may take as long to arrive as a request
    }

    private void ReceivedSealed(SessionTls tls, ReadOnlySpan<byte> ciphertext, LoopContext loop, bool isAnswered)
    {
        ReadOnlySpan<byte> plaintext = tls.Open(ciphertext, out byte[] buffer, loop.Counters);
        if (!plaintext.IsEmpty)
            Take(plaintext, loop, isAnswered);
        LargeBufferPool.Pool.Return(buffer);
        tls.Flush(loop.Replies);   // behind the replies, which were taken with what TLS had to send before them
        if (PendingBytes > 0)
            Keep(loop.Fresh, loop);
        if (tls.State == TlsState.Failed)
            Fail(loop);
        _inputEnded |= tls.State == TlsState.PeerClosed;
        if (_unanswered.Length == 0)
            RequestSince = tls.AwaitsSince(RequestSince, loop.Now);
    }

    /// <summary>The bytes by which TLS announces the close to the peer; nothing without TLS, or in the middle of a reply.</summary>
    public ReadOnlySpan<byte> Farewell(LoopContext loop) => _tls is null || PendingBytes > 0 ? default : _tls.Close(loop.Farewell);

    private bool HasLate => _awaited is { IsAny: true };

    private void TakeReply(WorkItem item, LoopContext loop)
    {
        if (!item.IsAnswered)
        {
            Fail(loop);
        }
        else if (item.Reply.Length > 0)
        {
            Keep(loop.Fresh, loop);
            _tls?.Seal(item.Reply, 0);
            if (!KeepsMessages && PendingBytes == 0 && item.Reply.Length >= SentAlone)
                item.Reply = loop.Exchange(item.Reply);
            else
                _pending.Add(item.Reply.Written, KeepsMessages);
        }
    }

    // Keeps what is left of the thread's replies behind what is pending already.
    private void Keep(ReadOnlySpan<byte> replies, LoopContext loop)
    {
        _pending.Add(replies, KeepsMessages);
        loop.DropFresh();
    }

    // What came behind is dropped.
    private void Fail(LoopContext loop)
    {
        if (!_isMalformed)
            loop.Counters.Increment(Counter.ProtocolErrors);
        _isMalformed = true;
        RequestsWait = false;
        _unanswered.Set(default);
    }
}
