using Multiplex.Sockets;

namespace Multiplex.Engine;

/// <summary>
/// The state of one connection, and no I/O: what has been received is framed, answered, queued and throttled here. The caller moves the
/// bytes: it receives into <see cref="GetReceiveBuffer"/> and reports <see cref="Received"/>, sends <see cref="Pending"/> and reports <see cref="Sent"/>,
/// and closes the connection when it is <see cref="Closed"/>. Memory is owned only while half a request is held, or replies are pending.
/// </summary>
internal sealed class Session(PeerAddress peer)
{
    private const int NotDraining = -1;

    private ReadBuffer _unanswered;    // received: half a request, or requests that wait
    private WriteQueue _pending;       // replies that the kernel did not take when they were sent first
    private FramingProgress _framing;
    private int _arrivedUnread = NotDraining;   // bytes that had arrived when the drain began, and are still to be received
    private bool _inputEnded;          // the peer has shut down its side, or all that had arrived is received
    private bool _isMalformed;         // closed once the replies before it are sent
    private bool _isThrottled;         // as it was counted

    /// <summary>The peer.</summary>
    public Peer Peer => peer.Peer;

    /// <summary>Whether the boundaries of messages are kept, so that each is one request; else it is a stream.</summary>
    public bool KeepsMessages { get; } = !peer.Peer.Kind.IsStream();

    /// <summary>Bytes of replies that the peer has not taken.</summary>
    public int PendingBytes => _pending.Length;

    /// <summary>Bytes of memory that the session owns.</summary>
    public long Memory => _pending.Memory + _unanswered.Memory;

    /// <summary>When bytes last moved, in milliseconds of <see cref="LoopContext.Now"/>.</summary>
    public long LastMoved { get; set; }

    /// <summary>
    /// Since when the rest of a request that has begun to arrive is awaited, in milliseconds; 0 when none is. Reads that fill the buffer start it
    /// anew: it is not the peer that takes its time.
    /// </summary>
    public long RequestSince { get; set; }

    /// <summary>Whether whole requests may be held: the replies before them passed the mark, or the session has had its share of a turn.</summary>
    public bool RequestsWait { get; private set; }

    /// <summary>Whether the server is stopping: no more is received than had arrived.</summary>
    public bool IsDraining => _arrivedUnread != NotDraining;

    /// <summary>Whether the session has something to do in the next turn, whatever becomes ready: <see cref="Continue"/>, or to receive what had arrived.</summary>
    public bool WantsTurn(ServerOptions options) => (RequestsWait && PendingBytes == 0) || (_arrivedUnread > 0 && WantsInput(options));

    /// <summary>Whether more is to be received now. Backpressure: nothing is received while requests wait or too many replies are pending.</summary>
    public bool WantsInput(ServerOptions options) => !_inputEnded && !_isMalformed && !IsThrottled(options);

    /// <summary>
    /// What to wait for. A session that has a turn anyway is waited for as before: to change that and to change it back would cost
    /// two system calls a turn.
    /// </summary>
    public Interest Wants(ServerOptions options) =>
        (WantsInput(options) || WantsTurn(options) ? Interest.Readable : Interest.None) | (PendingBytes > 0 ? Interest.Writable : Interest.None);

    /// <summary>Why the session is over, once nothing is left to receive, to answer and to send; null before.</summary>
    public CloseReason? Closed =>
        PendingBytes > 0 ? null
        : _isMalformed ? CloseReason.Malformed
        : _inputEnded && !RequestsWait ? CloseReason.Finished
        : null;

    /// <summary>Where to receive to; <see cref="Received"/> is to follow, before any other session of the thread has its turn.</summary>
    public Span<byte> GetReceiveBuffer(LoopContext loop) =>
        KeepsMessages ? loop.MessageBuffer : _unanswered.BufferForMore(loop.ReceiveBuffer).AsSpan(_unanswered.Length);

    /// <summary>
    /// So many bytes have been received, or the peer has shut down its side, or, while draining, nothing is left of what had arrived: 0. Requests
    /// that are whole are answered, as far as there is time for it in a turn; <see cref="Pending"/> is to be sent next.
    /// </summary>
    /// <param name="count">Bytes; of a message its whole length, which may be more than the buffer has: recv(2), MSG_TRUNC.</param>
    /// <param name="loop">The thread's.</param>
    public void Received(int count, LoopContext loop)
    {
        if (IsDraining)
            _arrivedUnread = Math.Max(0, _arrivedUnread - count);
        _inputEnded |= count == 0 || _arrivedUnread == 0;
        if (count == 0)
            return;
        LastMoved = loop.Now;
        if (!KeepsMessages)
        {
            if (_unanswered.IsFilledBy(count, loop.ReceiveBuffer))
                RequestSince = 0;
            Answer(_unanswered.With(count, loop.ReceiveBuffer), loop);
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

    /// <summary>Goes on with requests that wait, once the peer has taken half of the replies that may be pending.</summary>
    public void Continue(LoopContext loop)
    {
        if (RequestsWait && PendingBytes <= loop.Options.MaxPendingOutput / 2)
            Answer(_unanswered.Bytes, loop);
    }

    /// <summary>What to send next: bytes of a stream, or one message. <see cref="Sent"/> is to follow.</summary>
    public ReadOnlySpan<byte> Pending(LoopContext loop) =>
        PendingBytes == 0 ? loop.Replies.Written : KeepsMessages ? _pending.FirstMessage : _pending.Bytes;

    /// <summary>The kernel has taken so many bytes of <see cref="Pending"/>; 0 when it takes none now. The others are kept.</summary>
    public void Sent(int count, LoopContext loop)
    {
        if (count > 0)
            LastMoved = loop.Now;
        if (PendingBytes == 0)
            Keep(loop.Replies.Written[count..], loop);
        else if (count > 0 && KeepsMessages)
            _pending.MessageTaken();
        else
            _pending.Taken(count);
        bool isThrottled = PendingBytes > 0 && IsThrottled(loop.Options);
        if (isThrottled && !_isThrottled)
            loop.Counters.Increment(Counter.Throttled);
        _isThrottled = isThrottled;
    }

    /// <summary>The server is stopping: what has arrived is still received and answered, and no more.</summary>
    /// <param name="unread">Bytes that have arrived and have not been received.</param>
    public void BeginDrain(int unread)
    {
        _arrivedUnread = unread;
        _inputEnded |= unread == 0;
    }

    /// <summary>Gives the session's memory back.</summary>
    public void Release()
    {
        _pending.Release();
        _unanswered.Set(default);
    }

    private bool IsThrottled(ServerOptions options) => RequestsWait || PendingBytes > options.MaxPendingOutput;

    // Answers one batch: the share of a turn.
    private void Answer(ReadOnlySpan<byte> received, LoopContext loop)
    {
        ReadOutcome outcome = KeepsMessages ? AnswerMessage(received, loop, out int consumed) : AnswerFrames(received, loop, out consumed);
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
        if (PendingBytes > 0)
            Keep(loop.Replies.Written, loop);
    }

    private ReadOutcome AnswerFrames(ReadOnlySpan<byte> received, LoopContext loop, out int consumed) => RequestReader.Consume(
        loop.Protocol, received, ref _framing, Peer, loop.Replies, loop.Options.MaxPendingOutput, out consumed, LoopContext.RequestsInATurn);

    private ReadOutcome AnswerMessage(ReadOnlySpan<byte> message, LoopContext loop, out int consumed)
    {
        consumed = message.Length;
        if (loop.Protocol.AnswerMessage(message, Peer, loop.Replies))
            return ReadOutcome.NeedsInput;
        loop.Replies.Clear(OutputBuffer.UsuallyKept);
        return ReadOutcome.Malformed;
    }

    // Keeps what is left of the thread's replies behind what is pending already.
    private void Keep(ReadOnlySpan<byte> replies, LoopContext loop)
    {
        if (KeepsMessages && !replies.IsEmpty)
            _pending.AppendMessage(replies);
        else
            _pending.Append(replies);
        loop.Replies.Clear(OutputBuffer.UsuallyKept);
    }

    private void Fail(LoopContext loop)
    {
        if (!_isMalformed)
            loop.Counters.Increment(Counter.ProtocolErrors);
        _isMalformed = true;
    }
}
