using System.Buffers.Binary;
using Multiplex.Rpc;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload;

/// <summary>Checks the results of a procedure, in the form in which a reply contains them.</summary>
public delegate bool ResultCheck(ReadOnlySpan<byte> results);

/// <summary>
/// One procedure of any RPC program with the same arguments each time; the request's number is its xid. A reply is right when the call was
/// accepted and carried out, and when its results pass the check, if there is one.
/// </summary>
public sealed class ProcedureExchange : Exchange
{
    private readonly byte[] _call;
    private readonly uint _program;
    private readonly int _xidOffset;
    private readonly ReplyFrames _frames;
    private readonly ResultCheck? _check;

    /// <summary>Calls on one kind of socket.</summary>
    /// <param name="kind">The kind of the server's socket.</param>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Its arguments in XDR.</param>
    /// <param name="authentication">The credential.</param>
    /// <param name="check">Checks the results; null takes any.</param>
    public ProcedureExchange(EndpointKind kind, RpcProcedure procedure, ReadOnlySpan<byte> arguments, RpcAuthentication authentication, ResultCheck? check)
    {
        OutputBuffer message = new(), call = new();
        CallWriter.Head(message, xid: 0, procedure, authentication);
        message.Write(arguments);
        if (kind.IsStream())
            RecordMarking.Write(call, message.Written);
        _call = kind.IsStream() ? call.Written.ToArray() : message.Written.ToArray();
        _xidOffset = kind.IsStream() ? RecordMarking.HeaderLength : 0;
        (_frames, _check, _program) = (new(kind.IsStream()), check, procedure.Program);
    }

    /// <inheritdoc/>
    public override int LongestRequest => _call.Length;

    /// <inheritdoc/>
    public override bool HasCallsOfServer => true;

    /// <inheritdoc/>
    public override void Write(OutputBuffer batch, uint sequence)
    {
        Span<byte> written = batch.Append(_call.Length);
        _call.CopyTo(written);
        BinaryPrimitives.WriteUInt32BigEndian(written[_xidOffset..], sequence);
    }

    /// <inheritdoc/>
    public override ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        sequence = due;
        if (_frames.Find(received, out length, out ReadOnlySpan<byte> message) is { } none)
            return none;
        if (ReplyFrames.IsCall(message, _program))
            return ReplyOutcome.Call;
        if (message.Length < sizeof(uint))
            return ReplyOutcome.Wrong;
        return ReplyFrames.TryOpen(ref message, out sequence) && (_check is null || _check(message)) ? ReplyOutcome.Right : ReplyOutcome.Wrong;
    }
}
