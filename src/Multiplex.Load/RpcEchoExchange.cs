using System.Buffers.Binary;
using Multiplex.Rpc;

namespace Multiplex.Load;

/// <summary>The ECHO procedure of <c>multiplex.x</c>; the request's number is its xid.</summary>
public sealed class RpcEchoExchange : IExchange
{
    private readonly byte[] _call;
    private readonly byte[] _reply;

    /// <summary>Payloads of <paramref name="size"/> bytes, at most <see cref="MultiplexProgram.MaxPayload"/>.</summary>
    public RpcEchoExchange(int size)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)size, (uint)MultiplexProgram.MaxPayload, nameof(size));
        byte[] payload = new byte[size];
        Payload.Fill(payload);
        OutputBuffer call = new();
        CallWriter.Record(call, 0, MultiplexProcedure.Echo, writer => writer.WriteOpaque(payload));
        _call = call.Written.ToArray();

        // What a server must answer is known to the byte: only the xid differs from reply to reply.
        OutputBuffer reply = new();
        using ServerCounters counters = new();
        new RpcProtocol(new MultiplexProgram(counters)).AnswerFrame(_call, default, reply);
        _reply = reply.Written.ToArray();
    }

    /// <inheritdoc/>
    public void Write(OutputBuffer batch, uint sequence)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_call.AsSpan(RecordMarking.HeaderLength), sequence);
        batch.Write(_call);
    }

    /// <inheritdoc/>
    public ReplyVerdict Check(ReadOnlySpan<byte> received, uint sequence, out int length)
    {
        length = _reply.Length;
        if (received.Length < RecordMarking.HeaderLength)
            return ReplyVerdict.Incomplete;
        BinaryPrimitives.WriteUInt32BigEndian(_reply.AsSpan(RecordMarking.HeaderLength), sequence);
        if (received.Length >= length && received[..length].SequenceEqual(_reply))
            return ReplyVerdict.Right;

        // Not what was expected, or not all of it yet: find the record's end.
        FramingProgress progress = default;
        int record = RecordMarking.Frame(received, ref progress, MultiplexProgram.MaxPayload + 1024);
        length = Math.Max(record, 0);
        return record switch
        {
            FrameResult.Incomplete => ReplyVerdict.Incomplete,
            FrameResult.Malformed => ReplyVerdict.Unreadable,
            _ => Matches(received[..record]) ? ReplyVerdict.Right : ReplyVerdict.Wrong,
        };
    }

    // The same message may come in several fragments.
    private bool Matches(ReadOnlySpan<byte> record)
    {
        byte[] message = new byte[record.Length];
        int length = RecordMarking.Reassemble(record, message);
        return message.AsSpan(0, length).SequenceEqual(_reply.AsSpan(RecordMarking.HeaderLength));
    }
}
