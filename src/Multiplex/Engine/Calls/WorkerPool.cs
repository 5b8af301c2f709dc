using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Engine.Calls;

/// <summary>
/// Threads that run procedures for an event loop. Requests go to them by a queue, replies come back by another, which is posted to the loop.
/// Everything but the workers' own loop belongs to the loop's thread.
/// </summary>
internal sealed class WorkerPool : IDisposable, ILateTarget
{
    private const int KeptByOthers = 64 * 1024;

    private readonly EventLoop _loop;
    private readonly IProtocol _protocol;
    private readonly ServerOptions _options;
    private readonly ServerCounters _counters;
    private readonly WorkQueue _calls;
    private readonly Action _takeReplies;
    private readonly Stack<WorkItem> _spare = new();
    private readonly Stack<CallFlow> _spareFlows = new();
    private readonly Stack<WorkItems> _spareCalls = new();
    private WorkItem? _first, _last;   // handed over, and not in the queue yet
    private int _count;
    private int _inProgress;
    private WorkItem? _answered;       // the call that was answered last, which leads to those before it; null once the loop has taken them

    /// <summary>Makes the queue; <see cref="Start"/> makes the threads.</summary>
    public WorkerPool(EventLoop loop, IProtocol protocol, ServerOptions options, ServerCounters counters)
    {
        (_loop, _protocol, _options, _counters) = (loop, protocol, options, counters);
        _takeReplies = TakeReplies;
        _calls = new(options.Workers, options.MaxCallsInProgress);
        loop.AcceptPosts();
    }

    /// <summary>Starts the threads.</summary>
    /// <exception cref="IOException">The system refuses one. <see cref="Dispose"/> ends those that were started.</exception>
    public void Start()
    {
        for (int i = 0; i < _options.Workers; i++)
            WorkerThread.Start(WorkerThread.Create("worker", Work), i + 1, _options.Workers);
    }

    /// <summary>Whether any reply is still to come.</summary>
    public bool IsBusy => _inProgress > 0;

    /// <summary>How many calls more may wait for a worker. A caller that has none in progress may hand one over all the same.</summary>
    public int Room => (int)Math.Max(0, Math.Min(_options.MaxQueuedCalls - _calls.Waiting - _count, _options.MaxAsyncCalls - _counters[Counter.CallsInFlight]));

    /// <summary>Hands a request of a session over; workers begin to run it at <see cref="Submit"/>.</summary>
    /// <param name="session">The session.</param>
    /// <param name="flow">Its calls.</param>
    /// <param name="request">The request.</param>
    /// <param name="array">See <see cref="WorkItem.Take(Session, ReadOnlySpan{byte}, byte[])"/>.</param>
    public WorkItem Hand(Session session, CallFlow flow, ReadOnlySpan<byte> request, byte[]? array)
    {
        WorkItem call = Spare();
        call.Take(session, request, array);
        Add(call, flow);
        return call;
    }

    /// <summary>Has the workers run the requests of this flow that were handed over, under one lock for all of them.</summary>
    public void Submit(CallFlow flow)
    {
        if (_count == 0)
            return;
        _calls.Add(flow, _first!, _last!, _count);
        (_first, _last, _count) = (null, null, 0);
    }

    /// <summary>Hands a datagram over.</summary>
    public void Hand(IReplyTarget target, EndpointKind kind, CallFlow flow, in DatagramOrigin origin, ReadOnlySpan<byte> request)
    {
        WorkItem call = Spare();
        call.Take(target, kind, origin, request);
        Add(call, flow);
        Submit(flow);
    }

    /// <summary>A flow that has no calls.</summary>
    public CallFlow TakeFlow() => _spareFlows.TryPop(out CallFlow? flow) ? flow : new();

    /// <summary>A flow has no calls any more.</summary>
    public void ReturnFlow(CallFlow flow)
    {
        flow.Reset();
        _spareFlows.Push(flow);
    }

    /// <summary>For a session that hands its first request over.</summary>
    /// <param name="areUnwanted">Whether the peer is gone, so that replies which come later are not needed.</param>
    public WorkItems TakeCalls(bool areUnwanted)
    {
        WorkItems calls = _spareCalls.TryPop(out WorkItems? spare) ? spare : new(this);
        if (areUnwanted)
            calls.Cancel(hasEnded: true);
        return calls;
    }

    /// <summary>Takes the calls of a session back, once none of them is left.</summary>
    public void TakeBack(ref WorkItems? calls)
    {
        if (calls is not { IsAny: false })
            return;
        calls.Reset();
        _spareCalls.Push(calls);
        calls = null;
    }

    /// <summary>The reply of a call has been taken, or is not wanted: the call is used again.</summary>
    public void Recycle(WorkItem call)
    {
        call.Flow!.InProgress--;
        call.Flow.BytesInProgress -= call.Bytes;
        _inProgress--;

        // Memory for long replies stays with as many calls as run at a time. To make it anew for each would have the garbage
        // collector stop all threads for every few of them.
        call.Reset(keep: _spare.Count < _options.Workers ? OutputBuffer.UsuallyKept : KeptByOthers);
        _spare.Push(call);
    }

    /// <summary>Drops the calls of a client that is gone, if no worker has taken them yet.</summary>
    public void Drop(CallFlow flow)
    {
        WorkItem? call = _calls.Drop(flow);
        while (call is not null)
        {
            WorkItem? next = call.Next;
            Recycle(call);
            _counters.Increment(Counter.CallsDropped);
            call = next;
        }
    }

    /// <summary>Ends the workers once they have nothing to do.</summary>
    public void Dispose() => _calls.Complete();

    private void TakeReplies()
    {
        // A reply that comes after this is posted again.
        WorkItem? answered = Interlocked.Exchange(ref _answered, null);
        WorkItem? oldest = null;
        while (answered is not null)
            (oldest, answered.Next, answered) = (answered, oldest, answered.Next);
        while (oldest is not null)
        {
            WorkItem call = oldest;
            oldest = call.Next;
            call.Target.Complete(call);
        }
    }

    private WorkItem Spare() => _spare.TryPop(out WorkItem? call) ? call : new();

    private void Add(WorkItem call, CallFlow flow)
    {
        call.Flow = flow;
        flow.InProgress++;
        flow.BytesInProgress += call.Bytes;
        _inProgress++;
        if (_first is null)
            _first = call;
        else
            _last!.Next = call;
        _last = call;
        _count++;
    }

    private void Work()
    {
        CallFlow? flow = null;
        while (_calls.TryTake(out WorkItem? call, finished: flow))
        {
            flow = call.Flow;
            if (flow!.IsLost)
            {
                call.Skip();
                _counters.Increment(Counter.CallsDropped);
            }
            else
            {
                call.Answer(_protocol);
                if (call.Reply.TakeLate() is { } late && IsToCome(late, call))
                    continue;
            }

            Answered(call);
        }
    }

    // False: it has come meanwhile.
    private bool IsToCome(LateReply late, WorkItem call)
    {
        late.Owner = call;
        call.Flow!.Late.Add(late);
        _counters.Increment(Counter.CallsInFlight);
        if (late.TryAwait(this))
            return true;
        Take(late);
        return false;
    }

    void ILateTarget.Completed(LateReply reply)
    {
        Take(reply);
        Answered((WorkItem)reply.Owner);
    }

    private void Take(LateReply reply)
    {
        WorkItem call = (WorkItem)reply.Owner;
        call.Flow!.Late.Remove(reply);
        _counters.Add(Counter.CallsInFlight, -1);
        call.TakeLate(reply);
    }

    private void Answered(WorkItem call)
    {
        WorkItem? before;
        do
            call.Next = before = Volatile.Read(ref _answered);
        while (Interlocked.CompareExchange(ref _answered, call, before) != before);
        if (before is null)
            _loop.Post(_takeReplies);
    }
}
