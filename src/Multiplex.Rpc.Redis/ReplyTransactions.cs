using Multiplex.Rpc.Server.Stores;
using StackExchange.Redis;

namespace Multiplex.Rpc.Redis;

/// <summary>Records the reply of a call in the transaction of its effect, so that the call takes effect exactly once.</summary>
public static class ReplyTransactions
{
    /// <summary>
    /// Has a transaction record that the call returns this result, on the condition that this server still has the call: effect and record are committed both or neither. The procedure is
    /// <see cref="ProcedureAttribute.Transactional"/>, and returns the same result once the transaction is executed.
    /// </summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="transaction">The transaction, in the database of the <see cref="RedisReplyStore"/>. In a cluster its keys must be of one slot, which those of the store are not.</param>
    /// <param name="result">The result.</param>
    /// <returns>
    /// To be asked when the transaction was not executed. Where the server has no store, or the client's calls do not come to it, nothing is recorded.
    /// </returns>
    /// <exception cref="InvalidOperationException">The procedure is not transactional, its result has another type, or the server's store is not a <see cref="RedisReplyStore"/>.</exception>
    /// <exception cref="ArgumentException">The reply is longer than <see cref="RedisReplyStoreOptions.LongestReply"/>.</exception>
    /// <example>
    /// <code>
    /// ITransaction transaction = redis.CreateTransaction();
    /// transaction.AddCondition(Condition.StringEqual(from, balance));
    /// _ = transaction.StringDecrementAsync(from, cents);
    /// _ = transaction.StringIncrementAsync(to, cents);
    /// RecordedReply recorded = context.RecordIn(transaction, receipt);
    /// if (await transaction.ExecuteAsync())
    ///     return receipt;
    /// recorded.ThrowIfLost();   // else the balance was another by now
    /// </code>
    /// </example>
    public static RecordedReply RecordIn<T>(this RpcContext context, ITransaction transaction, T result)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(transaction);
        ReadOnlyMemory<byte> reply = context.EncodeReply(result);
        return context.GetClaim() switch
        {
            null => new(null),
            RedisReplyClaim claim => new(claim.RecordIn(transaction, reply)),
            _ => throw new InvalidOperationException($"the server's ReplyStore is not a {nameof(RedisReplyStore)}"),
        };
    }
}

/// <summary>A reply that a transaction records.</summary>
public sealed class RecordedReply
{
    private readonly ConditionResult? _stands;

    internal RecordedReply(ConditionResult? stands) => _stands = stands;

    /// <summary>
    /// For a transaction that was not executed: whether that is because this server does not have the call any more. Then the procedure must not try again.
    /// </summary>
    public bool IsLost => _stands is { WasSatisfied: false };

    /// <summary>Throws if <see cref="IsLost"/>. The server does not answer the call then: another one does.</summary>
    /// <exception cref="ClaimLostException">This server does not have the call any more.</exception>
    public void ThrowIfLost()
    {
        if (IsLost)
            throw new ClaimLostException();
    }
}
