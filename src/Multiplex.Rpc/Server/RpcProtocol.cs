using System.Buffers;
using Multiplex.Interop;
using Multiplex.Observing;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server.Stores;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Rpc.Server;

/// <summary>
/// The server's side of ONC RPC version 2, RFC 5531: finds calls in a stream, dispatches them to programs, and answers
/// each, also those that cannot be carried out, as the RFC says.
/// </summary>
public sealed class RpcProtocol : IProtocol, IDisposable
{
    private readonly DispatchTable _table;
    private readonly Counter _calls = Counter.Calls;
    private ReplyCache? _replies;
    private ServerCounters? _counters;
    private volatile TlsContext? _tls;
    private bool _isGuarded;   // whether a call may be refused because of its caller

    /// <summary>Serves these programs.</summary>
    /// <param name="programs">The programs, each a version of one; several versions of a program may stand side by side.</param>
    /// <exception cref="ArgumentException">Two of them are the same version of the same program, or two procedures of one have the same number.</exception>
    public RpcProtocol(params IRpcProgram[] programs) => _table = new(programs);

    /// <summary>The usual <see cref="MaxRecord"/>: <see cref="RecordMarking.UsualMaxRecord"/>.</summary>
    public const int UsualMaxRecord = RecordMarking.UsualMaxRecord;

    /// <summary>The longest record that is received, without its headers, in bytes: at least as long as the longest call of the programs. A longer one closes its connection.</summary>
    public int MaxRecord { get; init; } = UsualMaxRecord;

    /// <summary>
    /// Calls of procedures that are not idempotent are remembered with their replies: a client that missed the reply and repeats the call
    /// gets it again, and the call is not run again. The value says how many, and for how long; null runs every repeat. See <see cref="ProcedureEntry.IsIdempotent"/>.
    /// </summary>
    /// <remarks>
    /// <para>A call is known again by the kind of socket, the caller, xid, program, version, procedure, and the length and a checksum of the
    /// arguments. The caller is the connection, or of a datagram its sender's address and port. Two connections that are open at once are two
    /// callers. Two things make a client known again on another connection or from another port, also while the older connection is half open:</para>
    /// <para>An AUTH_SYS credential with a random stamp (<see cref="SysCredential.HasRandomStamp"/>), as <see cref="RpcAuthentication.Sys()"/> makes
    /// it: the caller is then the stamp, machine name and uid with the host's address, or on a UNIX-domain socket with the user that the kernel
    /// reports (<see cref="Peer.Unix"/>).</para>
    /// <para>A reserved port (<see cref="Peer.HasReservedPort"/>): the caller is then both addresses and ports of the connection. Linux' NFS
    /// client keeps its port over a reconnect for that.</para>
    /// <para>A call is entered before it is run. If the process that runs it dies, it is not known whether it took effect: it is not run again, and a
    /// repeat gets SYSTEM_ERR. So a call takes effect at most once, and exactly once if it was answered with success, for as long as
    /// it is remembered. A repeat of a call in progress gets no reply. A call that was refused with GARBAGE_ARGS or PROC_UNAVAIL was not
    /// run, and is not remembered.</para>
    /// </remarks>
    public ReplyCacheOptions? Replies { get; init; } = new();

    /// <summary>
    /// Remembers the calls of procedures that are not idempotent for all servers that share it; null, the default: each server has its own <see cref="Replies"/>. Such a call
    /// waits for the store twice, and is run on the thread pool: models that fork refuse a store. If the store cannot be reached, it gets SYSTEM_ERR before it is run; if its reply cannot be recorded,
    /// that is sent all the same. A client is known by its AUTH_SYS credential with a random stamp, <see cref="CallIdentity"/>; the calls of any other are remembered by <see cref="Replies"/>.
    /// </summary>
    public IReplyStore? ReplyStore { get; init; }

    /// <summary>
    /// Whether arguments with padding that is not zero are garbage. False: they are read, as by libtirpc. Bytes behind the arguments, values that an enum
    /// lacks and strings that are not UTF-8 are garbage always. For the results that a client gets, see <see cref="RpcClientOptions.Strict"/>.
    /// </summary>
    public bool Strict { get; init; }

    /// <summary>Decides which calls are allowed; null, the default, allows all.</summary>
    public RpcAccess? Access
    {
        get;
        init
        {
            field = value;
            _isGuarded |= value is not null;
        }
    }

    /// <summary>
    /// TLS on connections over streams, RFC 9289: for clients that ask for it, or, by default, for all. Null, the default: clients that ask are told that there is
    /// none. Models that fork do not have it. What a program learns of its client by it: <see cref="Peer.Tls"/>.
    /// </summary>
    public TlsServerOptions? Tls
    {
        get;
        init
        {
            field = value;
            _isGuarded |= value is { Policy: TlsPolicy.Required };
        }
    }

    /// <summary>Reads <paramref name="files"/> of TLS, such as a renewed certificate, for connections that begin it later; the policy stays that of <see cref="Tls"/>. From any thread, once <see cref="Open"/> was called. A <see cref="TlsException"/> leaves those from before in use.</summary>
    public void RenewTls(TlsServerOptions files) => _tls = _tls is null ? throw new InvalidOperationException("there is no TLS to renew: set RpcProtocol.Tls") : TlsContext.ForServer(files, RpcTls.Protocol);
    TlsContext? IProtocol.Tls => _tls;

    /// <summary>Called with an exception that a procedure threw; the caller gets SYSTEM_ERR. By default it is reported: <see cref="ServerEvents"/>. It must not throw itself.</summary>
    public Action<Exception> OnFailure { get; init; } = ReportFailure;

    /// <summary>
    /// In which order the replies of one connection leave. The xid says which call a reply belongs to (RFC 5531 section 9), but clients of libtirpc
    /// skip one record for each call that has timed out, whichever it answers, and then miss their own: so by default it is the order of the
    /// calls. <see cref="ReplyOrder.Any"/> is for clients that match xids, such as <see cref="RpcClient"/>, Linux's NFS client and ganesha.
    /// </summary>
    public ReplyOrder ReplyOrder { get; init; } = ReplyOrder.Calls;

    /// <summary>
    /// How long a call of an async procedure may take before its token is cancelled; by default, for ever. A procedure that heeds the token then
    /// has the caller get SYSTEM_ERR.
    /// </summary>
    public TimeSpan CallTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Called when a call begins and when it ends; null, the default, costs nothing.</summary>
    public RpcObserver? Observer { get; init; }

    /// <summary>
    /// Whether the calls of each procedure are timed, at one look at the clock a call and one more for those that are not pipelined; false, the default, costs nothing. It needs no
    /// listener in the process, and so is true of models that fork, too.
    /// </summary>
    public bool MeasuresDurations { get; init; }

    /// <summary>The access log; null, the default, for none.</summary>
    public CallLog? CallLog { get; init; }

    /// <summary>How long calls took, once <see cref="Open"/> was called; null where they are not timed.</summary>
    public CallDurations? Durations => Meter?.Durations;

    /// <summary>What times calls; null where nothing does.</summary>
    internal CallMeter? Meter { get; private set; }

    /// <inheritdoc/>
    public bool AnswersLate => _table.AnswersLate || (ReplyStore is not null && !_table.AreAllIdempotent);

    /// <summary>Whether replies are remembered.</summary>
    internal bool KeepsReplies => _replies is not null;

    /// <summary>
    /// Sets aside the memory for replies, unless all procedures are idempotent. Servers that share the protocol share the memory; calls, and what
    /// becomes of replies, are counted where the last of them counts.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">A bound of <see cref="Replies"/> is out of its range.</exception>
    /// <exception cref="SyscallException">The memory was refused.</exception>
    /// <exception cref="TlsException">OpenSSL is not there, or a file of <see cref="Tls"/> is not what it should be.</exception>
    public void Open(ServerCounters counters)
    {
        _counters = counters;
        if (MeasuresDurations || CallLog is not null)
            Meter ??= new(_table, MeasuresDurations ? new(_table.Procedures) : null, CallLog);
        _tls ??= Tls is null ? null : TlsContext.ForServer(Tls, RpcTls.Protocol);
        if (_replies is not null)
            _replies.Counters = counters;
        else if (Replies is not null && !_table.AreAllIdempotent)
            _replies = new(counters, Replies);
    }

    /// <summary>Frees that memory. The protocol must not be served any more, in this process or one forked from it.</summary>
    public void Dispose()
    {
        _replies?.Dispose();
        _tls?.Dispose();
        Meter?.Dispose();
    }

    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) =>
        RecordMarking.Frame(received, ref progress, MaxRecord);

    /// <summary>Whether its first fragment shows that it is.</summary>
    public bool IsFrameQuick(ReadOnlySpan<byte> frame) => IsMessageQuick(RecordMarking.FirstFragment(frame));

    /// <summary>As the procedure's entry says, <see cref="ProcedureEntry.IsQuick"/>. To refuse a call of a procedure that is not served is quick.</summary>
    public bool IsMessageQuick(ReadOnlySpan<byte> message) =>
        IsQuick(_table.Find(message), message);

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply) =>
        AnswerInBatch(frame, peer, reply, ifQuick: false) != FrameAnswer.Malformed;

    /// <inheritdoc/>
    public FrameAnswer AnswerInBatch(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply, bool ifQuick)
    {
        ReadOnlySpan<byte> message = RecordMarking.FirstFragment(frame);
        ProcedureEntry? entry = _table.Find(message, out int number);
        bool isQuick = IsQuick(entry, message);
        if (ifQuick && !isQuick)
            return FrameAnswer.Left;

        long begun = Meter?.Begin(reply, frame.Length, isNext: ifQuick) ?? 0;
        int start = RecordMarking.Begin(reply);
        bool answered = RecordMarking.IsSingleFragment(frame)
            ? Answer(entry, message, peer, reply)
            : AnswerFragments(frame, peer, reply);
        Meter?.End(message, number, frame.Length, peer, reply, start, RecordMarking.HeaderLength, begun);
        if (reply.Length > start + RecordMarking.HeaderLength)
            RecordMarking.End(reply, start);
        else
            reply.Truncate(start);
        return !answered ? FrameAnswer.Malformed
            : reply.Late is not null ? FrameAnswer.Later
            : _tls is not null && RpcTls.IsGranted(reply.Written[start..]) ? FrameAnswer.StartTls
            : isQuick ? FrameAnswer.Quick : FrameAnswer.Long;
    }

    /// <inheritdoc/>
    public bool AsksForTls(ReadOnlySpan<byte> frame) => CallHeader.HasFlavor(RecordMarking.FirstFragment(frame), AuthenticationFlavor.Tls);

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        long begun = Meter?.Begin(reply, message.Length, isNext: false) ?? 0;
        int start = reply.Length;
        bool answered = Answer(_table.Find(message, out int number), message, peer, reply);
        Meter?.End(message, number, message.Length, peer, reply, start, 0, begun);
        return answered;
    }

    // A message too short to name a procedure may be the first of several fragments.
    private static bool IsQuick(ProcedureEntry? entry, ReadOnlySpan<byte> message) =>
        entry is not null ? entry.IsQuick : message.Length >= CallHeader.ProcedureEnd;

    // Nearly all calls carry AUTH_NONE twice: their heads are of one length.
    private bool Answer(ProcedureEntry? entry, ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        if (!CallHeader.IsPlain(message))
            return AnswerAny(entry, message, peer, reply);

        RpcCall call = default;
        call.Take(message, peer);
        XdrReader arguments = new(message[CallHeader.PlainLength..]) { IsStrict = Strict };
        Dispatch(entry, call, ref arguments, reply);
        return true;
    }

    private bool AnswerAny(ProcedureEntry? entry, ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        XdrReader reader = new(message) { IsStrict = Strict };
        CallHead found = CallHeader.Read(ref reader, out CallHeader header);
        RpcCall call = new(header.Xid, header.Program, header.Version, header.Procedure, peer, header.Credential);
        switch (found)
        {
            case CallHead.Sound:
                Dispatch(entry, call, ref reader, reply);
                return true;
            case CallHead.OtherRpcVersion:
                ReplyWriter.RpcMismatch(reply, call.Xid);
                return true;
            case CallHead.Refused when _tls is not null && call.Credential.Flavor == AuthenticationFlavor.Tls:
                AnswerProbe(call, message, reply);
                return true;
            case CallHead.Refused:
                ReplyWriter.AuthenticationError(reply, call.Xid, header.Refusal);
                Observer?.TellRefused(call, entry, _table, null, header.Refusal);
                return true;
            default:
                return false;
        }
    }

    private void Dispatch(ProcedureEntry? entry, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        if (_isGuarded && Refuses(call) is not AuthenticationStatus.Ok and var why)
        {
            ReplyWriter.AuthenticationError(reply, call.Xid, why);
            Observer?.TellRefused(call, entry, _table, null, why);
            return;
        }

        if (entry is null)
        {
            AcceptStatus status = _table.Refuse(call, reply);
            Observer?.TellRefused(call, entry, _table, status, AuthenticationStatus.Ok);
        }
        else if (call.Credential.Flavor < entry.MinimumFlavor)
        {
            ReplyWriter.AuthenticationError(reply, call.Xid, AuthenticationStatus.TooWeak);
            Observer?.TellRefused(call, entry, _table, null, AuthenticationStatus.TooWeak);
        }
        else if (entry.IsIdempotent)
        {
            Run(entry, call, ref arguments, reply, default, null);
        }
        else
        {
            ActOnce(entry, call, ref arguments, reply);
        }
    }

    private void ActOnce(ProcedureEntry entry, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        if (ReplyStore is not null && StoredCall.TryBegin(this, ReplyStore, entry, call, arguments.Rest) is { } stored)
            reply.Late = stored;
        else if (_replies is null)
            Run(entry, call, ref arguments, reply, default, null);
        else
            RunOnce(entry, _replies, call, ref arguments, reply);
    }

    // RFC 9289 section 4.1: the NULL procedure, once, with nothing in the credential, the verifier and the arguments. Over messages
    // there is no TLS. Of which program it is does not matter: the connection gets TLS.
    private static void AnswerProbe(in RpcCall call, ReadOnlySpan<byte> message, OutputBuffer reply)
    {
        if (!call.Peer.Kind.IsStream())
            ReplyWriter.AuthenticationError(reply, call.Xid, AuthenticationStatus.RejectedCredential);
        else if (call.Peer.Tls is not null || call.Procedure != 0 || !RpcTls.HasEmptyCredential(message))
            ReplyWriter.AuthenticationError(reply, call.Xid, AuthenticationStatus.BadCredential);
        else if (!RpcTls.HasEmptyVerifier(message))
            ReplyWriter.AuthenticationError(reply, call.Xid, AuthenticationStatus.BadVerifier);
        else if (message.Length > CallHeader.PlainLength)
            ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.GarbageArguments);
        else
            ReplyWriter.StartTls(reply, call.Xid);
    }

    private void RunOnce(ProcedureEntry entry, ReplyCache replies, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        if (replies.Begin(call, arguments.Rest, reply, out ReplyCache.Entry kept) != Repeat.New)
            return;
        int start = reply.Length;
        bool hasRun = Run(entry, call, ref arguments, reply, kept, null);
        if (reply.Late is not null)
            replies.Defer(kept);
        else if (hasRun)
            replies.Complete(kept, reply.Written[start..]);
        else
            replies.Forget(kept);
    }

    /// <summary>Runs a procedure. The call is counted before it runs, for it may take long, and not any more if it did not run.</summary>
    /// <returns>Whether it ran.</returns>
    internal bool Run(ProcedureEntry entry, in RpcCall call, ref XdrReader arguments, OutputBuffer reply, ReplyCache.Entry kept, StoredCall? stored)
    {
        if (entry.Handler is null || Observer is { IsEnabled: true })
            return Invoke(entry, call, ref arguments, reply, kept, stored);
        int start = reply.Length;
        _counters?.Increment(_calls);
        ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.Success);
        AcceptStatus status;
        try
        {
            status = entry.Handler(call, ref arguments, new XdrWriter(reply));
        }
        catch (RpcFault fault)
        {
            status = fault.Status;
        }
        catch (Exception e)
        {
            // It is the program's fault, not the connection's: the caller gets SYSTEM_ERR, and the server goes on.
            OnFailure(e);
            status = AcceptStatus.SystemError;
        }

        if (reply.Late is not null)
            reply.Truncate(start);
        return reply.Late is not null || Answer(entry, call.Xid, status, reply, start, stored);
    }

    // As Run, of a procedure of a contract, or of a call that is observed.
    private bool Invoke(ProcedureEntry entry, in RpcCall call, ref XdrReader arguments, OutputBuffer reply, ReplyCache.Entry kept, StoredCall? stored)
    {
        int start = reply.Length;
        _counters?.Increment(_calls);
        RpcInvocation invocation = RpcInvocation.Begin(this, entry, call, arguments.Rest.Length, kept, stored);
        ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.Success);
        AcceptStatus status = invocation.Run(call, ref arguments, new XdrWriter(reply));
        if (status != RpcInvocation.Pending && reply.Late is null)
            return Answer(entry, call.Xid, status, reply, start, stored);
        reply.Truncate(start);
        reply.Late ??= invocation;
        return true;
    }

    // Appends what the status calls for. Returns whether the procedure ran.
    private bool Answer(ProcedureEntry entry, uint xid, AcceptStatus status, OutputBuffer reply, int start, StoredCall? stored)
    {
        if (status == AcceptStatus.Success && !entry.IsOneWay)
            return true;
        reply.Truncate(start);
        if (status == AcceptStatus.Success)
            return true;
        ReplyWriter.Accepted(reply, xid, status);
        bool hasRun = status == AcceptStatus.SystemError;   // it may have done something before it failed
        if (!hasRun)
            _counters?.Add(_calls, -1);
        stored?.Failed(hasRun);
        return hasRun;
    }

    /// <summary>An async procedure has ended on another thread: the reply, behind its head and its results, is made whole and kept.</summary>
    /// <param name="entry">The procedure.</param>
    /// <param name="xid">The call.</param>
    /// <param name="status">How it ended.</param>
    /// <param name="reply">The reply.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="kept">Where the call is remembered.</param>
    /// <param name="stored">The call, if it is in a store.</param>
    internal void AnswerLate(ProcedureEntry entry, uint xid, AcceptStatus status, OutputBuffer reply, int start, ReplyCache.Entry kept, StoredCall? stored)
    {
        if (Answer(entry, xid, status, reply, start, stored))
            _replies?.Complete(kept, reply.Written[start..], isDeferred: true);
        else
            _replies?.Forget(kept, isDeferred: true);
    }

    /// <summary>A program's name, or null.</summary>
    internal string? NameOf(in RpcCall call) => _table.NameOf(call.Program, call.Version);

    /// <summary>A call was cancelled.</summary>
    internal void CountCancelled() => Count(Counter.CallsCancelled);

    /// <summary>Counts something.</summary>
    internal void Count(Counter counter) => _counters?.Increment(counter);

    private AuthenticationStatus Refuses(in RpcCall call)
    {
        if (Tls is { Policy: TlsPolicy.Required } && call.Peer.Tls is null)
            return AuthenticationStatus.TooWeak;
        if (Access is null)
            return AuthenticationStatus.Ok;
        try
        {
            return Access(call);
        }
        catch (Exception e)
        {
            OnFailure(e);
            return AuthenticationStatus.Failed;
        }
    }

    internal static void ReportFailure(Exception failure) =>
        ServerEvents.Report(EventLevel.Error, "procedure_failed", $"a procedure failed: {failure}");

    private bool AnswerFragments(ReadOnlySpan<byte> record, in Peer peer, OutputBuffer reply)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(record.Length);
        try
        {
            ReadOnlySpan<byte> whole = message.AsSpan(0, RecordMarking.Reassemble(record, message));
            return Answer(_table.Find(whole), whole, peer, reply);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }
}
