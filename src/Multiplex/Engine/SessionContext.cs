using System.Diagnostics;
using System.Runtime.CompilerServices;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Engine;

/// <summary>
/// What the sessions of one thread share: the protocol, the limits, and the buffers, so that an idle connection owns none.
/// </summary>
/// <param name="protocol">What the bytes mean.</param>
/// <param name="options">The limits.</param>
/// <param name="counters">Where events are counted.</param>
internal class SessionContext(IProtocol protocol, ServerOptions options, ServerCounters counters)
{
    /// <summary>The most quick requests of one connection that are answered in a turn, about 0.1 ms; then other connections are served.</summary>
    public const int RequestsInATurn = 512;

    private const int LongestFarewell = 64;   // bytes: an alert of TLS

    private byte[]? _messageBuffer;

    /// <summary>What the bytes mean.</summary>
    public IProtocol Protocol => protocol;

    /// <summary>The limits.</summary>
    public ServerOptions Options => options;

    /// <summary>Where events are counted.</summary>
    public ServerCounters Counters => counters;

    /// <summary>The receive buffer for streams: most requests arrive whole, and are answered before the next read.</summary>
    /// <remarks>The garbage collector does not move it: a copy would take memory for the parts too that nothing was received into yet.</remarks>
    public byte[] ReceiveBuffer { get; } = GC.AllocateUninitializedArray<byte>(64 * 1024, pinned: true);

    /// <summary>The receive buffer for messages, which arrive in one piece or not at all.</summary>
    public byte[] MessageBuffer => _messageBuffer ??= LargeBufferPool.Pool.Rent(MessageSize.LongestTaken);

    /// <summary>The buffers of the thread's TLS connections.</summary>
    public TlsPipe TlsPipe { get => field ??= new(); }

    /// <summary>The last bytes of a connection that is about to be closed.</summary>
    public OutputBuffer Farewell { get => field ??= new(LongestFarewell); }

    /// <summary>The replies of the session that has its turn, before they are sent.</summary>
    public OutputBuffer Replies { get; private set; } = new();

    /// <summary>Where the replies of the session that has its turn begin in <see cref="Replies"/>: behind those of others where a batch is sent for all.</summary>
    public int FreshStart { get; set; }

    /// <summary>The replies that the session has just made.</summary>
    public ReadOnlySpan<byte> Fresh
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Replies.Written[FreshStart..];
    }

    /// <summary>How long <see cref="Replies"/> may become with the replies of a turn.</summary>
    public int Mark => (int)Math.Min((long)FreshStart + options.MaxPendingOutput, int.MaxValue);

    /// <summary>Threads that run the procedures; null for this one to run them itself.</summary>
    public WorkerPool? Workers { get; init; }

    /// <summary>How many connections each client has, and how many calls it makes; null where that is not limited.</summary>
    public ConnectionsByAddress? Addresses { get; init; }

    /// <summary>How many calls the client may still make in this turn of its session.</summary>
    public int CallsLeft { get; set; } = int.MaxValue;

    /// <summary>The replies that come later; null where the thread waits for each: <see cref="Wait"/>.</summary>
    public LateReplies? Late { get; init; }

    /// <summary>The wait for a reply that comes later, where <see cref="Late"/> is null.</summary>
    public LateWait? Wait { get; init; }

    /// <summary>Milliseconds of <see cref="Environment.TickCount64"/>, as the thread has read it last.</summary>
    public long Now { get; set; }

    /// <summary>Why a client is not served, as it is counted; null: it is, and its connection counts from now on.</summary>
    /// <param name="client">The client.</param>
    /// <param name="place">Its place among <see cref="Addresses"/>; 0 before it has one.</param>
    public Counter? Refuses(in Peer client, ref ushort place) =>
        !options.Admits(client) ? Counter.Denied
        : place == 0 && Addresses?.TryEnter(client, out place) == false ? Counter.AddressFull
        : null;

    /// <summary>Whether a client may make calls now; <see cref="CallsLeft"/> says how many.</summary>
    /// <param name="place">The client's, among <see cref="Addresses"/>; 0: it may make as many as it does.</param>
    /// <param name="heldFor">Receives for how many milliseconds it may make none. That it is more than 0 now is counted.</param>
    /// <param name="now">Receives the time, for <see cref="ConnectionsByAddress.Charge"/>.</param>
    public bool MayCall(ushort place, ref ushort heldFor, out long now)
    {
        bool wasHeld = heldFor > 0;
        now = Stopwatch.GetTimestamp();
        CallsLeft = Addresses!.CallsAllowed(place, now, out heldFor);
        if (heldFor > 0 && !wasHeld)
            counters.Increment(Counter.CallsLimited);
        return heldFor == 0;
    }

    /// <summary>Takes other replies in the place of <see cref="Replies"/>, which it returns.</summary>
    public OutputBuffer Exchange(OutputBuffer replies)
    {
        OutputBuffer before = Replies;
        Replies = replies;
        return before;
    }

    /// <summary>The replies that the session has just made are sent, or kept elsewhere.</summary>
    public void DropFresh()
    {
        if (FreshStart == 0)
            Replies.Clear(OutputBuffer.UsuallyKept);
        else
            Replies.Truncate(FreshStart);
    }

    /// <summary>Frees the buffer for messages, for a thread that is one of many and has no connection now.</summary>
    public void ReleaseMessageBuffer()
    {
        if (_messageBuffer is not null)
            LargeBufferPool.Pool.Return(_messageBuffer);
        _messageBuffer = null;
    }
}

/// <summary>
/// That of the sessions on an event loop. A reply may come later than its procedure has returned, or a worker runs the procedure; meanwhile the loop serves
/// others, and the reply is posted back to it.
/// </summary>
internal sealed class LoopContext : SessionContext
{
    /// <summary>For a loop.</summary>
    /// <param name="service">What it serves.</param>
    /// <param name="post">Makes the loop's thread run something soon. For any thread.</param>
    /// <param name="workers">Threads that run the procedures; null for the loop's own thread to run them.</param>
    public LoopContext(Service service, Action<Action> post, WorkerPool? workers = null)
        : base(service.Protocol, service.Options, service.Counters) =>
        (Late, Workers, Addresses) = (new(post, service.Options, service.Counters), workers, service.Addresses);
}
