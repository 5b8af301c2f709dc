using Multiplex.Sockets;
using Multiplex.Sockets.Datagrams;

namespace Multiplex.Engine.Calls;

/// <summary>A request that a loop has handed to a worker, and its reply on the way back. Reused.</summary>
internal sealed class WorkItem
{
    private const int LongestShort = 1024;   // bytes of a request for which no array is rented: more calls are in progress than the pool of short arrays keeps

    private byte[] _short = [];
    private byte[] _request = [];   // _short, or an array of the pool
    private int _length;
    private DatagramOrigin _origin;
    private EndpointKind _kind;

    /// <summary>The session that received it; null for a datagram.</summary>
    public Session? Session { get; private set; }

    /// <summary>Where the reply goes.</summary>
    public IReplyTarget Target { get; private set; } = null!;

    /// <summary>The caller whose call it is.</summary>
    public CallFlow? Flow { get; set; }

    /// <summary>The call that waits behind it for a worker, under the queue's lock; or the one that was answered before it.</summary>
    public WorkItem? Next { get; set; }

    /// <summary>The next call of its connection, where replies leave in the order of the calls. For the loop's thread alone.</summary>
    public WorkItem? NextInOrder { get; set; }

    /// <summary>Whether the loop has its reply, which may have to wait for earlier ones. For the loop's thread alone.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Bytes of the request; once it is finished, of the reply too.</summary>
    public int Bytes { get; private set; }

    /// <summary>The reply.</summary>
    public OutputBuffer Reply { get; set; } = new();

    /// <summary>Whether there is a reply.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Where a datagram came from.</summary>
    public ref readonly DatagramOrigin Origin => ref _origin;

    /// <summary>Takes a request of a session over.</summary>
    /// <param name="session">The session.</param>
    /// <param name="request">The request.</param>
    /// <param name="array">The array that begins with it, to be returned to the pool; null when the request stands elsewhere and is copied.</param>
    public void Take(Session session, ReadOnlySpan<byte> request, byte[]? array)
    {
        (Session, Target) = (session, (IReplyTarget)session.Owner);
        if (array is null)
            Copy(request);
        else
            (_request, _length, Bytes) = (array, request.Length, request.Length);
    }

    /// <summary>Takes a datagram over.</summary>
    public void Take(IReplyTarget target, EndpointKind kind, in DatagramOrigin origin, ReadOnlySpan<byte> request)
    {
        (Target, _kind, _origin) = (target, kind, origin);
        Copy(request);
    }

    /// <summary>Runs the procedure, on a worker's thread.</summary>
    public void Answer(IProtocol protocol)
    {
        ReadOnlySpan<byte> request = _request.AsSpan(0, _length);
        IsAnswered =
            Session is null ? protocol.AnswerMessage(request, _origin.Peer(_kind), Reply)
            : Session.KeepsMessages ? protocol.AnswerMessage(request, Session.Caller, Reply)
            : protocol.AnswerFrame(request, Session.Caller, Reply);

        // One-way calls of a client that is gone are still run; the reply to any other call could not be sent.
        if (Reply.Length > 0 && Session is { HasEnded: true })
            Flow!.IsLost = true;
    }

    /// <summary>Called when the late reply is ready.</summary>
    public void TakeLate(LateReply reply)
    {
        Reply.Write(reply.Reply.Written);
        reply.Reply.Clear(keep: 0);
    }

    /// <summary>Ends it without a reply: its client is gone.</summary>
    public void Skip() => IsAnswered = true;

    /// <summary>The loop has its reply.</summary>
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
        if (_request != _short)
            LargeBufferPool.Pool.Return(_request);
        _request = _short;
        (Session, Target, Flow, Next, NextInOrder) = (null, null!, null, null, null);
        IsFinished = false;
        Reply.Clear(keep);
    }

    private void Copy(ReadOnlySpan<byte> request)
    {
        if (request.Length <= LongestShort && _short.Length == 0)
            _short = GC.AllocateUninitializedArray<byte>(LongestShort);
        _request = request.Length <= LongestShort ? _short : LargeBufferPool.Pool.Rent(request.Length);
        request.CopyTo(_request);
        _length = Bytes = request.Length;
    }
}

/// <summary>The origin of a request that a worker runs: the reply is posted back to the loop, and sent from there.</summary>
internal interface IReplyTarget
{
    /// <summary>Called on the loop's thread when the request has been run.</summary>
    void Complete(WorkItem item);
}
