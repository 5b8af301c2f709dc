using Multiplex.Interop;
using Multiplex.Sockets;

namespace Multiplex.Servers.Reactors;

/// <summary>
/// A datagram socket of a reactor: takes a batch of requests with one call, and answers it with one. Replies that the
/// kernel does not take are dropped, for nothing is promised and nobody may hold the others up; they are counted.
/// </summary>
/// <param name="socket">The socket.</param>
/// <param name="crew">Threads that run the procedures; null for the reactor's own.</param>
internal sealed class DatagramPort(DatagramSocket socket, CallCrew? crew) : IDisposable
{
    private const int LongestUdp = 65_535;
    private const int LastBatches = 64;   // of senders who go on while the server stops

    private readonly DatagramBatch _batch =
        socket.Kind == EndpointKind.Udp ? new(count: 32, LongestUdp) : new(count: 8, MessageSize.LongestTaken);

    /// <summary>The socket.</summary>
    public int Descriptor => socket.Descriptor;

    /// <summary>The kind of the socket.</summary>
    public EndpointKind Kind => socket.Kind;

    /// <summary>Answers what has come, up to a batch.</summary>
    /// <returns>Whether anything had come.</returns>
    public bool Serve(ReactorLoan loan)
    {
        SyscallResult result = _batch.Receive(Descriptor);
        if (result.Value <= 0)
            return false;   // EAGAIN; any other error is an earlier reply's, and not for this loop to act on
        loan.Counters.Add(Counter.Datagrams, result.Value);
        for (int i = 0; i < result.Value; i++)
        {
            if (_batch.IsTruncated(i))
                loan.Counters.Increment(Counter.ProtocolErrors);
            else if (crew is not null)
                crew.Hand(this, _batch.Origin(i), _batch.Message(i));
            else
                Answer(i, loan);
        }

        int dropped = _batch.Send(Descriptor, loan.Replies.Written);
        if (dropped > 0)
            loan.Counters.Add(Counter.RepliesDropped, dropped);
        loan.Replies.Clear(keep: MessageSize.LongestTaken);
        return true;
    }

    /// <summary>The server is stopping: answers what has come already.</summary>
    public void Drain(ReactorLoan loan, long deadline)
    {
        for (int i = 0; i < LastBatches && Environment.TickCount64 < deadline && Serve(loan); i++)
        {
        }
    }

    /// <summary>Sends a reply that a worker has made.</summary>
    public void Send(HandedCall call, ReactorLoan loan)
    {
        if (!call.IsAnswered)
            loan.Counters.Increment(Counter.ProtocolErrors);
        else if (call.Reply.Length > 0
            && (!call.Origin.CanBeAnswered || DatagramBatch.SendOne(Descriptor, call.Origin, call.Reply.Written).IsError))
            loan.Counters.Increment(Counter.RepliesDropped);
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose()
    {
        socket.Dispose();
        _batch.Dispose();
    }

    private void Answer(int index, ReactorLoan loan)
    {
        int start = loan.Replies.Length;
        ref readonly DatagramOrigin origin = ref _batch.Origin(index);
        if (!loan.Protocol.AnswerMessage(_batch.Message(index), new Peer(Kind, origin.AddressBytes), loan.Replies))
        {
            loan.Replies.Truncate(start);
            loan.Counters.Increment(Counter.ProtocolErrors);
        }
        else if (!origin.CanBeAnswered)
        {
            loan.Replies.Truncate(start);
            loan.Counters.Increment(Counter.RepliesDropped);
        }
        else if (loan.Replies.Length > start)
        {
            _batch.AddReply(index, start, loan.Replies.Length - start);
        }
    }
}
