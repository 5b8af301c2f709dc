using System.ComponentModel;
using System.Diagnostics;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server.Stores;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Server;

/// <summary>
/// One call of a procedure of a contract, from its stub to its reply: for the code that the generator writes. A call that ends on the thread that
/// began it allocates nothing: the next one uses the same object. A call that ends on another thread keeps the object.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class RpcInvocation : LateReply
{
    /// <summary>The status that a stub returns while its procedure has not ended: the reply comes later.</summary>
    public const AcceptStatus Pending = (AcceptStatus)uint.MaxValue;

    private const int UsualReply = 256;

    [ThreadStatic]
    private static RpcInvocation? t_spare;

    private RpcProtocol _protocol = null!;
    private ProcedureEntry _entry = null!;
    private RpcObserver? _observer;
    private RpcContext? _context;
    private IAsyncDisposable? _scope;
    private CancellationTokenSource? _source;
    private ReplyCache.Entry _kept;
    private StoredCall? _stored;
    private uint _xid;
    private int _number;    // of the procedure, when the call began, and what the access log has of it, where calls are timed
    private long _begun;
    private LoggedCall? _logged;
    private bool _isRecord;
    private bool _isTokenUsed;
    private int _isCancelled;

    private RpcInvocation()
    {
    }

    /// <summary>Cancelled when the client is gone, when the server ends, and when the time for the call is over.</summary>
    public CancellationToken Cancellation
    {
        get
        {
            _source ??= new();
            if (!_isTokenUsed && _protocol.CallTimeout > TimeSpan.Zero)
                _source.CancelAfter(_protocol.CallTimeout);
            _isTokenUsed = true;
            return _source.Token;
        }
    }

    /// <summary>The call, for a procedure that asks for it.</summary>
    public RpcContext Context(in RpcCall call)
    {
        if (_context is null)
        {
            _context = call.ToContext(
                _protocol.NameOf(call),
                _entry,
                _entry.IsAsync && _protocol.CallTimeout > TimeSpan.Zero ? DateTimeOffset.UtcNow + _protocol.CallTimeout : null,
                _entry.IsAsync ? Cancellation : default);
            _context.Stored = _stored;
        }

        return _context;
    }

    /// <summary>The call, for a procedure that records its result in a transaction.</summary>
    public RpcContext Context<T>(in RpcCall call, XdrMarshal<T> marshal)
    {
        RpcContext context = Context(call);
        context.ResultMarshal = marshal;
        return context;
    }

    /// <summary>The object that the procedure is to be called on.</summary>
    public T Enter<T>(RpcInstances<T> instances, in RpcCall call)
        where T : class
    {
        if (instances.Only is { } only)
            return only;
        RpcCallScope<T> scope = instances.Begin!(Context(call));
        _scope = scope.Scope;
        return scope.Instance;
    }

    /// <summary>The procedure has been called: its results are written, at once if they are there.</summary>
    public AcceptStatus Await<T>(ValueTask<T> task, XdrWriter results, XdrMarshal<T> marshal)
    {
        if (!task.IsCompleted)
        {
            _ = FollowAsync(task, marshal);
            return Pending;
        }

        marshal(results, task.GetAwaiter().GetResult());
        return AcceptStatus.Success;
    }

    /// <inheritdoc cref="Await{T}(ValueTask{T}, XdrWriter, XdrMarshal{T})"/>
    public AcceptStatus Await<T>(Task<T> task, XdrWriter results, XdrMarshal<T> marshal) => Await(new ValueTask<T>(task), results, marshal);

    /// <summary>The procedure, which has no results, has been called.</summary>
    public AcceptStatus Await(ValueTask task)
    {
        if (!task.IsCompleted)
        {
            _ = FollowAsync(task);
            return Pending;
        }

        task.GetAwaiter().GetResult();
        return AcceptStatus.Success;
    }

    /// <inheritdoc cref="Await(ValueTask)"/>
    public AcceptStatus Await(Task task) => Await(new ValueTask(task));

    /// <inheritdoc/>
    protected internal override void Cancel(bool hasEnded)
    {
        if (hasEnded)
            _context?.SetEnded();
        if (hasEnded && _entry.IsOneWay)
            return;   // its client awaits no reply, and may close the connection as soon as the call is sent
        if (Interlocked.Exchange(ref _isCancelled, 1) != 0)
            return;
        _protocol.CountCancelled();
        _ = _source?.CancelAsync();   // the callbacks run on the thread pool: this thread has others to serve
    }

    internal static RpcInvocation Begin(RpcProtocol protocol, ProcedureEntry entry, in RpcCall call, int bytes, ReplyCache.Entry kept, StoredCall? stored)
    {
        RpcInvocation invocation = t_spare ?? new();
        t_spare = null;   // the procedure may itself make calls on this thread
        (invocation._protocol, invocation._entry, invocation._xid, invocation._kept, invocation._stored) = (protocol, entry, call.Xid, kept, stored);
        invocation._isRecord = call.Peer.Kind is Sockets.EndpointKind.Tcp or Sockets.EndpointKind.Unix;
        invocation.Bytes = bytes;
        if (entry.IsAsync && stored is null && protocol.Meter is { } meter)
            (invocation._number, invocation._begun, invocation._logged) = (meter.NumberOf(call), Stopwatch.GetTimestamp(), meter.ToLog(call.Peer));
        invocation._observer = protocol.Observer is { IsEnabled: true } observer ? observer : null;
        return invocation;
    }

    /// <summary>Runs the procedure. Unless it is pending, the invocation is over.</summary>
    internal AcceptStatus Run(in RpcCall call, ref XdrReader arguments, XdrWriter results)
    {
        AcceptStatus status;
        Exception? failure = null;
        ExecutionContext? before = _observer is null ? null : ExecutionContext.Capture();
        try
        {
            _observer?.Started(Context(call));
            status = _entry.ContractHandler is { } handler
                ? handler(call, ref arguments, results, this)
                : _entry.Handler!(call, ref arguments, results);
        }
        catch (Exception e)
        {
            (failure, status) = (e, StatusOf(e));
        }

        if (before is not null)
            ExecutionContext.Restore(before);
        if (status != Pending)
            End(status, failure);
        return status;
    }

    // It has ended on the thread that began it.
    private void End(AcceptStatus status, Exception? failure)
    {
        if (_scope is not null)
            DisposeOf(_scope);
        _observer?.Ended(_context!, status, failure);
        if (_isTokenUsed && !_source!.TryReset())
            _source = null;
        (_scope, _context, _stored, _isTokenUsed) = (null, null, null, false);
        t_spare = this;
    }

    private void DisposeOf(IAsyncDisposable scope)
    {
        try
        {
            ValueTask disposal = scope.DisposeAsync();
            if (disposal.IsCompleted)
                disposal.GetAwaiter().GetResult();
            else
                _ = ReportAsync(disposal, _protocol);
        }
        catch (Exception e)
        {
            _protocol.OnFailure(e);
        }
    }

    private static async Task ReportAsync(ValueTask disposal, RpcProtocol protocol)
    {
        try
        {
            await disposal.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            protocol.OnFailure(e);
        }
    }

    private async Task FollowAsync<T>(ValueTask<T> task, XdrMarshal<T> marshal)
    {
        Exception? failure = null;
        AcceptStatus status = AcceptStatus.Success;
        try
        {
            T result = await task.ConfigureAwait(false);
            marshal(BeginReply(), result);
        }
        catch (Exception e)
        {
            (failure, status) = (e, StatusOf(e));
        }

        await EndLateAsync(status, failure).ConfigureAwait(false);
    }

    private async Task FollowAsync(ValueTask task)
    {
        Exception? failure = null;
        AcceptStatus status = AcceptStatus.Success;
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            (failure, status) = (e, StatusOf(e));
        }

        await EndLateAsync(status, failure).ConfigureAwait(false);
    }

    // It has ended on another thread than the one that began it.
    private async ValueTask EndLateAsync(AcceptStatus status, Exception? failure)
    {
        try
        {
            if (_scope is not null)
                await _scope.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _protocol.OnFailure(e);
        }

        try
        {
            MakeReply(status);
            if (_stored is null)
                _protocol.Meter?.EndLate(_number, _begun, _logged, Reply!.Written, _isRecord ? RecordMarking.HeaderLength : 0);
            _observer?.Ended(_context!, status, failure);
        }
        finally
        {
            if (_isTokenUsed && _protocol.CallTimeout > TimeSpan.Zero)
                _source!.CancelAfter(Timeout.InfiniteTimeSpan);   // its timer would keep the call in memory
            Reply ??= new(0);
            Complete();
        }
    }

    private XdrWriter BeginReply()
    {
        Reply = new(UsualReply);
        if (_isRecord)
            RecordMarking.Begin(Reply);
        ReplyWriter.Accepted(Reply, _xid, AcceptStatus.Success);
        return new(Reply);
    }

    private void MakeReply(AcceptStatus status)
    {
        if (Reply is null)
            BeginReply();
        int start = _isRecord ? RecordMarking.HeaderLength : 0;
        _protocol.AnswerLate(_entry, _xid, status, Reply!, start, _kept, _stored);
        if (Reply!.Length == start)
            Reply.Truncate(0);
        else if (_isRecord)
            RecordMarking.End(Reply, 0);
    }

    private AcceptStatus StatusOf(Exception e)
    {
        if (e is RpcFault fault)
            return fault.Status;
        if (e is ClaimLostException)
            return AcceptStatus.SystemError;   // the store counts it
        if (e is not OperationCanceledException || _source is not { IsCancellationRequested: true })
            _protocol.OnFailure(e);
        else if (Interlocked.Exchange(ref _isCancelled, 1) == 0)
            _protocol.CountCancelled();   // the time for the call is over
        return AcceptStatus.SystemError;
    }
}
