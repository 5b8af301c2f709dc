using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Transports;

/// <summary>
/// A datagram socket whose requests are answered where they are received, a batch with one call. Replies that the kernel
/// does not take are dropped and counted: datagrams are unreliable anyway, and no client may delay the others.
/// </summary>
/// <param name="socket">The socket.</param>
/// <param name="protocol">What the bytes mean.</param>
/// <param name="options">The limits.</param>
/// <param name="counters">Where events are counted.</param>
/// <param name="clients">How many calls each client makes; null where that is not limited.</param>
/// <param name="late">The replies that come later; null where the thread waits for each.</param>
/// <param name="most">How many to take with one call, at most.</param>
internal sealed class InlineDatagramEndpoint(
    DatagramSocket socket, IProtocol protocol, ServerOptions options, ServerCounters counters, ConnectionsByAddress? clients, LateReplies? late = null, int most = int.MaxValue)
    : DatagramEndpoint(socket, options, counters, clients, most)
{
    private readonly LateWait _wait = new(counters);
    private readonly OutputBuffer _replies = new();
    private readonly Dictionary<ulong, LateCalls> _late = [];   // by source

    /// <summary>Called after a late reply was sent: there may be room again.</summary>
    public Action LateReplied { get; init; } = static () => { };

    /// <inheritdoc/>
    public override int Room => _late.Count == 0 || late!.HasRoom ? int.MaxValue : 0;

    /// <summary>Whether late replies are awaited.</summary>
    public bool HasLate => _late.Count > 0;

    /// <summary>Answers the quick requests up to the first that is not quick, or else one that may take long; replies that are ready are sent before it is run.</summary>
    public override void Answer(int atMost = int.MaxValue)
    {
        int end = Math.Min(Received, Next + Math.Min(atMost, Batch.MostReplies));
        bool isQuick = true;
        while (isQuick && Next < end)
        {
            isQuick = protocol.IsMessageQuick(Batch.Message(Next));
            if (!isQuick && _replies.Length > 0)
                break;
            int index = Next++;
            if (IsTaken(index))
                AnswerOne(index);
        }

        int dropped = Batch.Send(Descriptor, _replies.Written);
        Flushed();
        Counters.CountSent(Batch.SentBytes);
        if (dropped > 0)
            Counters.Add(Counter.RepliesDropped, dropped);
        _replies.Clear(keep: MessageSize.LongestTaken);
    }

    /// <summary>Sends a late reply.</summary>
    public void Complete(LateDatagram call, LateReply reply)
    {
        if (reply.Calls is { } calls)
        {
            calls.Remove(reply);
            if (calls.Count == 0)
                _late.Remove(call.Origin.Key);
        }

        if (reply.Reply.Length > 0)
            SendOne(call.Origin, reply.Reply.Written);
        Flushed();
        reply.Reply.Clear(keep: 0);
        LateReplied();
    }

    /// <inheritdoc/>
    public override void CancelLate()
    {
        _wait.Cancel();
        foreach (LateCalls calls in _late.Values)
            calls.Cancel(hasEnded: false);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _wait.Release();
    }

    private void AnswerOne(int index)
    {
        int start = _replies.Length;
        ref readonly DatagramOrigin origin = ref Batch.Origin(index);
        if (_late.Count > 0 && !HasRoom(origin))
        {
            Counters.Increment(Counter.DatagramsDropped);
        }
        else if (!protocol.AnswerMessage(Batch.Message(index), origin.Peer(Kind), _replies))
        {
            _replies.Truncate(start);
            Counters.Increment(Counter.ProtocolErrors);
        }
        else if (_replies.Late is null || !IsToCome(_replies.TakeLate()!, origin))
        {
            AddReply(index, start, origin);
        }
    }

    private void AddReply(int index, int start, in DatagramOrigin origin)
    {
        if (_replies.Length > start && MayReply(origin, _replies.Length - start))
        {
            Batch.AddReply(index, start, _replies.Length - start);
        }
        else if (_replies.Length > start)
        {
            _replies.Truncate(start);
            Counters.Increment(Counter.RepliesDropped);
        }
    }

    private bool HasRoom(in DatagramOrigin origin) =>
        !_late.TryGetValue(origin.Key, out LateCalls? calls)
        || (calls.Count < late!.Options.MaxAsyncCallsPerConnection && calls.Bytes < late.Options.MaxPendingOutput);

    // False: it is there by now, behind the other replies.
    private bool IsToCome(LateReply reply, in DatagramOrigin origin)
    {
        if (late is null)
        {
            _wait.Await(reply);
        }
        else
        {
            reply.Owner = new LateDatagram(this, origin);
            if (late.TryAwait(reply))
            {
                if (!_late.TryGetValue(origin.Key, out LateCalls? calls))
                    _late.Add(origin.Key, calls = new());
                calls.Add(reply);
                return true;
            }
        }

        _replies.Write(reply.Reply.Written);
        reply.Reply.Clear(keep: 0);
        return false;
    }
}

/// <summary>A datagram whose reply comes later.</summary>
/// <param name="endpoint">The socket that it came by.</param>
/// <param name="origin">Where it came from.</param>
internal sealed class LateDatagram(InlineDatagramEndpoint endpoint, in DatagramOrigin origin) : ILateOwner
{
    private readonly DatagramOrigin _origin = origin;

    /// <summary>Where it came from.</summary>
    public ref readonly DatagramOrigin Origin => ref _origin;

    /// <inheritdoc/>
    public void Complete(LateReply reply) => endpoint.Complete(this, reply);
}
