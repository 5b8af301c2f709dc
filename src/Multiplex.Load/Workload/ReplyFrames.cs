using System.Buffers.Binary;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;

namespace Multiplex.Load.Workload;

/// <summary>Finds RPC messages in received bytes: on streams in records, whose fragments it joins; otherwise a message is what one receive returned.</summary>
/// <param name="inRecords">Whether they come in records: RFC 5531 section 11.</param>
internal sealed class ReplyFrames(bool inRecords)
{
    private byte[] _message = [];

    /// <summary>
    /// Whether a message is a call from the server and not a reply: RFC 5531 section 9. A call of the program under load is not: a server of
    /// another protocol has echoed it.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="program">The program that is loaded.</param>
    public static bool IsCall(ReadOnlySpan<byte> message, uint program)
    {
        const int Head = 10 * sizeof(uint), Type = 4, Version = 8, Program = 12;   // xid, CALL, version, program, its version, procedure, credential, verifier
        return message.Length >= Head
            && BinaryPrimitives.ReadUInt32BigEndian(message[Type..]) == (uint)MessageType.Call
            && BinaryPrimitives.ReadUInt32BigEndian(message[Version..]) == RpcConstants.RpcVersion
            && BinaryPrimitives.ReadUInt32BigEndian(message[Program..]) != program;
    }

    /// <summary>Finds the first.</summary>
    /// <param name="received">What has been received.</param>
    /// <param name="length">Its length there.</param>
    /// <param name="message">The message; empty when there is none.</param>
    /// <returns>Why there is no message: it is incomplete or malformed; null when there is one.</returns>
    public ReplyOutcome? Find(ReadOnlySpan<byte> received, out int length, out ReadOnlySpan<byte> message)
    {
        length = received.Length;
        message = received;
        if (!inRecords)
            return received.Length < sizeof(uint) ? ReplyOutcome.Unreadable : null;
        FramingProgress progress = default;
        int record = received.Length < RecordMarking.HeaderLength
            ? FrameResult.Incomplete
            : RecordMarking.Frame(received, ref progress, RpcProtocol.UsualMaxRecord);
        length = Math.Max(record, 0);
        message = default;
        if (record <= 0)
            return record == FrameResult.Malformed ? ReplyOutcome.Unreadable : ReplyOutcome.Incomplete;
        if (_message.Length < record)
            _message = new byte[Math.Max(record, 4096)];
        message = _message.AsSpan(0, RecordMarking.Reassemble(received[..record], _message));
        return null;
    }
}
