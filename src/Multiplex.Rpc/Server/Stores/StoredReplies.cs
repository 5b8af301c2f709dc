using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server.Stores;

/// <summary>For stores whose replies a service records in the transaction of its own effect.</summary>
public static class StoredReplies
{
    /// <summary>The claim of the call in the server's <see cref="RpcProtocol.ReplyStore"/>; null where there is no store, or the client cannot be known again.</summary>
    public static IReplyClaim? GetClaim(this RpcContext context) => (context.Stored as StoredCall)?.Claim;

    /// <summary>The reply that a transactional procedure gives when it returns this result, as a store records it.</summary>
    /// <typeparam name="T">The type of the result, as the contract has it.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="result">The result.</param>
    /// <exception cref="InvalidOperationException">
    /// The procedure is not <see cref="ProcedureAttribute.Transactional"/>, or its result has another type.
    /// </exception>
    public static ReadOnlyMemory<byte> EncodeReply<T>(this RpcContext context, T result)
    {
        if (context.ResultMarshal is not XdrMarshal<T> marshal)
        {
            throw new InvalidOperationException(context.ResultMarshal is null
                ? $"{context.ProcedureName ?? "the procedure"} is not marked Transactional = true"
                : $"{context.ProcedureName} does not return a {typeof(T)}");
        }

        OutputBuffer reply = new();
        ReplyWriter.Accepted(reply, context.Xid, AcceptStatus.Success);
        marshal(new(reply), result);
        return reply.RewriteLater(0, reply.Length);
    }
}
