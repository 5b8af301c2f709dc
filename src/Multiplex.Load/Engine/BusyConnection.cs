using System.Diagnostics;
using Multiplex.Sockets;

namespace Multiplex.Load.Engine;

/// <summary>A connection, or a datagram socket, that keeps requests in flight, and checks the replies.</summary>
/// <param name="context">The state that all connections of the thread share.</param>
/// <param name="seed">The number of the first request. It differs between connections, so that they do not all send the same requests at the same time.</param>
internal abstract class BusyConnection(LoadContext context, uint seed) : LoadConnection(context)
{
    private long _toSend;
    private bool _hasSent;      // since measuring began
    private bool _hasReceived;

    public override Interest Wanted => HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;

    /// <summary>Whether a request could be sent, if one is due.</summary>
    public bool CanSend => IsConnected && Window.FreeCount > 0 && _toSend > 0 && Context.MaySend && !IsBlocked;

    /// <summary>Slots that have nothing in flight.</summary>
    public int FreeSlots => Window.FreeCount;

    /// <summary>Whether requests are in flight, or wait to be sent.</summary>
    public bool IsAwaiting => Window.InFlight > 0 || IsBlocked;

    /// <summary>Whether its requests are measured.</summary>
    public virtual bool IsMeasured => true;

    /// <summary>Whether it is in the queue of an <see cref="OpenLoopPolicy"/>.</summary>
    public bool IsInLine { get; set; }

    /// <summary>The number of slots in their think time: see <see cref="ThinkTimePolicy"/>.</summary>
    public int Thinking { get; set; }

    /// <summary>Whether it has sent a request since it was first made.</summary>
    public bool HasEverSent { get; private set; }

    /// <summary>The number of times that it was made.</summary>
    public int Incarnation { get; private set; }

    /// <summary>Right replies that it received since measuring began.</summary>
    public long Replies { get; private set; }

    /// <summary>Whether it has had requests in flight since measuring began, and received no reply, not even a wrong one.</summary>
    public bool IsStarved => _hasSent && !_hasReceived;

    /// <summary>The requests in flight.</summary>
    protected RequestWindow Window { get; } = new(context.Options.Depth, seed);

    /// <summary>Whether bytes are pending.</summary>
    protected abstract bool HasUnsent { get; }

    /// <summary>Whether no further request can be sent until the last one has been.</summary>
    protected virtual bool IsBlocked => false;

    protected sealed override bool IsFinished => _toSend == 0 && Window.InFlight == 0 && !HasUnsent;

    /// <summary>The kind of connection that an endpoint takes.</summary>
    public static BusyConnection Of(LoadContext context, uint seed) => context.Options.Server.Kind switch
    {
        EndpointKind.Tcp or EndpointKind.Unix => new StreamConnection(context, seed),
        EndpointKind.UnixPacket => new PacketConnection(context, seed),
        _ => new DatagramConnection(context, seed),
    };

    public override void Open(int descriptor)
    {
        base.Open(descriptor);
        Window.Clear();
        Thinking = 0;
        Incarnation++;
        int calls = Context.Options.CallsPerConnection;
        _toSend = calls > 0 ? calls : long.MaxValue;
    }

    /// <summary>Measuring begins: replies so far do not count.</summary>
    public void BeginMeasuring() => (Replies, _hasSent, _hasReceived) = (0, IsAwaiting, false);

    public override bool Start(long now) => SendNext(now, now);

    /// <summary>Sends requests that are due: at most one for each free slot, and at most <paramref name="most"/>.</summary>
    public abstract bool Send(long now, int most);

    /// <summary>The times at which the requests without a reply were due.</summary>
    public virtual IEnumerable<long> Unanswered() => Window.DueTimes();

    // Requests in flight will have no reply.
    protected override void OnEnded()
    {
        long now = Stopwatch.GetTimestamp();
        foreach (long due in Unanswered())
            Context.Recorder.RecordUnanswered(due, now, waited: now - due >= Context.Timeout);
        Window.Clear();
    }

    /// <summary>Records right replies.</summary>
    /// <param name="times">The time at which all their requests were due, and sent.</param>
    /// <param name="arrivedAt">The time of arrival of all of them.</param>
    /// <param name="count">Their number: at least 1.</param>
    protected void RecordRight(RequestTimes times, long arrivedAt, int count)
    {
        _hasReceived = true;
        Context.Recorder.Record(times, arrivedAt, count);
        Replies += count;
    }

    /// <summary>Records a wrong reply.</summary>
    protected void RecordWrong()
    {
        _hasReceived = true;
        Context.Recorder.Errors.WrongReplies++;
    }

    /// <summary>The number of requests that are due and may be sent now.</summary>
    /// <param name="most">The upper limit.</param>
    protected int Sendable(int most) => Context.IsOver ? 0 : (int)Math.Min(Math.Min(most, Window.FreeCount), Math.Min(_toSend, Context.ToSend));

    /// <summary>Counts requests that are sent now, or as soon as the kernel takes them.</summary>
    protected void CountSent(int count)
    {
        if (count == 0)
            return;
        _toSend -= count;
        Context.ToSend -= count;
        HasEverSent = _hasSent = true;
    }

    /// <summary>Slots have become free: sends what the policy wants in them.</summary>
    /// <param name="now">Now.</param>
    /// <param name="freeSince">The arrival of the reply that freed them.</param>
    protected bool SendNext(long now, long freeSince)
    {
        if (Context.Policy is not { } policy)
            return Send(now, int.MaxValue);
        if (policy.SendsAtOnce(freeSince) && !Send(now, int.MaxValue))
            return false;
        if (CanSend)
            policy.OnFreed(this, freeSince);
        return true;
    }

    /// <summary>Whether no reply is too late; otherwise a timeout is counted.</summary>
    protected bool IsInTime(long now)
    {
        if (!Window.HasOlder(now - Context.Timeout))
            return true;
        Context.Recorder.Errors.Timeouts++;
        return false;
    }
}
