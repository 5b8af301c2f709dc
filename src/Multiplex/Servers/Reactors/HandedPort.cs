using Multiplex.Sockets;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// A datagram socket whose requests are answered by a crew, only so many at a time: what is beyond stays in the socket's own
/// queue until there is room, and what does not fit into that the kernel drops.
/// </summary>
internal sealed class HandedPort(DatagramSocket socket, CallCrew crew, ServerOptions options, ServerCounters counters)
    : DatagramPort(socket, counters)
{
    private const int LastRequests = 2048;   // of senders who go on while the server stops

    private int _inProgress;
    private int _bytesInProgress;   // how long a datagram is shows only when it has been taken: up to a batch more
    private int _last;
    private long _drainDeadline;

    /// <inheritdoc/>
    public override int Room =>
        _inProgress == 0 || _bytesInProgress < options.MaxPendingOutput ? options.MaxCallsInProgress - _inProgress : 0;

    /// <inheritdoc/>
    public override void Answer()
    {
        for (int i = 0; i < Received; i++)
        {
            if (!IsWhole(i))
                continue;
            ReadOnlySpan<byte> request = Batch.Message(i);
            crew.Hand(this, Batch.Origin(i), request);
            _inProgress++;
            _bytesInProgress += request.Length;
        }

        if (Room <= 0)
            Counters.Increment(Counter.Throttled);
    }

    /// <summary>Sends a reply that a worker has made.</summary>
    public void Take(HandedCall call)
    {
        _inProgress--;
        _bytesInProgress -= call.RequestLength;
        if (!call.IsAnswered)
            Counters.Increment(Counter.ProtocolErrors);
        else if (call.Reply.Length > 0
            && (!call.Origin.CanBeAnswered || DatagramBatch.SendOne(Descriptor, call.Origin, call.Reply.Written).IsError))
            Counters.Increment(Counter.RepliesDropped);
        ServeTheLast();
    }

    /// <inheritdoc/>
    public override void Drain(long deadline)
    {
        (_last, _drainDeadline) = (LastRequests, deadline);
        ServeTheLast();
    }

    // What waits in the socket until there is room for it has arrived too.
    private void ServeTheLast()
    {
        while (_last > 0 && Room > 0 && Environment.TickCount64 < _drainDeadline)
            _last = Serve() ? _last - Received : 0;
    }
}
