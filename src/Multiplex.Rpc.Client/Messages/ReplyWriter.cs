using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>Reply messages, RFC 5531 section 9, one method for each of its arms.</summary>
internal static class ReplyWriter
{
    /// <summary>Bytes of the head of a reply that is MSG_ACCEPTED.</summary>
    public const int AcceptedLength = 24;

    /// <summary>MSG_ACCEPTED, with the verifier AUTH_NONE; the caller appends the data that belong to the status.</summary>
    public static void Accepted(OutputBuffer output, uint xid, AcceptStatus status)
    {
        Span<byte> head = output.Append(AcceptedLength);   // in pairs of words: it is written for every call
        BinaryPrimitives.WriteUInt64BigEndian(head, ((ulong)xid << 32) | (uint)MessageType.Reply);
        BinaryPrimitives.WriteUInt64BigEndian(head[8..], 0);   // MSG_ACCEPTED, flavor AUTH_NONE
        BinaryPrimitives.WriteUInt64BigEndian(head[16..], (uint)status);   // the verifier's length, 0
    }

    /// <summary>SUCCESS without results, with the verifier that announces TLS after the reply: RFC 9289 section 4.1.</summary>
    public static void StartTls(OutputBuffer output, uint xid)
    {
        XdrWriter writer = new(output);
        writer.WriteUInt32(xid);
        writer.WriteUInt32((uint)MessageType.Reply);
        writer.WriteUInt32((uint)ReplyStatus.Accepted);
        writer.WriteUInt32((uint)AuthenticationFlavor.None);
        writer.WriteOpaque(RpcTls.Verifier);
        writer.WriteUInt32((uint)AcceptStatus.Success);
    }

    /// <summary>PROG_MISMATCH, with the lowest and highest version that there are.</summary>
    public static void ProgramMismatch(OutputBuffer output, uint xid, uint low, uint high)
    {
        Accepted(output, xid, AcceptStatus.ProgramMismatch);
        XdrWriter writer = new(output);
        writer.WriteUInt32(low);
        writer.WriteUInt32(high);
    }

    /// <summary>RPC_MISMATCH: this server supports only version 2.</summary>
    public static void RpcMismatch(OutputBuffer output, uint xid)
    {
        XdrWriter writer = Denied(output, xid, RejectStatus.RpcMismatch);
        writer.WriteUInt32(RpcConstants.RpcVersion);
        writer.WriteUInt32(RpcConstants.RpcVersion);
    }

    /// <summary>AUTH_ERROR, with the reason.</summary>
    public static void AuthenticationError(OutputBuffer output, uint xid, AuthenticationStatus why) =>
        Denied(output, xid, RejectStatus.AuthenticationError).WriteUInt32((uint)why);

    private static XdrWriter Denied(OutputBuffer output, uint xid, RejectStatus status)
    {
        XdrWriter writer = new(output);
        writer.WriteUInt32(xid);
        writer.WriteUInt32((uint)MessageType.Reply);
        writer.WriteUInt32((uint)ReplyStatus.Denied);
        writer.WriteUInt32((uint)status);
        return writer;
    }
}
