using System.Threading.Tasks.Sources;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Client;

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

    /// <summary>A call that is new, or as new.</summary>
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
            Fail(new RpcBadReplyException("what the server sent is no reply"));
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
            Fail(e);   // what a stub throws is its caller's business, not that of the thread that received the reply
            return;
        }

        if (reader.IsComplete || (!reader.HasFailed && !_isStrict))
            Succeed(results);
        else
            Fail(new RpcBadReplyException($"the server's results cannot be decoded: {reader.Failure ?? "bytes are left over"}"));
    }

    /// <inheritdoc/>
    public override void Fail(Exception failure)
    {
        bool hasWaiter = HasWaiter;
        _results.SetException(failure);
        if (hasWaiter)
            Done();
    }

    /// <inheritdoc/>
    public T GetResult(short token)
    {
        _registration.Dispose();   // waits for a cancellation that is under way: after that it calls this object no more
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

    // Without a waiter, what follows the await may have taken the results, and this object may be another call by then.
    private void Succeed(T results)
    {
        bool hasWaiter = HasWaiter;
        _results.SetResult(results);
        if (hasWaiter)
            Done();
    }
}
