namespace Multiplex.Engine.Calls;

/// <summary>
/// The calls of one session whose replies come later and that no worker runs: whether a further one may begin, and when each reply is sent. Where the
/// protocol's replies are sent in the order of the calls, a reply that is ready waits for those before it.
/// </summary>
/// <param name="owner">What completes a call on the loop's thread; null on a thread that waits for each.</param>
/// <param name="keepsMessages">Whether each reply is one message.</param>
internal sealed class AwaitedCalls(ILateOwner? owner, bool keepsMessages)
{
    private readonly LateCalls _calls = new();
    private LateReply? _next;   // the session's own thread waits for it, once the replies before it are sent

    /// <summary>Whether there is any.</summary>
    public bool IsAny => _calls.Count > 0;

    /// <summary>Bytes of memory that they keep.</summary>
    public long Bytes => _calls.Bytes;

    /// <summary>Whether requests wait until one of the replies has come, as <see cref="CheckRoom"/> has found.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Whether one more call may be in flight. A session that has none may have one however many others have, and so needs no notice when there is room.</summary>
    public bool CheckRoom(SessionContext context)
    {
        bool hasRoom = !IsAny || (_calls.Count < context.Options.MaxAsyncCallsPerConnection && context.Late!.HasRoom);
        if (!hasRoom && !IsFull)
            context.Counters.Increment(Counter.CallsInFlightFull);
        IsFull = !hasRoom || (IsAny && _calls.Bytes >= context.Options.MaxPendingOutput);
        return !IsFull;
    }

    /// <summary>Adds a call whose reply comes later. A reply that is ready already is added to the thread's replies, or waits for those before it.</summary>
    /// <param name="call">The call.</param>
    /// <param name="isUnwanted">Whether the peer is gone.</param>
    /// <param name="context">That of the thread.</param>
    /// <returns>False if the thread has replies to send before it waits: see <see cref="Await"/>.</returns>
    public bool TryBegin(LateReply call, bool isUnwanted, SessionContext context)
    {
        if (context.Late is not { } replies)
        {
            _next = call;
            return context.Fresh.IsEmpty && Await(context);
        }

        call.Owner = owner!;
        _calls.Add(call);
        if (isUnwanted)
            call.Cancel(hasEnded: true);
        if (replies.TryAwait(call))
            return true;
        call.IsFinished = true;
        if (_calls.Count > 1 && context.Protocol.ReplyOrder == ReplyOrder.Calls)
            return true;
        _calls.Remove(call);
        Write(call, context);
        return true;
    }

    /// <summary>Waits for the call that has not been waited for, if there is one, and adds its reply to the thread's.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Await(SessionContext context)
    {
        LateReply? call = _next;
        _next = null;
        if (call is null)
            return false;
        context.Wait!.Await(call);
        Write(call, context);
        return true;
    }

    /// <summary>Handles replies to requests that were answered at once: where the order counts, they wait for the late replies before them.</summary>
    /// <param name="ahead">Bytes of the thread's replies that were there before.</param>
    /// <param name="context">That of the thread.</param>
    public void HoldBack(int ahead, SessionContext context)
    {
        if (!IsAny || context.Protocol.ReplyOrder == ReplyOrder.Any || context.Replies.Length == ahead)
            return;
        _calls.HoldBack(context.Replies.Written[ahead..], keepsMessages);
        context.Replies.Truncate(ahead);
    }

    /// <summary>
    /// Handles a late reply. It is pending from now on, with those that waited for it; where the order counts, not before the replies to earlier calls.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="pending">The session's pending bytes.</param>
    /// <param name="tls">The session's TLS; null when it has none.</param>
    /// <param name="context">That of the thread.</param>
    public void Complete(LateReply call, ref WriteQueue pending, SessionTls? tls, SessionContext context)
    {
        if (call.Calls != _calls)
        {
            call.Reply.Clear(keep: 0);   // the session is released
            return;
        }

        call.IsFinished = true;
        if (context.Protocol.ReplyOrder == ReplyOrder.Any)
            Leave(call, ref pending, tls);
        else
            while (_calls.First is { IsFinished: true } first)
                Leave(first, ref pending, tls);
        if (IsFull)
            CheckRoom(context);
    }

    /// <summary>Cancels all calls: the peer is gone, or the server ends.</summary>
    public void Cancel(bool hasEnded) => _calls.Cancel(hasEnded);

    /// <summary>Drops all calls: the session is released.</summary>
    public void Abandon()
    {
        _calls.Abandon();
        _next?.Cancel(hasEnded: true);
        _next = null;
    }

    private void Leave(LateReply call, ref WriteQueue pending, SessionTls? tls)
    {
        _calls.Remove(call);
        pending.Add(tls is null ? call.Reply.Written : tls.Seal(call.Reply.Written), keepsMessages);
        pending.Append(tls is null ? call.Behind.Bytes : tls.Seal(call.Behind.Bytes));
        call.Behind.Release();
        call.Reply.Clear(keep: 0);
    }

    private static void Write(LateReply call, SessionContext context)
    {
        context.Replies.Write(call.Reply.Written);
        call.Reply.Clear(keep: 0);
    }
}
