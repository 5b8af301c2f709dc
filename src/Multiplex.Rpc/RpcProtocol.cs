using System.Buffers;
using System.Text;
using Multiplex.Interop;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>
/// The server's side of ONC RPC version 2, RFC 5531: finds calls in a stream, dispatches them to programs, and answers
/// each, also those that cannot be carried out, as the RFC says.
/// </summary>
public sealed class RpcProtocol : IProtocol
{
    // What is asked of a program at each call, side by side.
    private readonly Served[] _served;

    /// <summary>Serves these programs.</summary>
    /// <param name="programs">The programs, each a version of one; several versions of a program may stand side by side.</param>
    /// <exception cref="ArgumentException">Two of them are the same version of the same program.</exception>
    public RpcProtocol(params IRpcProgram[] programs)
    {
        _served = [.. programs.Select(program => new Served(program.Number, program.Version, program))];
        if (_served.DistinctBy(served => (served.Number, served.Version)).Count() < _served.Length)
            throw new ArgumentException("a version of a program is there twice", nameof(programs));
    }

    /// <summary>The protocol's longest payload, and room for a call's head with the longest credential and verifier, and for fragments not filled.</summary>
    public const int UsualMaxRecord = MultiplexConstants.MaxPayload + 4096;

    /// <summary>The longest record, without its headers, in bytes.</summary>
    public int MaxRecord { get; init; } = UsualMaxRecord;

    /// <summary>
    /// Where calls of procedures that are not idempotent are remembered, so that a repeat is not run again; null, the default, runs every repeat.
    /// See <see cref="IRpcProgram.IsIdempotent"/>.
    /// </summary>
    public ReplyCache? Replies { get; init; }

    /// <summary>Who may call; null, the default, is everybody.</summary>
    public RpcAccess? Access { get; init; }

    /// <summary>Told of an exception that a procedure threw, and that its caller got SYSTEM_ERR for. By default it is written to standard error. It must not throw itself.</summary>
    public Action<Exception> OnFailure { get; init; } = WriteToStandardError;

    /// <summary>The xid tells which call a reply belongs to, RFC 5531 section 9.</summary>
    public bool AnswersInAnyOrder => true;

    /// <inheritdoc/>
    public int Frame(ReadOnlySpan<byte> received, ref FramingProgress progress) =>
        RecordMarking.Frame(received, ref progress, MaxRecord);

    /// <inheritdoc/>
    public bool AnswerFrame(ReadOnlySpan<byte> frame, in Peer peer, OutputBuffer reply)
    {
        int start = RecordMarking.Begin(reply);
        bool answered = RecordMarking.IsSingleFragment(frame)
            ? AnswerMessage(frame[RecordMarking.HeaderLength..], peer, reply)
            : AnswerFragments(frame, peer, reply);
        if (reply.Length > start + RecordMarking.HeaderLength)
            RecordMarking.End(reply, start);
        else
            reply.Truncate(start);
        return answered;
    }

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        XdrReader reader = new(message);
        switch (CallHeader.Read(ref reader, peer, out RpcCall call, out AuthenticationStatus refusal))
        {
            case CallHead.Sound when Access is not null && Refuses(call) is not AuthenticationStatus.Ok and var why:
                ReplyWriter.AuthenticationError(reply, call.Xid, why);
                return true;
            case CallHead.Sound:
                Dispatch(call, ref reader, reply);
                return true;
            case CallHead.OtherRpcVersion:
                ReplyWriter.RpcMismatch(reply, call.Xid);
                return true;
            case CallHead.Refused:
                ReplyWriter.AuthenticationError(reply, call.Xid, refusal);
                return true;
            default:
                return false;
        }
    }

    private void Dispatch(in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        if (Find(call) is not { } program)
        {
            NotServed(call, reply);
            return;
        }

        if (Replies is null || program.IsIdempotent(call.Procedure))
            Run(program, call, ref arguments, reply);
        else
            RunOnce(Replies, program, call, ref arguments, reply);
    }

    private void RunOnce(ReplyCache replies, IRpcProgram program, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        if (replies.Begin(call, arguments.Rest, reply, out ReplyCache.Entry entry) != Repeat.New)
            return;
        int start = reply.Length;
        Run(program, call, ref arguments, reply);
        replies.Complete(entry, reply.Written[start..]);
    }

    private void Run(IRpcProgram program, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        int start = reply.Length;
        ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.Success);
        AcceptStatus status = Call(program, call, ref arguments, reply);
        if (status == AcceptStatus.Success && !program.IsOneWay(call.Procedure))
            return;
        reply.Truncate(start);
        if (status != AcceptStatus.Success)
            ReplyWriter.Accepted(reply, call.Xid, status);
    }

    private AuthenticationStatus Refuses(in RpcCall call)
    {
        try
        {
            return Access!(call);
        }
        catch (Exception e)
        {
            OnFailure(e);
            return AuthenticationStatus.Failed;
        }
    }

    // A procedure that throws is the program's fault, not the connection's: the caller is told, and the server goes on.
    private AcceptStatus Call(IRpcProgram program, in RpcCall call, ref XdrReader arguments, OutputBuffer reply)
    {
        try
        {
            return program.Call(call, ref arguments, new XdrWriter(reply));
        }
        catch (RpcFault fault)
        {
            return fault.Status;
        }
        catch (Exception e)
        {
            OnFailure(e);
            return AcceptStatus.SystemError;
        }
    }

    private IRpcProgram? Find(in RpcCall call)
    {
        foreach (ref readonly Served served in _served.AsSpan())
        {
            if (served.Number == call.Program && served.Version == call.Version)
                return served.Program;
        }

        return null;
    }

    // PROG_MISMATCH tells the lowest and the highest version that there are; there may be gaps between them.
    private void NotServed(in RpcCall call, OutputBuffer reply)
    {
        uint low = uint.MaxValue, high = 0;
        bool known = false;
        foreach (ref readonly Served served in _served.AsSpan())
        {
            if (served.Number != call.Program)
                continue;
            known = true;
            low = Math.Min(low, served.Version);
            high = Math.Max(high, served.Version);
        }

        if (known)
            ReplyWriter.ProgramMismatch(reply, call.Xid, low, high);
        else
            ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.ProgramUnavailable);
    }

    // With write(2), not Console: this may run in a forked child. A standard error that is closed is no second failure.
    private static void WriteToStandardError(Exception failure) =>
        _ = Libc.write(2, Encoding.UTF8.GetBytes($"multiplex: a procedure failed: {failure}\n"));

    private bool AnswerFragments(ReadOnlySpan<byte> record, in Peer peer, OutputBuffer reply)
    {
        byte[] message = ArrayPool<byte>.Shared.Rent(record.Length);
        try
        {
            int length = RecordMarking.Reassemble(record, message);
            return AnswerMessage(message.AsSpan(0, length), peer, reply);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    private readonly record struct Served(uint Number, uint Version, IRpcProgram Program);
}
