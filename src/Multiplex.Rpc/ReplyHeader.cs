using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>The head of a reply message, RFC 5531 section 9: everything before the procedure's results.</summary>
public readonly record struct ReplyHeader
{
    /// <summary>The transaction that it replies to.</summary>
    public uint Xid { get; private init; }

    /// <summary>Why there is no result: a status by the RFC's name; null when the call succeeded.</summary>
    public string? Failure { get; private init; }

    /// <summary>Reads the head of a reply.</summary>
    /// <param name="message">The message; afterwards at the results, if the call succeeded.</param>
    /// <param name="header">What was read.</param>
    /// <returns>False when the message is no reply.</returns>
    public static bool TryRead(ref XdrReader message, out ReplyHeader header)
    {
        header = default;
        uint xid = message.ReadUInt32();
        if (message.ReadUInt32() != (uint)MessageType.Reply)
            return false;
        string? failure = (ReplyStatus)message.ReadUInt32() switch
        {
            ReplyStatus.Accepted => Accepted(ref message),
            ReplyStatus.Denied => Denied(ref message),
            _ => "unknown reply_stat",
        };
        header = new() { Xid = xid, Failure = failure };
        return !message.HasFailed;
    }

    private static string? Accepted(ref XdrReader message)
    {
        message.ReadUInt32();
        message.ReadOpaque(RpcConstants.MaxAuthenticationBody);
        uint status = message.ReadUInt32();
        return (AcceptStatus)status switch
        {
            AcceptStatus.Success => null,
            AcceptStatus.ProgramUnavailable => "PROG_UNAVAIL: the server does not have this program",
            AcceptStatus.ProgramMismatch =>
                $"PROG_MISMATCH: the server has versions {message.ReadUInt32()} to {message.ReadUInt32()} of this program",
            AcceptStatus.ProcedureUnavailable => "PROC_UNAVAIL: the program does not have this procedure",
            AcceptStatus.GarbageArguments => "GARBAGE_ARGS: the server cannot decode the arguments",
            AcceptStatus.SystemError => "SYSTEM_ERR: the server failed",
            _ => $"unknown accept_stat {status}",
        };
    }

    private static string Denied(ref XdrReader message)
    {
        uint status = message.ReadUInt32();
        return (RejectStatus)status switch
        {
            RejectStatus.RpcMismatch =>
                $"RPC_MISMATCH: the server speaks RPC versions {message.ReadUInt32()} to {message.ReadUInt32()}",
            RejectStatus.AuthenticationError => $"AUTH_ERROR: the server refuses the caller (auth_stat {message.ReadUInt32()})",
            _ => $"unknown reject_stat {status}",
        };
    }
}
