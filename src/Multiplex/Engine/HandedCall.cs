using Multiplex.Sockets;
using Multiplex.Transports;

namespace Multiplex.Engine;

/// <summary>A request on its way from a reactor to a worker, and its reply on the way back. Used again and again.</summary>
internal sealed class HandedCall
{
    private byte[] _request = [];
    private int _length;
    private DatagramOrigin _origin;

    /// <summary>The connection that it came by, or null.</summary>
    public HandedConnection? Connection { get; private set; }

    /// <summary>The datagram socket that it came by, or null.</summary>
    public HandedPort? Port { get; private set; }

    /// <summary>The caller whose call it is.</summary>
    public CallFlow? Flow { get; set; }

    /// <summary>The call that waits behind it for a worker. Under the queue's lock.</summary>
    public HandedCall? Next { get; set; }

    /// <summary>The next call of its connection, where replies leave in the order of the calls. For the reactor's thread alone.</summary>
    public HandedCall? NextInOrder { get; set; }

    /// <summary>Whether the reactor has its reply, which may wait for its turn. For the reactor's thread alone.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Bytes of the request; once it is finished, of the reply too.</summary>
    public int Bytes { get; private set; }

    /// <summary>The reply.</summary>
    public OutputBuffer Reply { get; } = new();

    /// <summary>Whether there is one.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Where a datagram came from.</summary>
    public ref readonly DatagramOrigin Origin => ref _origin;

    /// <summary>Takes a request of a connection over.</summary>
    public void Take(HandedConnection connection, ReadOnlySpan<byte> request)
    {
        Connection = connection;
        Copy(request);
    }

    /// <summary>Takes a request of a connection over, and the array that begins with it, which came from the pool.</summary>
    public void Take(HandedConnection connection, byte[] request, int length)
    {
        Connection = connection;
        (_request, _length, Bytes) = (request, length, length);
    }

    /// <summary>Takes a datagram over.</summary>
    public void Take(HandedPort port, in DatagramOrigin origin, ReadOnlySpan<byte> request)
    {
        Port = port;
        _origin = origin;
        Copy(request);
    }

    /// <summary>Runs the procedure, on a worker's thread.</summary>
    public void Answer(IProtocol protocol)
    {
        ReadOnlySpan<byte> request = _request.AsSpan(0, _length);
        IsAnswered =
            Port is not null ? protocol.AnswerMessage(request, _origin.Peer(Port.Kind), Reply)
            : Connection!.Kind.IsStream() ? protocol.AnswerFrame(request, Connection.Caller, Reply)
            : protocol.AnswerMessage(request, Connection.Caller, Reply);

        // One-way calls of a client that has gone are still run; the reply of any other would reach no client.
        if (Reply.Length > 0 && Connection is { HasEnded: true })
            Flow!.IsLost = true;
    }

    /// <summary>Leaves it, without a reply: its client has gone.</summary>
    public void Skip() => IsAnswered = true;

    /// <summary>The reactor has its reply.</summary>
    public void Finish()
    {
        IsFinished = true;
        Bytes += Reply.Length;
        Flow!.BytesInProgress += Reply.Length;
    }

    /// <summary>Makes it ready for the next request.</summary>
    /// <param name="keep">Bytes of the longest buffer of replies that stays.</param>
    public void Reset(int keep)
    {
        LargeBufferPool.Pool.Return(_request);
        _request = [];
        (Connection, Port, Flow, Next, NextInOrder) = (null, null, null, null, null);
        IsFinished = false;
        Reply.Clear(keep);
    }

    private void Copy(ReadOnlySpan<byte> request)
    {
        _request = LargeBufferPool.Pool.Rent(request.Length);
        request.CopyTo(_request);
        _length = Bytes = request.Length;
    }
}
