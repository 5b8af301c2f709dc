using System.Diagnostics.CodeAnalysis;

namespace Multiplex.Engine.Calls;

/// <summary>
/// Calls that wait for a worker, by flow: a connection, or a source of datagrams. The next call to run is from the flow with
/// the fewest calls running; of several such flows, from the one that has waited longest. A second call of a flow is run only while more workers are
/// free than the flow has: one connection takes half of the workers, the next half of the rest, and the others still find some.
/// </summary>
/// <remarks>
/// One idle worker is woken at a time, and wakes the next when it leaves calls behind: short calls are done by few workers, long ones get one
/// each. One worker that finds no call spins for a while, as the next call often comes before a thread could fall asleep and be
/// woken; any other sleeps at once, and leaves the cores to the busy ones.
/// </remarks>
/// <param name="workers">How many workers there are.</param>
/// <param name="mostOfOne">How many calls of one flow run at a time, at most.</param>
internal sealed class WorkQueue(int workers, int mostOfOne)
{
    private const int Looks = 100;   // some 50 µs: what it costs to be woken

    private readonly object _lock = new();   // its Monitor is waited on
    private readonly CallFlowList[] _flows = new CallFlowList[workers + 1];   // that have calls waiting, by how many they have running
    private int _running;
    private int _idle;
    private volatile int _waiting;
    private bool _isWaking;
    private bool _isLooking;
    private bool _isComplete;

    /// <summary>How many calls wait.</summary>
    public int Waiting => _waiting;

    /// <summary>Adds calls of one flow.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="first">The first call; each has the next one.</param>
    /// <param name="last">The last call.</param>
    /// <param name="count">How many calls.</param>
    public void Add(CallFlow flow, WorkItem first, WorkItem last, int count)
    {
        lock (_lock)
        {
            bool isFirst = flow.Oldest is null;
            flow.Enqueue(first, last);
            if (isFirst)
                _flows[flow.Running].Append(flow);
            _waiting += count;
            WakeOne();
        }
    }

    /// <summary>Waits for one.</summary>
    /// <param name="call">The call, which counts as running until the worker comes back.</param>
    /// <param name="finished">The flow of the call that this worker has run before, or null.</param>
    /// <returns>False when there is none and none will come.</returns>
    public bool TryTake([NotNullWhen(true)] out WorkItem? call, CallFlow? finished)
    {
        lock (_lock)
        {
            if (finished is not null)
                Finish(finished);
            if (_isLooking || Next() is not null)
                return TryDequeue(out call);
            _isLooking = true;
        }

        SpinWait look = default;
        while (_waiting == 0 && look.Count < Looks)
            look.SpinOnce(sleep1Threshold: -1);
        lock (_lock)
        {
            _isLooking = false;
            return TryDequeue(out call);
        }
    }

    /// <summary>Takes the calls of a flow that still wait out of the queue: they will not be run.</summary>
    /// <returns>The first, which leads to the others; or null.</returns>
    public WorkItem? Drop(CallFlow flow)
    {
        lock (_lock)
        {
            WorkItem? first = flow.TakeAll();
            if (first is not null)
                _flows[flow.Running].Remove(flow);
            for (WorkItem? call = first; call is not null; call = call.Next)
                _waiting--;
            return first;
        }
    }

    /// <summary>None will be added any more.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _isComplete = true;
            Monitor.PulseAll(_lock);
        }
    }

    private void Finish(CallFlow flow)
    {
        _running--;
        if (flow.Oldest is not null)
        {
            _flows[flow.Running].Remove(flow);
            _flows[flow.Running - 1].Append(flow);
        }

        flow.Running--;
    }

    // The flow whose call is run next; null if there is none, or none may have one more running.
    private CallFlow? Next()
    {
        int most = _waiting == 0 ? 0 : Math.Min(workers - _running, mostOfOne);
        for (int running = 0; running < most; running++)
        {
            if (_flows[running].First is { } flow)
                return flow;
        }

        return null;
    }

    // Under the lock, which is released while it waits.
    private bool TryDequeue([NotNullWhen(true)] out WorkItem? call)
    {
        CallFlow? flow;
        while ((flow = Next()) is null)
        {
            call = null;
            if (_isComplete)
                return false;
            _idle++;
            Monitor.Wait(_lock);
            _idle--;
            _isWaking = false;
        }

        _flows[flow.Running].Remove(flow);
        call = flow.Dequeue();
        flow.Running++;
        _running++;
        _waiting--;
        if (flow.Oldest is not null)
            _flows[flow.Running].Append(flow);
        if (Next() is not null)
            WakeOne();
        return true;
    }

    private void WakeOne()
    {
        if (_idle == 0 || _isWaking || (_isLooking && _waiting == 1))
            return;
        _isWaking = true;
        Monitor.Pulse(_lock);
    }
}

/// <summary>The calls of one caller, a connection or a source of datagrams: those that wait for a worker, in their order, and how many run.</summary>
internal sealed class CallFlow
{
    /// <summary>Calls handed over whose replies have not been taken yet. For the loop's thread alone.</summary>
    public int InProgress { get; set; }

    /// <summary>Bytes of those calls, and of replies that wait for their turn. For the loop's thread alone.</summary>
    public int BytesInProgress { get; set; }

    /// <summary>Calls whose replies come later than a worker has run them.</summary>
    public LateCalls Late { get; } = new();

    /// <summary>Whether a call had a reply when its client was gone: the calls behind it are not run.</summary>
    public bool IsLost { get => Volatile.Read(ref _isLost); set => Volatile.Write(ref _isLost, value); }

    /// <summary>Calls that workers run now. Under the queue's lock, as all that follows.</summary>
    public int Running { get; set; }

    /// <summary>The call that has waited longest, or null; each has the next one.</summary>
    public WorkItem? Oldest { get; private set; }

    /// <summary>The flow behind it in its list.</summary>
    public CallFlow? Next { get; set; }

    /// <summary>The flow in front of it in its list.</summary>
    public CallFlow? Previous { get; set; }

    private WorkItem? _newest;
    private bool _isLost;

    /// <summary>Adds calls, from the first to the last; each has the next one.</summary>
    public void Enqueue(WorkItem first, WorkItem last)
    {
        if (Oldest is null)
            Oldest = first;
        else
            _newest!.Next = first;
        _newest = last;
    }

    /// <summary>Takes the oldest call; there must be one.</summary>
    public WorkItem Dequeue()
    {
        WorkItem call = Oldest!;
        Oldest = call.Next;
        call.Next = null;
        return call;
    }

    /// <summary>Has none, and is used for another caller.</summary>
    public void Reset()
    {
        IsLost = false;
        Late.Reset();
    }

    /// <summary>Takes all of them.</summary>
    /// <returns>The oldest, which leads to the others; or null.</returns>
    public WorkItem? TakeAll()
    {
        WorkItem? all = Oldest;
        Oldest = null;
        return all;
    }
}

/// <summary>Flows in the order in which they came. A flow is in one list at most.</summary>
internal struct CallFlowList
{
    private CallFlow? _last;

    /// <summary>The one that has been there longest, or null.</summary>
    public CallFlow? First { get; private set; }

    /// <summary>Adds one at the end.</summary>
    public void Append(CallFlow flow)
    {
        (flow.Previous, flow.Next) = (_last, null);
        if (_last is null)
            First = flow;
        else
            _last.Next = flow;
        _last = flow;
    }

    /// <summary>Takes one out.</summary>
    public void Remove(CallFlow flow)
    {
        if (flow.Previous is null)
            First = flow.Next;
        else
            flow.Previous.Next = flow.Next;
        if (flow.Next is null)
            _last = flow.Previous;
        else
            flow.Next.Previous = flow.Previous;
        (flow.Previous, flow.Next) = (null, null);
    }
}
