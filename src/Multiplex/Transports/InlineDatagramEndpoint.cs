using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Transports;

/// <summary>
/// A datagram socket whose requests are answered where they are received, a batch with one call. Replies that the kernel
/// does not take are dropped, for nothing is promised and no client may hold the others up; they are counted.
/// </summary>
/// <param name="socket">The socket.</param>
/// <param name="protocol">What the bytes mean.</param>
/// <param name="counters">Where events are counted.</param>
/// <param name="most">How many to take with one call, at most.</param>
internal sealed class InlineDatagramEndpoint(DatagramSocket socket, IProtocol protocol, ServerCounters counters, int most = int.MaxValue)
    : DatagramEndpoint(socket, counters, most)
{
    private readonly OutputBuffer _replies = new();

    /// <summary>Answers those that are quick up to one that is not, or else one that may take long; what is ready leaves before that is run.</summary>
    public override void Answer()
    {
        bool isQuick = true;
        while (isQuick && Next < Received)
        {
            isQuick = protocol.IsMessageQuick(Batch.Message(Next));
            if (!isQuick && _replies.Length > 0)
                break;
            int index = Next++;
            if (IsWhole(index))
                Answer(index);
        }

        int dropped = Batch.Send(Descriptor, _replies.Written);
        Flushed();
        if (dropped > 0)
            Counters.Add(Counter.RepliesDropped, dropped);
        _replies.Clear(keep: MessageSize.LongestTaken);
    }

    private void Answer(int index)
    {
        int start = _replies.Length;
        ref readonly DatagramOrigin origin = ref Batch.Origin(index);
        if (!protocol.AnswerMessage(Batch.Message(index), origin.Peer(Kind), _replies))
        {
            _replies.Truncate(start);
            Counters.Increment(Counter.ProtocolErrors);
        }
        else if (_replies.Length > start && MayReply(origin, _replies.Length - start))
        {
            Batch.AddReply(index, start, _replies.Length - start);
        }
        else if (_replies.Length > start)
        {
            _replies.Truncate(start);
            Counters.Increment(Counter.RepliesDropped);
        }
    }
}
