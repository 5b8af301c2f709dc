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

    /// <summary>Takes what comes before the results: the xid, REPLY, MSG_ACCEPTED, a verifier of any kind, SUCCESS: RFC 5531 section 9.</summary>
    /// <param name="message">The message; then the results.</param>
    /// <param name="xid">The call that it answers; 0 when it has none.</param>
    /// <returns>Whether the call was accepted and carried out.</returns>
    public static bool TryOpen(ref ReadOnlySpan<byte> message, out uint xid)
    {
        const int MostVerifierLength = 400;   // RFC 5531 section 8.2
        if (!TryTake(ref message, out xid)
            || !TryTake(ref message, out uint type) || type != (uint)MessageType.Reply
            || !TryTake(ref message, out uint denied) || denied != 0
            || !TryTake(ref message, out _)
            || !TryTake(ref message, out uint verifier) || verifier > MostVerifierLength || (verifier + 3 & ~3u) > message.Length)
        {
            return false;
        }

        message = message[(int)(verifier + 3 & ~3u)..];
        return TryTake(ref message, out uint status) && status == 0;
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
        if (RecordMarking.IsSingleFragment(received[..record]))
        {
            message = RecordMarking.FirstFragment(received[..record]);
            return null;
        }

        if (_message.Length < record)
            _message = new byte[Math.Max(record, 4096)];
        message = _message.AsSpan(0, RecordMarking.Reassemble(received[..record], _message));
        return null;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> rest, out uint word)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(rest, out word))
            return false;
        rest = rest[sizeof(uint)..];
        return true;
    }
}
