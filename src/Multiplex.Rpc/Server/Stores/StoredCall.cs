using System.Diagnostics;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Server.Stores;

/// <summary>
/// One call that all servers of a store run once: claim, run, record, then answer. It waits for the store twice, so its reply comes late, like that of an async procedure; it has copies
/// of what the received bytes said.
/// </summary>
internal sealed class StoredCall : LateReply
{
    private const int UsualReply = 256;

    private readonly RpcProtocol _protocol;
    private readonly ProcedureEntry _entry;
    private readonly CallIdentity _identity;
    private readonly RpcContext _origin;
    private readonly byte[] _arguments;
    private readonly bool _isRecord;
    private readonly int _number;    // of the procedure, when the call began, and what the access log has of it, where calls are timed
    private readonly long _begun;
    private readonly LoggedCall? _logged;
    private LateReply? _late;   // of an async procedure, while it goes on
    private volatile bool _isCancelled;
    private bool _hasFailed, _hasRun = true;

    private StoredCall(RpcProtocol protocol, ProcedureEntry entry, in RpcCall call, ReadOnlySpan<byte> arguments, in CallIdentity identity)
    {
        (_protocol, _entry, _identity) = (protocol, entry, identity);
        (_origin, _arguments) = (new(call.Peer, call.Credential), arguments.ToArray());
        _isRecord = call.Peer.Kind is Sockets.EndpointKind.Tcp or Sockets.EndpointKind.Unix;
        Bytes = arguments.Length;
        if (protocol.Meter is { } meter)
            (_number, _begun, _logged) = (meter.NumberOf(call), Stopwatch.GetTimestamp(), meter.ToLog(call.Peer));
    }

    /// <summary>The claim, while the procedure runs.</summary>
    public IReplyClaim? Claim { get; private set; }

    private int Start => _isRecord ? RecordMarking.HeaderLength : 0;

    /// <summary>Begins a call.</summary>
    /// <returns>Null if its client would not be known again.</returns>
    public static StoredCall? TryBegin(RpcProtocol protocol, IReplyStore store, ProcedureEntry entry, in RpcCall call, ReadOnlySpan<byte> arguments)
    {
        if (!CallIdentity.TryTake(call, arguments, out CallIdentity identity))
        {
            protocol.Count(Counter.StoreBypasses);
            return null;
        }

        StoredCall stored = new(protocol, entry, call, arguments, identity);
        _ = stored.ActAsync(store);
        return stored;
    }

    /// <summary>The procedure has not ended with success, and may or may not have run.</summary>
    public void Failed(bool hasRun) => (_hasFailed, _hasRun) = (true, hasRun);

    /// <inheritdoc/>
    protected internal override void Cancel(bool hasEnded)
    {
        if (hasEnded)
            _origin.SetEnded();
        if (hasEnded && _entry.IsOneWay)
            return;   // its client awaits no reply, and may close the connection as soon as the call is sent
        _isCancelled = true;
        Interlocked.MemoryBarrier();   // either this sees the async procedure, or that sees the flag
        Volatile.Read(ref _late)?.Cancel(hasEnded);
    }

    private async Task ActAsync(IReplyStore store)
    {
        Reply = NewReply();
        try
        {
            await ClaimAsync(store).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _protocol.OnFailure(e);
            Answer(AcceptStatus.SystemError);
        }

        if (Reply.Length == Start)
            Reply.Truncate(0);
        else if (_isRecord)
            RecordMarking.End(Reply, 0);
        _protocol.Meter?.EndLate(_number, _begun, _logged, Reply.Written, Start);
        Complete();
    }

    private async ValueTask ClaimAsync(IReplyStore store)
    {
        ClaimResult found;
        try
        {
            found = await store.ClaimAsync(_identity, _entry.IsTransactional).ConfigureAwait(false);
        }
        catch (ReplyStoreException)
        {
            _protocol.Count(Counter.StoreFailures);
            Answer(AcceptStatus.SystemError);
            return;
        }

        _protocol.Count(found.State switch
        {
            ClaimState.New => Counter.StoreClaims,
            ClaimState.Answered => Counter.StoreHits,
            ClaimState.InProgress => Counter.StoreDrops,
            _ => Counter.StoreUnknown,
        });
        if (found.State == ClaimState.New)
            await RunAsync(found.Claim!).ConfigureAwait(false);
        else if (found.State == ClaimState.Answered)
            Reply.Write(found.Reply.Span);
        else if (found.State == ClaimState.Unknown)
            Answer(AcceptStatus.SystemError);
    }

    private async ValueTask RunAsync(IReplyClaim claim)
    {
        Claim = claim;
        if (_isCancelled)
        {
            _hasRun = false;
            _protocol.CountCancelled();
        }
        else
        {
            Run();
            if (Reply.TakeLate() is { } late)
                await FollowAsync(late).ConfigureAwait(false);
        }

        await SettleAsync(claim).ConfigureAwait(false);
    }

    private void Run()
    {
        RpcCall call = new(_identity.Xid, _identity.Program, _identity.Version, _identity.Procedure, _origin.Peer, _origin.Credential);
        XdrReader arguments = new(_arguments) { IsStrict = _protocol.Strict };
        _protocol.Run(_entry, call, ref arguments, Reply, default, this);
    }

    // The reply of an async procedure, of which the record's header stands already before it.
    private async ValueTask FollowAsync(LateReply late)
    {
        Volatile.Write(ref _late, late);
        Interlocked.MemoryBarrier();
        if (_isCancelled)
            late.Cancel(_origin.Peer.HasEnded);
        TaskSource ended = new();
        if (late.TryAwait(ended))
            await ended.Task.ConfigureAwait(false);
        if (late.Reply.Length > 0)
            Reply = late.Reply;
    }

    private async ValueTask SettleAsync(IReplyClaim claim)
    {
        // A transaction that was not committed had no effect. If it was, the store knows, and has the reply.
        bool isWithoutEffect = !_hasRun || (_entry.IsTransactional && _hasFailed);
        SettleResult settled;
        try
        {
            settled = isWithoutEffect
                ? await claim.ReleaseAsync().ConfigureAwait(false)
                : await claim.RecordAsync(Reply.RewriteLater(Start, Reply.Length - Start)).ConfigureAwait(false);
        }
        catch (ReplyStoreException)
        {
            _protocol.Count(Counter.StoreFailures);   // the reply is right all the same: only a repeat may be told that the outcome is unknown
            return;
        }

        if (settled.State == SettleState.Answered)
        {
            Reply.Truncate(Start);
            Reply.Write(settled.Reply.Span);
        }
        else if (settled.State == SettleState.Lost)
        {
            _protocol.Count(Counter.StoreLosses);
            if (_entry.IsTransactional)
                Reply.Truncate(Start);   // another server runs it, which has the reply
        }
    }

    private OutputBuffer NewReply()
    {
        OutputBuffer reply = new(UsualReply);
        if (_isRecord)
            RecordMarking.Begin(reply);
        return reply;
    }

    private void Answer(AcceptStatus status)
    {
        Reply.Truncate(Start);
        ReplyWriter.Accepted(Reply, _identity.Xid, status);
    }

    private sealed class TaskSource() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), ILateTarget
    {
        public void Completed(LateReply reply) => SetResult();
    }
}
