using System.Buffers.Binary;
using System.Threading.Tasks.Sources;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Client.Calls;

/// <summary>A call from its sending to its reply, whatever its results are.</summary>
internal abstract class PendingCall
{
    /// <summary>Where the xid stands in <see cref="Message"/>.</summary>
    private const int XidOffset = RecordMarking.HeaderLength;

    private uint _xid;
    private volatile bool _isDone;
    private bool _mustLead;

    /// <summary>The call as a record of one fragment; kept until the reply, for it may have to be sent again.</summary>
    public OutputBuffer Message { get; } = new(256);

    /// <summary>Which procedure.</summary>
    public RpcProcedure Procedure { get; set; }

    /// <summary>Whether a thread blocks for it.</summary>
    public bool HasWaiter { get; set; }

    /// <summary>When it times out, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Deadline { get; set; }

    /// <summary>How long it may take in all, for the message of its time-out.</summary>
    public TimeSpan Timeout { get; set; }

    /// <summary>When it is sent again.</summary>
    public long ResendAt { get; set; }

    /// <summary>The wait before that, in milliseconds.</summary>
    public long Wait { get; set; }

    /// <summary>Its offset among all bytes that were queued for its connection.</summary>
    public long Start { get; set; }

    /// <summary>Whether it was sent as a datagram, is not answered, and is not due to be sent again.</summary>
    public bool IsUnderWay { get; set; }

    /// <summary>Reports its end to meter and traces; null while there is no listener.</summary>
    public ClientTelemetry? Observed { get; set; }

    /// <summary>How it is repeated when it fails; null: it is not.</summary>
    public RpcRetryPolicy? Retry { get; set; }

    /// <summary>How often it has been made.</summary>
    public int Attempt { get; set; } = 1;

    /// <summary>Whether it waits for its next attempt, until <see cref="ResendAt"/>: no byte of it is queued.</summary>
    public bool IsPaused { get; set; }

    /// <summary>Whether any of it has been sent, on a connection that broke or by an earlier datagram.</summary>
    public bool WasSent { get; set; }

    /// <summary>Whether the thread that blocks for it may go on.</summary>
    public bool IsDone => _isDone;

    /// <summary>The transaction.</summary>
    public uint Xid
    {
        get => _xid;
        set
        {
            _xid = value;
            SetXid(Message, value);
        }
    }

    /// <summary>Writes the xid into a call that stands as a record.</summary>
    public static void SetXid(OutputBuffer message, uint xid) =>
        BinaryPrimitives.WriteUInt32BigEndian(message.Rewrite(XidOffset, sizeof(uint)), xid);

    /// <summary>The xid of a message that stands as a record.</summary>
    public static uint XidOf(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32BigEndian(record[XidOffset..]);

    /// <summary>Whether a message that stands as a record is a call.</summary>
    public static bool IsCall(ReadOnlySpan<byte> record) => CallHeader.IsCall(record[XidOffset..]);

    /// <summary>Whether it is sent again, on the same socket, while it is not answered.</summary>
    public bool Repeats { get; set; }

    /// <summary>When its next timer is due.</summary>
    public long Due => Repeats || IsPaused ? Math.Min(Deadline, ResendAt) : Deadline;

    /// <summary>The reply has come.</summary>
    public abstract void Answer(ReadOnlySpan<byte> reply);

    /// <summary>There will be no reply.</summary>
    public abstract void Fail(Exception failure);

    /// <summary>Has the thread that blocks for this call drive the connection from now on.</summary>
    public void Promote()
    {
        lock (Message)
        {
            _mustLead = true;
            Monitor.Pulse(Message);
        }
    }

    /// <summary>Blocks until the call is done, or its thread is to drive the connection.</summary>
    /// <returns>Whether it is to.</returns>
    public bool AwaitEndOrPromotion()
    {
        lock (Message)
        {
            while (!_isDone && !_mustLead)
                Monitor.Wait(Message);
            return _mustLead;
        }
    }

    /// <summary>Lets the thread go on that blocks for it.</summary>
    private protected void Done()
    {
        lock (Message)
        {
            _isDone = true;
            Monitor.Pulse(Message);
        }
    }

    private protected void Reset()
    {
        _isDone = _mustLead = HasWaiter = WasSent = IsPaused = false;
        Observed = null;
        Retry = null;
        Attempt = 1;
        Message.Clear(keep: 16 * 1024);
    }
}

/// <summary>A call with results of this type, and what a <see cref="ValueTask{T}"/> of it waits on. Used again once its results are taken.</summary>
internal sealed class PendingCall<T> : PendingCall, IValueTaskSource<T>, IValueTaskSource
{
    private const int MostKept = 1024;
    private static readonly Lock s_gate = new();
    private static readonly Stack<PendingCall<T>> s_free = new();

    private ManualResetValueTaskSourceCore<T> _results;
    private XdrUnmarshal<T>? _unmarshal;
    private ClientConnection? _connection;
    private bool _isStrict;
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;

    /// <summary>Its results, to be awaited or taken once.</summary>
    public ValueTask<T> Task => new(this, _results.Version);

    /// <summary>The same without its results.</summary>
    public ValueTask End => new(this, _results.Version);

    /// <summary>A call that is new, or was reset.</summary>
    public static PendingCall<T> Rent(ClientConnection connection, XdrUnmarshal<T> unmarshal, bool continuesHere, bool isStrict)
    {
        PendingCall<T>? call;
        lock (s_gate)
            s_free.TryPop(out call);
        call ??= new();
        call._connection = connection;
        call._unmarshal = unmarshal;
        call._isStrict = isStrict;
        call._results.RunContinuationsAsynchronously = !continuesHere;
        return call;
    }

    /// <summary>Gives the call up when this is cancelled.</summary>
    public void CancelWith(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _registration = cancellation.UnsafeRegister(static state => ((PendingCall<T>)state!).Cancel(), this);
    }

    /// <inheritdoc/>
    public override void Answer(ReadOnlySpan<byte> reply)
    {
        XdrReader reader = new(reply) { IsStrict = _isStrict, AcceptsUnknown = !_isStrict };
        if (!ReplyHeader.TryRead(ref reader, out ReplyHeader header))
        {
            Fail(new RpcBadReplyException($"the {reply.Length} bytes that the server sent are no reply"));
            return;
        }

        if (header.Failure is not null)
        {
            Fail(header.Failure);
            return;
        }

        T results;
        try
        {
            results = _unmarshal!(ref reader);
        }
        catch (Exception e)
        {
            Fail(e);   // an exception of a stub is for its caller, not for the thread that received the reply
            return;
        }

        if (reader.IsComplete || (!reader.HasFailed && !_isStrict))
            Succeed(results);
        else
            Fail(new RpcBadReplyException($"the results, in a reply of {reply.Length} bytes, cannot be decoded: {reader.Failure ?? "bytes are left over"}"));
    }

    /// <inheritdoc/>
    public override void Fail(Exception failure)
    {
        if (Retry is not null && !_cancellation.IsCancellationRequested && _connection!.TryAgain(this, failure))
        {
            // A cancellation that came meanwhile has not found the call.
            if (_cancellation.IsCancellationRequested)
                Cancel();
            return;
        }

        bool hasWaiter = HasWaiter;
        Exception named = failure is RpcException e ? e.Of(_connection!.Server, Procedure, Xid) : failure;
        if (named is RpcConnectionException broken)
            broken.WasSent = WasSent;
        Observed?.End(Xid, named);
        _connection!.Events.Failed(named);
        _results.SetException(named);
        if (hasWaiter)
            Done();
    }

    /// <inheritdoc/>
    public T GetResult(short token)
    {
        _registration.Dispose();   // waits for a cancellation that is in progress: no other comes after it
        try
        {
            return _results.GetResult(token);
        }
        finally
        {
            Release();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    /// <inheritdoc cref="IValueTaskSource{T}.GetStatus"/>
    public ValueTaskSourceStatus GetStatus(short token) => _results.GetStatus(token);

    /// <inheritdoc cref="IValueTaskSource{T}.OnCompleted"/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _results.OnCompleted(continuation, state, token, flags);

    /// <summary>Makes it free for another call.</summary>
    public void Release()
    {
        _registration = default;
        _cancellation = default;
        _unmarshal = null;
        _connection = null;
        _results.Reset();
        Reset();
        lock (s_gate)
        {
            if (s_free.Count < MostKept)
                s_free.Push(this);
        }
    }

    private void Cancel()
    {
        if (_connection!.TryWithdraw(this))
            Fail(new OperationCanceledException(_cancellation));
    }

    // Where no thread blocks, the continuation may have taken the results, and this object may be another call by then.
    private void Succeed(T results)
    {
        bool hasWaiter = HasWaiter;
        Observed?.End(Xid, null);
        _results.SetResult(results);
        if (hasWaiter)
            Done();
    }
}
