using System.Diagnostics;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;
using static Multiplex.Interop.Libc;

namespace Multiplex.Transports;

/// <summary>A datagram socket that is served: how requests come in, a batch with one call. How they are answered is for its kinds to say.</summary>
/// <param name="socket">The socket. It is closed with the endpoint.</param>
/// <param name="options">The limits.</param>
/// <param name="counters">Where events are counted.</param>
/// <param name="clients">How many calls each client makes; null where that is not limited.</param>
/// <param name="most">How many to take with one call, at most.</param>
internal abstract class DatagramEndpoint(DatagramSocket socket, ServerOptions options, ServerCounters counters, ConnectionsByAddress? clients, int most = int.MaxValue) : IDisposable
{
    private const int LongestUdp = 65_535;

    private readonly SendBufferShares? _shares = socket.Kind == EndpointKind.UnixGram ? new(socket.Descriptor) : null;

    private bool _isLeft;   // to another server

    /// <summary>The socket.</summary>
    public int Descriptor => socket.Descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => socket.Kind;

    /// <summary>How many requests more are to be taken now; the others stay in the socket's own queue.</summary>
    public virtual int Room => int.MaxValue;

    /// <summary>What was received.</summary>
    protected DatagramBatch Batch { get; } = BatchOf(socket, most);

    /// <summary>How many datagrams of the batch count.</summary>
    protected int Received { get; private set; }

    /// <summary>The first of them that is not dealt with yet.</summary>
    protected int Next { get; set; }

    /// <summary>Where events are counted.</summary>
    protected ServerCounters Counters => counters;

    /// <summary>Whether it is known to be readable; <see cref="Serve"/> is to be called.</summary>
    public bool IsReady { get; set; }

    /// <summary>Whether the server is stopping and what had come is not all taken yet.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Whether <see cref="Serve"/> has something to do.</summary>
    public bool HasWork => (Next < Received || ((IsReady || IsDraining) && !_isLeft)) && Room > 0;

    /// <summary>A turn: goes on with a batch that was begun, or takes what has come, without waiting, up to a batch, and has it answered.</summary>
    /// <param name="atMost">How many to take and to answer, at most.</param>
    public void Serve(int atMost = int.MaxValue)
    {
        IsReady = false;
        if (Next < Received)
        {
            Answer(atMost);
            return;
        }

        // Any other error than EAGAIN is an earlier reply's, and not for the caller to act on.
        SyscallResult result = Receive(waits: false, Math.Min(Room, atMost));
        if (result.Is(EAGAIN))
            IsDraining = false;
        else if (!result.IsError)
            Answer(atMost);
    }

    /// <summary>Takes what has come, up to a batch; <see cref="Answer"/> is to follow.</summary>
    /// <param name="waits">Whether to wait for something, on a socket that waits; a signal ends that.</param>
    /// <param name="atMost">How many to take, at most.</param>
    /// <returns>How many, at least 1, and more than asked for where several came as one message; or the errno: EAGAIN when nothing has come, EINTR.</returns>
    public SyscallResult Receive(bool waits, int atMost = int.MaxValue)
    {
        SyscallResult result = Batch.Receive(Descriptor, waits, atMost);
        (Next, Received) = (0, (int)Math.Max(0, result.Value));
        counters.Add(Counter.Datagrams, Received);
        for (int i = 0; counters.CountsBytes && i < Received; i++)
            counters.CountReceived(Batch.Message(i).Length);
        return result;
    }

    /// <summary>Has datagrams of the batch answered, from <see cref="Next"/> on: all of them, or as many as the turn allows.</summary>
    /// <param name="atMost">How many, at most.</param>
    public abstract void Answer(int atMost = int.MaxValue);

    /// <summary>
    /// The server is stopping: nothing more comes, and what has come already is still answered. Where another server goes on with the socket, what is in
    /// its queue is that server's.
    /// </summary>
    public void BeginDrain()
    {
        socket.TakeNoMore();
        IsDraining = !socket.IsKept;
        _isLeft = socket.IsKept;
    }

    /// <summary>The server ends: no reply that comes later is needed any more.</summary>
    public abstract void CancelLate();

    /// <summary>Closes the socket.</summary>
    public virtual void Dispose()
    {
        socket.Dispose();
        Batch.Dispose();
        _shares?.Dispose();
    }

    // Where the socket's processes take a datagram each, none takes several.
    private static DatagramBatch BatchOf(DatagramSocket socket, int most)
    {
        if (socket.Kind != EndpointKind.Udp)
            return new(Math.Min(8, most), MessageSize.LongestTaken);
        if (most > 1)
            UdpSegments.TakeTogether(socket.Descriptor);
        return new(Math.Min(32, most), LongestUdp, segments: most > 1 && UdpSegments.CanDivide(socket.Descriptor));
    }

    /// <summary>Whether a reply can reach the sender of a datagram and has room; if so, it is taken as sent.</summary>
    protected bool MayReply(in DatagramOrigin to, int length) => to.CanBeAnswered && (_shares is null || _shares.Take(to.Key, length));

    /// <summary>Sends one reply by itself, and counts one that the kernel does not take.</summary>
    protected void SendOne(in DatagramOrigin to, ReadOnlySpan<byte> reply)
    {
        SyscallResult result = MayReply(to, reply.Length) ? DatagramBatch.SendOne(Descriptor, to, reply) : SyscallResult.Failed(EAGAIN);
        if (result.IsError)
            counters.Increment(Counter.RepliesDropped);
        else
            counters.CountSent(result.Value);
    }

    /// <summary>The replies that <see cref="MayReply"/> has taken have been handed to the kernel.</summary>
    protected void Flushed() => _shares?.Flushed();

    /// <summary>Whether a datagram is to be answered: it came in full, and from a client that is served and has not made as many calls as it may. Another is counted.</summary>
    protected bool IsTaken(int index)
    {
        Peer peer = Batch.Origin(index).Peer(Kind);
        if (!options.Admits(peer))
            counters.Increment(Counter.Denied);
        else if (Batch.IsTruncated(index))
            counters.Increment(Counter.ProtocolErrors);
        else if (clients?.TryCall(peer, Stopwatch.GetTimestamp()) == false)
            counters.Increment(Counter.CallsLimited);
        else
            return true;
        return false;
    }
}
