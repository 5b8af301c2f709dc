using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using Multiplex.Interop;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>
/// The server's side of ONC RPC version 2, RFC 5531: finds calls in a stream, dispatches them to programs, and answers
/// each, also those that cannot be carried out, as the RFC says.
/// </summary>
/// <param name="programs">The programs that are served.</param>
public sealed class RpcProtocol(params IRpcProgram[] programs) : IProtocol
{
    // What is asked of a program at each call, side by side.
    private readonly Served[] _served =
        [.. programs.Select(program => new Served(program.Number, program.LowVersion, program.HighVersion, program))];

    /// <summary>The protocol's longest payload, and room for a call's head with the longest credential and verifier.</summary>
    public const int UsualMaxRecord = MultiplexProgram.MaxPayload + 1024;

    /// <summary>The longest record, without its headers, in bytes.</summary>
    public int MaxRecord { get; init; } = UsualMaxRecord;

    /// <summary>Told of an exception that a procedure threw, and that its caller got SYSTEM_ERR for. By default it is written to standard error.</summary>
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
        if (answered)
            RecordMarking.End(reply, start);
        else
            reply.Truncate(start);
        return answered;
    }

    /// <inheritdoc/>
    public bool AnswerMessage(ReadOnlySpan<byte> message, in Peer peer, OutputBuffer reply)
    {
        XdrReader reader = new(message);
        if (!CallHeader.TryRead(ref reader, out CallHeader call))
            return false;
        if (call.RpcVersion != RpcConstants.RpcVersion)
            ReplyWriter.RpcMismatch(reply, call.Xid);
        else if (call.Refusal is { } why)
            ReplyWriter.AuthenticationError(reply, call.Xid, why);
        else
            Dispatch(call, ref reader, peer, reply);
        return true;
    }

    private void Dispatch(in CallHeader call, ref XdrReader arguments, in Peer peer, OutputBuffer reply)
    {
        ref readonly Served served = ref Find(call.Program);
        if (Unsafe.IsNullRef(in served))
        {
            ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.ProgramUnavailable);
            return;
        }

        if (call.Version < served.LowVersion || call.Version > served.HighVersion)
        {
            ReplyWriter.ProgramMismatch(reply, call.Xid, served.LowVersion, served.HighVersion);
            return;
        }

        int start = reply.Length;
        ReplyWriter.Accepted(reply, call.Xid, AcceptStatus.Success);
        AcceptStatus status = Call(served.Program, call, ref arguments, peer, reply);
        if (status == AcceptStatus.Success)
            return;
        reply.Truncate(start);
        ReplyWriter.Accepted(reply, call.Xid, status);
    }

    // A procedure that throws is the program's fault, not the connection's: the caller is told, and the server goes on.
    private AcceptStatus Call(IRpcProgram program, in CallHeader call, ref XdrReader arguments, in Peer peer, OutputBuffer reply)
    {
        try
        {
            return program.Call(call.Version, call.Procedure, ref arguments, peer, new XdrWriter(reply));
        }
        catch (Exception e)
        {
            OnFailure(e);
            return AcceptStatus.SystemError;
        }
    }

    // With write(2), not Console: this may run in a forked child. A standard error that is closed is no second failure.
    private static void WriteToStandardError(Exception failure) =>
        _ = Libc.write(2, Encoding.UTF8.GetBytes($"multiplex: a procedure failed: {failure}\n"));

    private ref readonly Served Find(uint number)
    {
        foreach (ref readonly Served served in _served.AsSpan())
        {
            if (served.Number == number)
                return ref served;
        }

        return ref Unsafe.NullRef<Served>();
    }

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

    private readonly record struct Served(uint Number, uint LowVersion, uint HighVersion, IRpcProgram Program);
}
