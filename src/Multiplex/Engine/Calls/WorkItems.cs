namespace Multiplex.Engine.Calls;

/// <summary>
/// The requests of one session that workers run, until their replies are sent: as they come, or in the order of the requests, as the protocol requires
/// it. Reused for another session once no call is left.
/// </summary>
/// <param name="workers">The loop's workers.</param>
internal sealed class WorkItems(WorkerPool workers)
{
    private const int SentAlone = 64 * 1024;   // bytes of a reply that is not copied first, to be sent with others

    private readonly CallFlow _flow = new();
    private WorkItem? _first;      // of those whose replies are sent in order; each has the next one
    private WorkItem? _last;
    private bool _isCut;           // one was malformed: the replies behind it are not sent
    private bool _isAbandoned;     // the session is released

    /// <summary>Whether there is any.</summary>
    public bool IsAny => _flow.InProgress > 0;

    /// <summary>Bytes of the requests, and of replies that wait for those before them.</summary>
    public int Bytes => _flow.BytesInProgress;

    /// <summary>Whether a reply comes later than a worker has run its call.</summary>
    public bool HasLate => _flow.Late.Count > 0;

    /// <summary>
    /// Whether one more may be handed over. Replies may be as long as requests, so requests in progress count as pending bytes. A session that has no request in
    /// progress may hand one over however many wait, and so needs no notice when there is room.
    /// </summary>
    public bool HasRoom(int pendingBytes, ServerOptions options) =>
        !IsAny
        || (_flow.InProgress < options.MaxCallsInProgress
            && pendingBytes + _flow.BytesInProgress < options.MaxPendingOutput
            && workers.Room > 0);

    /// <summary>Frames requests and hands them to workers, while these have room.</summary>
    /// <param name="session">The session.</param>
    /// <param name="received">What it has received and not answered.</param>
    /// <param name="framing">How far the first request is framed.</param>
    /// <param name="held">The buffer of the bytes, if the session holds them: the array of a long request is handed over.</param>
    /// <param name="context">That of the thread.</param>
    /// <param name="consumed">Receives how many bytes are handed over.</param>
    public ReadOutcome HandOver(
        Session session, ReadOnlySpan<byte> received, ref FramingProgress framing, ref ReadBuffer held, SessionContext context, out int consumed)
    {
        ReadOutcome outcome = Frame(session, received, ref framing, ref held, context, out consumed);
        workers.Submit(_flow);
        return outcome;
    }

    private ReadOutcome Frame(
        Session session, ReadOnlySpan<byte> received, ref FramingProgress framing, ref ReadBuffer held, SessionContext context, out int consumed)
    {
        IProtocol protocol = context.Protocol;
        consumed = 0;
        while (consumed < received.Length && context.CallsLeft > 0 && HasRoom(session.PendingBytes, context.Options))
        {
            ReadOnlySpan<byte> rest = received[consumed..];
            int length = session.KeepsMessages ? rest.Length : protocol.Frame(rest, ref framing);
            if (length == FrameResult.Incomplete)
                return ReadOutcome.NeedsInput;
            if (length < 0)
                return ReadOutcome.Malformed;
            ReadOnlySpan<byte> request = rest[..length];
            bool asksForTls = protocol.Tls is not null && session.Tls is null && protocol.AsksForTls(request);
            if (asksForTls && IsAny)
                return ReadOutcome.Paused;   // the replies before it are sent without TLS
            framing = default;
            consumed += length;
            context.CallsLeft--;
            if (!asksForTls)
                Hand(session, request, held.GiveAway(request), isInOrder: protocol.ReplyOrder != ReplyOrder.Any);
            else if (protocol.AnswerInBatch(request, session.Peer, context.Replies, ifQuick: false) == FrameAnswer.StartTls)
                return ReadOutcome.StartTls;
        }

        if (HasRoom(session.PendingBytes, context.Options))
            return consumed < received.Length ? ReadOutcome.Paused : ReadOutcome.NeedsInput;
        if (!session.RequestsWait && workers.Room == 0)
            context.Counters.Increment(Counter.CallQueueFull);
        return ReadOutcome.Paused;
    }

    /// <summary>Handles a request that a worker has run.</summary>
    /// <returns>The first whose reply may be sent now; null if none may.</returns>
    public WorkItem? Finish(WorkItem item)
    {
        item.Finish();
        if (!_isAbandoned)
            return _first is null ? item : TakeInOrder();
        workers.Recycle(item);
        return null;
    }

    /// <summary>Takes the reply to a request that a worker has run: it is pending from now on, or, if it is long and nothing is pending, alone in <see cref="SessionContext.Replies"/>.</summary>
    /// <returns>False: the request was malformed.</returns>
    public static bool TakeReply(WorkItem item, ref WriteQueue pending, SessionTls? tls, bool keepsMessages, SessionContext context)
    {
        if (!item.IsAnswered || item.Reply.Length == 0)
            return item.IsAnswered;
        if (!context.Fresh.IsEmpty)
        {
            pending.Add(context.Fresh, keepsMessages);
            context.DropFresh();
        }

        tls?.Seal(item.Reply, 0);
        if (!keepsMessages && pending.Length == 0 && item.Reply.Length >= SentAlone)
            item.Reply = context.Exchange(item.Reply);
        else
            pending.Add(item.Reply.Written, keepsMessages);
        return true;
    }

    /// <summary>Removes a request whose reply was sent.</summary>
    /// <returns>The next whose reply may be sent; null if none may.</returns>
    public WorkItem? Recycle(WorkItem item)
    {
        workers.Recycle(item);
        return TakeInOrder();
    }

    /// <summary>Cancels the calls whose replies come later: the peer is gone, or the server ends.</summary>
    public void Cancel(bool hasEnded) => _flow.Late.Cancel(hasEnded);

    /// <summary>Drops the requests that no worker has begun to run, and all replies: the session is released.</summary>
    public void Abandon()
    {
        _isAbandoned = true;
        for (WorkItem? item = _first, next; item is not null; item = next)
        {
            next = item.NextInOrder;
            if (item.IsFinished)
                workers.Recycle(item);
        }

        _first = null;
        workers.Drop(_flow);
        Cancel(hasEnded: true);
    }

    /// <summary>Prepares it for another session, when no call is left.</summary>
    public void Reset()
    {
        _isCut = _isAbandoned = false;
        _flow.Reset();
    }

    private void Hand(Session session, ReadOnlySpan<byte> request, byte[]? array, bool isInOrder)
    {
        WorkItem item = workers.Hand(session, _flow, request, array);
        if (!isInOrder)
            return;
        if (_first is null)
            _first = item;
        else
            _last!.NextInOrder = item;
        _last = item;
    }

    private WorkItem? TakeInOrder()
    {
        while (_first is { IsFinished: true } first)
        {
            _first = first.NextInOrder;
            if (!_isCut)
            {
                _isCut = !first.IsAnswered;
                return first;
            }

            workers.Recycle(first);
        }

        return null;
    }
}
