using System.Buffers.Binary;
using Multiplex.Rpc;
using Multiplex.Sockets;

namespace Multiplex.Load;

/// <summary>
/// The ECHO procedure of <c>multiplex.x</c>; the request's number is its xid, and a reply's xid tells what it answers, in
/// whatever order replies come. On streams calls and replies are records, else messages.
/// </summary>
public sealed class RpcEchoExchange : IExchange
{
    private readonly int _xidOffset;   // after the record's header, where there is one
    private readonly byte[] _call;
    private readonly byte[] _reply;

    /// <summary>Payloads of <paramref name="size"/> bytes, at most <see cref="MostSize"/>.</summary>
    public RpcEchoExchange(EndpointKind kind, int size)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)size, (uint)MostSize(kind), nameof(size));
        byte[] payload = new byte[size];
        Payload.Fill(payload);
        OutputBuffer call = new(), reply = new();
        CallWriter.Message(call, 0, MultiplexProcedure.Echo, writer => writer.WriteOpaque(payload));

        // What a server must answer is known to the byte: only the xid differs from reply to reply.
        using ServerCounters counters = new();
        new RpcProtocol(new MultiplexProgram(counters)).AnswerMessage(call.Written, default, reply);
        _xidOffset = kind.IsStream() ? RecordMarking.HeaderLength : 0;
        _call = kind.IsStream() ? Record(call.Written) : call.Written.ToArray();
        _reply = kind.IsStream() ? Record(reply.Written) : reply.Written.ToArray();
    }

    /// <summary>The longest payload in bytes: MAX_PAYLOAD, or what a message has room for beside the call's head.</summary>
    public static int MostSize(EndpointKind kind) => Math.Min(
        MultiplexProgram.MaxPayload,
        (MessageSize.Limit(kind) - CallWriter.HeadLength - sizeof(uint)) & ~3);   // opaque data is padded to a multiple of four

    /// <inheritdoc/>
    public void Write(OutputBuffer batch, uint sequence)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_call.AsSpan(_xidOffset), sequence);
        batch.Write(_call);
    }

    /// <inheritdoc/>
    public ReplyVerdict Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        length = _reply.Length;
        sequence = due;
        if (received.Length >= _xidOffset + sizeof(uint))
        {
            sequence = BinaryPrimitives.ReadUInt32BigEndian(received[_xidOffset..]);
            BinaryPrimitives.WriteUInt32BigEndian(_reply.AsSpan(_xidOffset), sequence);
            if (received.Length >= length && received[..length].SequenceEqual(_reply))
                return ReplyVerdict.Right;
        }

        return _xidOffset > 0 ? CheckRecord(received, due, out length, ref sequence)
            : received.Length < sizeof(uint) ? ReplyVerdict.Unreadable
            : received.Length < length ? ReplyVerdict.Incomplete
            : ReplyVerdict.Wrong;
    }

    // Not what was expected, or not all of it yet: find the record's end. The same message may come in several fragments.
    private ReplyVerdict CheckRecord(ReadOnlySpan<byte> received, uint due, out int length, ref uint sequence)
    {
        FramingProgress progress = default;
        int record = received.Length < RecordMarking.HeaderLength
            ? FrameResult.Incomplete
            : RecordMarking.Frame(received, ref progress, RpcProtocol.UsualMaxRecord);
        length = Math.Max(record, 0);
        if (record <= 0)
            return record == FrameResult.Malformed ? ReplyVerdict.Unreadable : ReplyVerdict.Incomplete;
        byte[] bytes = new byte[record];
        ReadOnlySpan<byte> message = bytes.AsSpan(0, RecordMarking.Reassemble(received[..record], bytes));
        sequence = message.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(message) : due;
        BinaryPrimitives.WriteUInt32BigEndian(_reply.AsSpan(_xidOffset), sequence);
        return message.SequenceEqual(_reply.AsSpan(_xidOffset)) ? ReplyVerdict.Right : ReplyVerdict.Wrong;
    }

    private static byte[] Record(ReadOnlySpan<byte> message)
    {
        OutputBuffer record = new();
        RecordMarking.Write(record, message);
        return record.Written.ToArray();
    }
}
