using Multiplex.Sockets;

namespace Multiplex.Load;

/// <summary>A connection, or a datagram socket, that keeps requests under way, and checks the replies.</summary>
/// <param name="context">What all connections of the thread share.</param>
/// <param name="seed">What its requests' numbers begin with, so that connections do not all ask the same in step.</param>
internal abstract class BusyConnection(LoadContext context, uint seed) : LoadConnection(context)
{
    private long _toAsk;

    public override Interest Wanted => HasUnsent ? Interest.Readable | Interest.Writable : Interest.Readable;

    /// <summary>Whether a request could be sent, if one is due.</summary>
    public bool CanAsk => Descriptor >= 0 && ConnectingSince == 0 && Window.FreeCount > 0 && _toAsk > 0 && !IsBlocked;

    /// <summary>Slots that have nothing under way.</summary>
    public int FreeSlots => Window.FreeCount;

    /// <summary>Whether requests are under way.</summary>
    public bool IsAwaiting => Window.UnderWay > 0 || IsBlocked;

    /// <summary>Whether its requests are part of what is measured.</summary>
    public virtual bool IsMeasured => true;

    /// <summary>Whether it stands in the line of an <see cref="OpenPace"/>.</summary>
    public bool IsInLine { get; set; }

    /// <summary>How many of its slots think, for a <see cref="ThinkPace"/>.</summary>
    public int Thinking { get; set; }

    /// <summary>Whether it has asked anything since it was first made.</summary>
    public bool HasAsked { get; private set; }

    /// <summary>How often it has been made.</summary>
    public int Incarnation { get; private set; }

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

    public override ConnectionState Start(long now) => AskAgain(now);

    /// <summary>Sends requests that are due, as many as there are free slots, and at most so many.</summary>
    public abstract ConnectionState Ask(long now, int most);

    /// <summary>When each request was due that has no reply.</summary>
    public virtual IEnumerable<long> Unanswered() => Window.DueTimes();

    /// <summary>Whether a request is to be asked now. If so, it has to be sent sooner or later.</summary>
    protected bool TryTake(long now, out long due)
    {
        due = now;
        if (_toAsk == 0 || Window.FreeCount == 0 || (Context.Pace is { } pace && !pace.TryTake(now, out due)))
            return false;
        _toAsk--;
        HasAsked = true;
        return true;
    }

    /// <summary>Slots have become free.</summary>
    protected ConnectionState AskAgain(long now)
    {
        if (_toAsk == 0 && Window.UnderWay == 0 && !HasUnsent)
            return ConnectionState.Spent;
        if (Context.Pace is not { } pace)
            return Ask(now, int.MaxValue);
        ConnectionState state = pace.AsksAtOnce ? Ask(now, int.MaxValue) : ConnectionState.Open;
        if (state == ConnectionState.Open && CanAsk)
            pace.Freed(this, now);
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
