using System.Diagnostics;
using Multiplex.Sockets;

namespace Multiplex.Load.Engine;

/// <summary>A connection, or a datagram socket, that keeps requests under way, and checks the replies.</summary>
/// <param name="context">What all connections of the thread share.</param>
/// <param name="seed">What its requests' numbers begin with, so that connections do not all ask the same in step.</param>
internal abstract class BusyConnection(LoadContext context, uint seed) : LoadConnection(context)
{
    private long _toAsk;
    private bool _hasAskedSince;    // measuring began
    private bool _hasHeardSince;

    public override Interest Wanted => HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;

    /// <summary>Whether a request could be sent, if one is due.</summary>
    public bool CanAsk => Descriptor >= 0 && ConnectingSince == 0 && Window.FreeCount > 0 && _toAsk > 0 && Context.MayAsk && !IsBlocked;

    /// <summary>Slots that have nothing under way.</summary>
    public int FreeSlots => Window.FreeCount;

    /// <summary>Whether requests are under way.</summary>
    public bool IsAwaiting => Window.UnderWay > 0 || IsBlocked;

    /// <summary>Whether its requests are part of what is measured.</summary>
    public virtual bool IsMeasured => true;

    /// <summary>Whether it stands in the line of an <see cref="OpenLoopPolicy"/>.</summary>
    public bool IsInLine { get; set; }

    /// <summary>How many of its slots think, for a <see cref="ThinkTimePolicy"/>.</summary>
    public int Thinking { get; set; }

    /// <summary>Whether it has asked anything since it was first made.</summary>
    public bool HasAsked { get; private set; }

    /// <summary>How often it has been made.</summary>
    public int Incarnation { get; private set; }

    /// <summary>Right replies that it has had since measuring began.</summary>
    public long Replies { get; private set; }

    /// <summary>Whether it had requests under way since measuring began, and no reply to any, not even a wrong one.</summary>
    public bool IsStarved => _hasAskedSince && !_hasHeardSince;

    /// <summary>The requests under way.</summary>
    protected RequestWindow Window { get; } = new(context.Options.Depth, seed);

    /// <summary>Whether something waits to be sent.</summary>
    protected abstract bool HasUnsent { get; }

    /// <summary>Whether no more can be asked until something has been sent.</summary>
    protected virtual bool IsBlocked => false;

    /// <summary>What an endpoint of this kind takes.</summary>
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
        _toAsk = calls > 0 ? calls : long.MaxValue;
    }

    /// <summary>Closes the socket; requests under way will have no reply.</summary>
    public override void Close()
    {
        long now = Stopwatch.GetTimestamp(), timeout = LoadContext.Nanoseconds(Context.Options.Timeout);
        foreach (long due in Unanswered())
            Context.Recorder.RecordUnanswered(due, now, waited: now - due >= timeout);
        Window.Clear();
        base.Close();
    }

    /// <summary>Measuring begins: what it has had so far does not count.</summary>
    public void BeginMeasuring() => (Replies, _hasAskedSince, _hasHeardSince) = (0, IsAwaiting, false);

    public override ConnectionState Start(long now) => AskAgain(now, now);

    /// <summary>Sends requests that are due, as many as there are free slots, and at most so many.</summary>
    public abstract ConnectionState Ask(long now, int most);

    /// <summary>When each request was due that has no reply.</summary>
    public virtual IEnumerable<long> Unanswered() => Window.DueTimes();

    /// <summary>Right replies have come.</summary>
    /// <param name="asked">When their requests were asked: all at the same time.</param>
    /// <param name="arrivedAt">When they came: all at the same time.</param>
    /// <param name="count">How many they are: at least 1.</param>
    protected void HeardRight(AskedAt asked, long arrivedAt, int count)
    {
        _hasHeardSince = true;
        Context.Recorder.Record(asked, arrivedAt, count);
        Replies += count;
    }

    /// <summary>A wrong reply has come.</summary>
    protected void HeardWrong()
    {
        _hasHeardSince = true;
        Context.Recorder.Errors.WrongReplies++;
    }

    /// <summary>How many requests may be asked now, those that are due.</summary>
    /// <param name="most">The upper limit.</param>
    protected int Askable(int most) => Context.IsOver ? 0 : (int)Math.Min(Math.Min(most, Window.FreeCount), Math.Min(_toAsk, Context.ToAsk));

    /// <summary>Requests have been taken, and will be sent sooner or later.</summary>
    protected void Took(int count)
    {
        if (count == 0)
            return;
        _toAsk -= count;
        Context.ToAsk -= count;
        HasAsked = _hasAskedSince = true;
    }

    /// <summary>Slots have become free.</summary>
    /// <param name="now">Now.</param>
    /// <param name="freeSince">Since when they are: when the reply came that freed them.</param>
    protected ConnectionState AskAgain(long now, long freeSince)
    {
        if (_toAsk == 0 && Window.UnderWay == 0 && !HasUnsent)
            return ConnectionState.Spent;
        if (Context.ArrivalPolicy is not { } policy)
            return Ask(now, int.MaxValue);
        ConnectionState state = policy.AsksAtOnce(freeSince) ? Ask(now, int.MaxValue) : ConnectionState.Open;
        if (state == ConnectionState.Open && CanAsk)
            policy.Freed(this, freeSince);
        return state;
    }

    /// <summary>Gives the connection up when a reply has taken too long.</summary>
    protected ConnectionState StateByAge(long now)
    {
        if (!Window.HasOlder(now - LoadContext.Nanoseconds(Context.Options.Timeout)))
            return ConnectionState.Open;
        Context.Recorder.Errors.Timeouts++;
        return ConnectionState.Broken;
    }
}
