namespace Multiplex.Engine;

/// <summary>The calls of one caller, a connection or a source of datagrams: those that wait for a worker, in their order, and how many run.</summary>
internal sealed class CallFlow
{
    /// <summary>Calls handed over whose replies have not been taken yet. For the reactor's thread alone.</summary>
    public int InProgress { get; set; }

    /// <summary>Bytes of those calls, and of replies that wait for their turn. For the reactor's thread alone.</summary>
    public int BytesInProgress { get; set; }

    /// <summary>Whether a call had a reply when its client had gone: the calls behind it are not run.</summary>
    public bool IsLost { get => Volatile.Read(ref _isLost); set => Volatile.Write(ref _isLost, value); }

    /// <summary>Calls that workers run now. Under the queue's lock, as all that follows.</summary>
    public int Running { get; set; }

    /// <summary>The call that has waited longest, or null; each has the next one.</summary>
    public HandedCall? Oldest { get; private set; }

    /// <summary>The flow behind it in its list.</summary>
    public CallFlow? Next { get; set; }

    /// <summary>The flow in front of it in its list.</summary>
    public CallFlow? Previous { get; set; }

    private HandedCall? _newest;
    private bool _isLost;

    /// <summary>Adds a call.</summary>
    public void Enqueue(HandedCall call)
    {
        if (Oldest is null)
            Oldest = call;
        else
            _newest!.Next = call;
        _newest = call;
    }

    /// <summary>Takes the oldest call; there must be one.</summary>
    public HandedCall Dequeue()
    {
        HandedCall call = Oldest!;
        Oldest = call.Next;
        call.Next = null;
        return call;
    }

    /// <summary>Takes all of them.</summary>
    /// <returns>The oldest, which leads to the others; or null.</returns>
    public HandedCall? TakeAll()
    {
        HandedCall? all = Oldest;
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
