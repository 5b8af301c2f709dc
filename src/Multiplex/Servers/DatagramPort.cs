using Multiplex.Interop;
using Multiplex.Sockets;

namespace Multiplex.Servers;

/// <summary>A datagram socket that is served: how requests come in, a batch with one call. Who answers them is for its kinds to say.</summary>
/// <param name="socket">The socket. It is closed with the port.</param>
/// <param name="counters">Where events are counted.</param>
/// <param name="most">How many to take with one call, at most.</param>
internal abstract class DatagramPort(DatagramSocket socket, ServerCounters counters, int most = int.MaxValue) : IDisposable
{
    private const int LongestUdp = 65_535;

    /// <summary>The socket.</summary>
    public int Descriptor => socket.Descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => socket.Kind;

    /// <summary>How many requests more are to be taken now; the others stay in the socket's own queue.</summary>
    public virtual int Room => int.MaxValue;

    /// <summary>Whether nobody waits for it to become readable, for want of room: that is the business of who waits.</summary>
    public bool IsPaused { get; set; }

    /// <summary>What was received.</summary>
    protected DatagramBatch Batch { get; } =
        socket.Kind == EndpointKind.Udp ? new(Math.Min(32, most), LongestUdp) : new(Math.Min(8, most), MessageSize.LongestTaken);

    /// <summary>How many datagrams of the batch count.</summary>
    protected int Received { get; private set; }

    /// <summary>Where events are counted.</summary>
    protected ServerCounters Counters => counters;

    /// <summary>Takes what has come, up to a batch, without waiting, and has it answered.</summary>
    /// <returns>Whether anything had come.</returns>
    public bool Serve()
    {
        // EAGAIN; any other error is an earlier reply's, and not for the caller to act on.
        if (Room <= 0 || Receive(waits: false, Room).IsError)
            return false;
        Answer();
        return true;
    }

    /// <summary>Takes what has come, up to a batch; <see cref="Answer"/> is to follow.</summary>
    /// <param name="waits">Whether to wait for something, on a socket that waits; a signal ends that.</param>
    /// <param name="atMost">How many to take, at most.</param>
    /// <returns>How many, at least 1; or the errno: EAGAIN when nothing has come, EINTR.</returns>
    public SyscallResult Receive(bool waits, int atMost = int.MaxValue)
    {
        SyscallResult result = Batch.Receive(Descriptor, waits, atMost);
        Received = (int)Math.Max(0, result.Value);
        counters.Add(Counter.Datagrams, Received);
        return result;
    }

    /// <summary>Sees to it that the batch is answered.</summary>
    public abstract void Answer();

    /// <summary>The server is stopping: answers what has come already.</summary>
    /// <param name="deadline">When to leave the rest, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
    public abstract void Drain(long deadline);

    /// <summary>Closes the socket.</summary>
    public void Dispose()
    {
        socket.Dispose();
        Batch.Dispose();
    }

    /// <summary>Whether a datagram came in full; one that did not is counted.</summary>
    protected bool IsWhole(int index)
    {
        if (!Batch.IsTruncated(index))
            return true;
        counters.Increment(Counter.ProtocolErrors);
        return false;
    }
}
