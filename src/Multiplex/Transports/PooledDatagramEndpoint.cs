using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Transports;

/// <summary>
/// A datagram socket whose requests are answered by workers, which are shared between the sources of datagrams. A source that has
/// too many calls in progress loses the next ones, as if the network had dropped them; what exceeds the limit for all together stays in the socket's
/// own queue, and the kernel drops what does not fit into that.
/// </summary>
internal sealed class PooledDatagramEndpoint : DatagramEndpoint
{
    private const int ShareOfSource = 8;     // it may have so many-th of the calls that may wait
    private const int ManySources = 16;      // that may have as many bytes in progress as one may, together

    private readonly WorkerPool _workers;
    private readonly ServerOptions _options;
    private readonly Dictionary<ulong, CallFlow> _sources = [];   // that have calls in progress
    private readonly IReplyTarget _handler;
    private int _inProgress;
    private long _bytesInProgress;

    /// <summary>Serves a socket.</summary>
    public PooledDatagramEndpoint(
        DatagramSocket socket, WorkerPool workers, IReplyTarget handler, ServerOptions options, ServerCounters counters, ConnectionsByAddress? clients)
        : base(socket, options, counters, clients) => (_workers, _handler, _options) = (workers, handler, options);

    /// <inheritdoc/>
    public override int Room =>
        _inProgress == 0 ? Math.Max(1, _workers.Room)
        : _bytesInProgress < ManySources * (long)_options.MaxPendingOutput ? _workers.Room
        : 0;

    /// <inheritdoc/>
    public override void Answer(int atMost = int.MaxValue)
    {
        int end = Math.Min(Received, Next + Math.Min(atMost, Math.Min(Batch.MostReplies, Room)));
        for (; Next < end; Next++)
        {
            if (!IsTaken(Next))
                continue;
            ReadOnlySpan<byte> request = Batch.Message(Next);
            CallFlow source = Find(Batch.Origin(Next).Key);
            if (HasRoom(source))
            {
                _workers.Hand(_handler, Kind, source, Batch.Origin(Next), request);
                _inProgress++;
                _bytesInProgress += request.Length;
            }
            else
            {
                Counters.Increment(Counter.DatagramsDropped);
            }
        }

        if (Room <= 0)
            Counters.Increment(Counter.CallQueueFull);
    }

    /// <inheritdoc/>
    public override void CancelLate()
    {
        foreach (CallFlow source in _sources.Values)
            source.Late.Cancel(hasEnded: false);
    }

    /// <summary>Sends a reply that a worker has made.</summary>
    public void Complete(WorkItem call)
    {
        _inProgress--;
        _bytesInProgress -= call.Bytes;
        if (!call.IsAnswered)
            Counters.Increment(Counter.ProtocolErrors);
        else if (call.Reply.Length > 0)
            SendOne(call.Origin, call.Reply.Written);
        Flushed();
        CallFlow source = call.Flow!;
        ulong key = call.Origin.Key;
        _workers.Recycle(call);
        if (source.InProgress > 0)
            return;
        _sources.Remove(key);
        _workers.ReturnFlow(source);
    }

    private bool HasRoom(CallFlow source) =>
        source.InProgress == 0
        || (source.InProgress < Math.Max(_options.MaxCallsInProgress, _options.MaxQueuedCalls / ShareOfSource)
            && source.BytesInProgress < _options.MaxPendingOutput);

    private CallFlow Find(ulong key)
    {
        if (_sources.TryGetValue(key, out CallFlow? source))
            return source;
        source = _workers.TakeFlow();
        _sources.Add(key, source);
        return source;
    }
}
