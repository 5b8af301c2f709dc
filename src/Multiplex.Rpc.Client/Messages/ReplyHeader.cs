using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>The head of a reply message, RFC 5531 section 9: everything before the procedure's results.</summary>
internal readonly struct ReplyHeader
{
    /// <summary>The transaction that it replies to.</summary>
    public uint Xid { get; private init; }

    /// <summary>Why there is no result; null when the call succeeded.</summary>
    public RpcException? Failure { get; private init; }

    /// <summary>Reads the head of a reply.</summary>
    /// <param name="message">The message; on return, the reader is at the results if the call succeeded.</param>
    /// <param name="header">What was read.</param>
    /// <returns>False when the message is no reply, or ends before its head does.</returns>
    public static bool TryRead(ref XdrReader message, out ReplyHeader header)
    {
        header = default;
        uint xid = message.ReadUInt32();
        if (message.ReadUInt32() != (uint)MessageType.Reply)
            return false;
        uint status = message.ReadUInt32();
        RpcException? failure = (ReplyStatus)status switch
        {
            ReplyStatus.Accepted => Accepted(ref message),
            ReplyStatus.Denied => Denied(ref message),
            _ => new RpcBadReplyException($"the server's reply has an unknown reply_stat, {status}"),
        };
        header = new() { Xid = xid, Failure = failure };
        return !message.HasFailed;
    }

    private static RpcException? Accepted(ref XdrReader message)
    {
        message.ReadUInt32();
        message.ReadOpaque(RpcConstants.MaxAuthenticationBody);
        uint status = message.ReadUInt32();
        return (AcceptStatus)status switch
        {
            AcceptStatus.Success => null,
            AcceptStatus.ProgramUnavailable => new RpcProgramUnavailableException(),
            AcceptStatus.ProgramMismatch => new RpcProgramMismatchException(message.ReadUInt32(), message.ReadUInt32()),
            AcceptStatus.ProcedureUnavailable => new RpcProcedureUnavailableException(),
            AcceptStatus.GarbageArguments => new RpcGarbageArgumentsException(),
            AcceptStatus.SystemError => new RpcSystemErrorException(),
            _ => new RpcBadReplyException($"the server's reply has an unknown accept_stat, {status}"),
        };
    }

    private static RpcException Denied(ref XdrReader message)
    {
        uint status = message.ReadUInt32();
        return (RejectStatus)status switch
        {
            RejectStatus.RpcMismatch => new RpcMismatchException(message.ReadUInt32(), message.ReadUInt32()),
            RejectStatus.AuthenticationError => new RpcAuthenticationException((AuthenticationStatus)message.ReadUInt32()),
            _ => new RpcBadReplyException($"the server's reply has an unknown reject_stat, {status}"),
        };
    }
}
