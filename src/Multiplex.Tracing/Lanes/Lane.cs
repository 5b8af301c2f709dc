using Multiplex.Tracing.Parsing;

namespace Multiplex.Tracing.Lanes;

/// <summary>What a lane is.</summary>
public enum LaneKind
{
    /// <summary>A client of the story.</summary>
    Client,

    /// <summary>The first thread of a process of the server.</summary>
    Process,

    /// <summary>A further thread of one.</summary>
    Thread,
}

/// <summary>A connection: the five things that tell it from every other, RFC 9293 section 3.1.</summary>
/// <param name="Client">The client, by its index.</param>
/// <param name="ClientEnd">Address and port of the client.</param>
/// <param name="ServerEnd">Address and port of the server.</param>
public sealed record Connection(int Client, string ClientEnd, string ServerEnd)
{
    /// <summary>Protocol, both addresses and both ports.</summary>
    public string FiveTuple => $"tcp {ClientEnd} → {ServerEnd}";
}

/// <summary>A call in its lane. Times are microseconds of the story.</summary>
public sealed class LaneCall
{
    internal LaneCall(TracedCall call, Lane lane, long start, long end) => (Call, Lane, Start, End) = (call, lane, start, end);

    /// <summary>The call as it was recorded.</summary>
    public TracedCall Call { get; }

    /// <summary>Its lane.</summary>
    public Lane Lane { get; }

    /// <summary>When it began.</summary>
    public long Start { get; }

    /// <summary>When it ended; the end of the story when it had not.</summary>
    public long End { get; }

    /// <summary>The connection that it is about; null when it is about none, or about several.</summary>
    public Connection? Connection { get; internal set; }

    /// <summary>What a wait for several descriptors waits for: the connections among them.</summary>
    public IReadOnlyList<Connection> Watched { get; internal set; } = [];

    /// <summary>Of a wait for several descriptors: what it is given, and what it returns.</summary>
    public WaitSet? Set { get; internal set; }

    /// <summary>Whether the thread waited in it.</summary>
    public bool IsWait { get; internal set; }

    /// <summary>The client that the lane works for in it, or waits for; null when that is not known, or the call is for no particular client.</summary>
    public int? Client { get; internal set; }
}

/// <summary>A stretch of a lane, in microseconds of the story.</summary>
/// <param name="Start">Its beginning.</param>
/// <param name="End">Its end.</param>
/// <param name="Wait">The call that the thread waits in; null while it works.</param>
/// <param name="Client">The client that it works for, or waits for.</param>
public readonly record struct Stretch(long Start, long End, LaneCall? Wait, int? Client);

/// <summary>A process or a thread over the time of the story.</summary>
public sealed class Lane
{
    internal Lane(int thread, int process, LaneKind kind, string name) => (Thread, Process, Kind, Name) = (thread, process, kind, name);

    /// <summary>Its thread: gettid(2).</summary>
    public int Thread { get; }

    /// <summary>Its process: getpid(2).</summary>
    public int Process { get; }

    /// <summary>What it is.</summary>
    public LaneKind Kind { get; }

    /// <summary>The name that the thread has itself, prctl(2); a client's is that of the story.</summary>
    public string Name { get; }

    /// <summary>Its title in the picture, such as "child 1".</summary>
    public string Title { get; internal set; } = "";

    /// <summary>When it began; 0 when it was there before the story.</summary>
    public long Born { get; internal set; }

    /// <summary>When it ended; null when it was there at the story's end.</summary>
    public long? Died { get; internal set; }

    /// <summary>Its calls within the story, signals and its end among them, in the order in which they began.</summary>
    public IReadOnlyList<LaneCall> Calls { get; internal set; } = [];

    /// <summary>What it does, without a gap from its beginning to its end.</summary>
    public IReadOnlyList<Stretch> Stretches { get; internal set; } = [];
}

/// <summary>What an arrow stands for.</summary>
public enum ArrowKind
{
    /// <summary>A connection, from connect(2) to accept(2).</summary>
    Connection,

    /// <summary>Bytes.</summary>
    Bytes,

    /// <summary>The end of a direction of a connection: FIN.</summary>
    End,

    /// <summary>A reset: RST.</summary>
    Reset,

    /// <summary>A process or a thread that begins.</summary>
    Birth,

    /// <summary>A signal, or the end of a child.</summary>
    Signal,

    /// <summary>A thread that wakes another, by futex(2) or eventfd(2).</summary>
    Wake,
}

/// <summary>The effect of a call of one lane on a call of another.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="From">The call that sends it.</param>
/// <param name="To">The call that gets it.</param>
/// <param name="Client">The client that it is about, if there is one.</param>
/// <param name="Text">What is passed, such as "44 bytes".</param>
/// <param name="IsInferred">Whether strace saw one side only: io_uring(7) did the other in the kernel.</param>
public sealed record Arrow(ArrowKind Kind, LaneCall From, LaneCall To, int? Client, string Text, bool IsInferred = false);
