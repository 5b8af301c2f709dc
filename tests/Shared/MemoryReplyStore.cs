using System.Collections.Concurrent;
using Multiplex.Rpc.Server.Stores;

namespace Multiplex.TestSupport;

/// <summary>A store of replies in the memory of this process, which its servers share. It answers on another thread than the one that asks.</summary>
internal sealed class MemoryReplyStore : IReplyStore
{
    private readonly ConcurrentDictionary<CallIdentity, Claim> _claims = new();

    /// <summary>Whether it cannot be reached.</summary>
    public bool IsDown { get; set; }

    /// <summary>What a claim waits for; null for nothing.</summary>
    public Task? Gate { get; init; }

    /// <summary>The calls that it knows.</summary>
    public ICollection<CallIdentity> Calls => _claims.Keys;

    /// <summary>The servers of all calls that are in progress have died.</summary>
    public void LoseServers()
    {
        foreach (Claim claim in _claims.Values)
            claim.IsAbandoned = true;
    }

    /// <inheritdoc/>
    public async ValueTask<ClaimResult> ClaimAsync(CallIdentity call, bool isTransactional)
    {
        await AnswerAsync();
        if (Gate is not null)
            await Gate;
        Claim claim = new(this, call);
        Claim first = _claims.GetOrAdd(call, claim);
        if (first == claim)
            return new(ClaimState.New, claim);
        if (first.Reply is { } reply)
            return new(ClaimState.Answered, Reply: reply);
        if (!first.IsAbandoned)
            return new(ClaimState.InProgress);
        return isTransactional && _claims.TryUpdate(call, claim, first) ? new(ClaimState.New, claim) : new(ClaimState.Unknown);
    }

    private async Task AnswerAsync()
    {
        await Task.Yield();
        if (IsDown)
            throw new ReplyStoreException("down");
    }

    /// <summary>A claim.</summary>
    internal sealed class Claim(MemoryReplyStore store, CallIdentity call) : IReplyClaim
    {
        /// <summary>Whether its server has died.</summary>
        public bool IsAbandoned { get; set; }

        /// <summary>The reply, once it is recorded.</summary>
        public byte[]? Reply { get; set; }

        /// <inheritdoc/>
        public async ValueTask<SettleResult> RecordAsync(ReadOnlyMemory<byte> reply)
        {
            await store.AnswerAsync();
            return Settle(() => Reply = reply.ToArray());
        }

        /// <inheritdoc/>
        public async ValueTask<SettleResult> ReleaseAsync()
        {
            await store.AnswerAsync();
            return Settle(() => store._claims.TryRemove(new(call, this)));
        }

        private SettleResult Settle(Action settle)
        {
            if (Reply is not null)
                return new(SettleState.Answered, Reply);
            if (IsAbandoned || !store._claims.TryGetValue(call, out Claim? claim) || claim != this)
                return new(SettleState.Lost);
            settle();
            return new(SettleState.Done);
        }
    }
}
