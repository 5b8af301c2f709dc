using Multiplex.Rpc.Server.Stores;
using StackExchange.Redis;

namespace Multiplex.Rpc.Redis;

/// <summary>A claim: a key of Redis that has this server's value.</summary>
/// <param name="store">The store.</param>
/// <param name="key">The key.</param>
/// <param name="value">The value, which no other claim has.</param>
internal sealed class RedisReplyClaim(RedisReplyStore store, RedisKey key, RedisValue value) : IReplyClaim
{
    private Task<bool>? _set;   // the record in the last transaction, and the reply in it
    private ReadOnlyMemory<byte> _reply;

    public RedisKey Key => key;

    public RedisValue Value => value;

    private bool IsCommitted => _set is { IsCompletedSuccessfully: true, Result: true };

    /// <inheritdoc/>
    public ValueTask<SettleResult> RecordAsync(ReadOnlyMemory<byte> reply)
    {
        if (!IsCommitted)
            return store.SettleAsync(this, reply.Length <= store.Options.LongestReply ? StoredValue.Reply(reply.Span) : StoredValue.Unknown);
        store.Forget(this);
        return new(new SettleResult(SettleState.Answered, _reply));
    }

    /// <inheritdoc/>
    public ValueTask<SettleResult> ReleaseAsync() => IsCommitted ? RecordAsync(default) : store.SettleAsync(this, RedisValue.Null);

    /// <summary>Has a transaction record the reply, if the claim stands.</summary>
    public ConditionResult RecordIn(ITransaction transaction, ReadOnlyMemory<byte> reply)
    {
        if (reply.Length > store.Options.LongestReply)
            throw new ArgumentException($"the reply has {reply.Length} bytes: at most {store.Options.LongestReply} are recorded, {nameof(RedisReplyStoreOptions)}.{nameof(RedisReplyStoreOptions.LongestReply)}", nameof(reply));
        ConditionResult stands = transaction.AddCondition(Condition.StringEqual(key, value));
        (_set, _reply) = (transaction.StringSetAsync(key, StoredValue.Reply(reply.Span), store.Options.Time), reply);
        return stands;
    }
}
