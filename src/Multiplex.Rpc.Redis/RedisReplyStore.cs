using System.Collections.Concurrent;
using System.Globalization;
using Multiplex.Rpc.Server.Stores;
using StackExchange.Redis;

namespace Multiplex.Rpc.Redis;

/// <summary>
/// Replies in Redis, 7.0 or later, or what speaks its protocol: servers that share it run each call at most once, and answer its repeats alike. With <see cref="ReplyTransactions.RecordIn"/>, exactly once.
/// </summary>
/// <remarks>
/// <para>A call is a key. Its value is at first a claim, with the server that runs the call; then the reply, or that the outcome is unknown. A claim is made by SET with NX, and only changed by a script
/// that compares it. Each server has a key that it renews, under a lease: once it is gone, the server is taken for dead, and the first repeat of a call of it decides what becomes of the claim.
/// From then on the server itself can neither record a reply for it, nor commit a transaction that does.</para>
/// <para>What Redis forgets, the fleet forgets: with a restart without its file, a failover to a replica that lags, or an eviction. A repeat of a forgotten call is run again.
/// Redis should have appendonly yes, and maxmemory-policy noeviction.</para>
/// </remarks>
/// <example>
/// <code>
/// await using RedisReplyStore store = await RedisReplyStore.ConnectAsync("redis1:6379");
/// RpcServerOptions options = new() { ReplyStore = store };
/// </code>
/// </example>
public sealed class RedisReplyStore : IReplyStore, IAsyncDisposable
{
    private const int MostUnsettled = 64 * 1024;

    private static readonly Version s_least = new(7, 0);   // SET with both NX and GET

    private readonly IConnectionMultiplexer? _owned;
    private readonly string _server = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<RedisReplyClaim, long> _held = new();
    private readonly ConcurrentQueue<(RedisReplyClaim Claim, RedisValue Next)> _unsettled = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _beats = Task.CompletedTask;
    private long _claims;
    private int _isDisposed;

    private RedisReplyStore(IConnectionMultiplexer redis, RedisReplyStoreOptions options, bool isOwner)
    {
        (Options, _owned) = (options, isOwner ? redis : null);
        Database = redis.GetDatabase(options.Database);
    }

    internal RedisReplyStoreOptions Options { get; }

    internal IDatabase Database { get; }

    private RedisKey ServerKey => KeyOfServer(_server);

    /// <summary>Connects, with times that suit a store: a command takes at most about 2 seconds, and fails at once while there is no connection.</summary>
    /// <param name="configuration">Where Redis is, as StackExchange.Redis writes it, such as "redis1:6379,redis2:6379,defaultDatabase=2".</param>
    /// <param name="options">The options; null for the usual ones.</param>
    /// <param name="configure">Changes what the configuration says; null for nothing.</param>
    /// <exception cref="ArgumentException">The configuration or an option is wrong.</exception>
    /// <exception cref="ReplyStoreException">Redis cannot be reached, or is older than 7.0.</exception>
    public static async Task<RedisReplyStore> ConnectAsync(string configuration, RedisReplyStoreOptions? options = null, Action<ConfigurationOptions>? configure = null)
    {
        ConfigurationOptions wanted = ConfigurationOptions.Parse(configuration);
        wanted.BacklogPolicy = BacklogPolicy.FailFast;
        (wanted.AsyncTimeout, wanted.ConnectTimeout, wanted.HeartbeatInterval) = (1500, 1500, TimeSpan.FromMilliseconds(500));
        (wanted.ConnectRetry, wanted.ReconnectRetryPolicy) = (1, new LinearRetry(500));
        configure?.Invoke(wanted);
        ConnectionMultiplexer? redis = null;
        try
        {
            redis = await ConnectionMultiplexer.ConnectAsync(wanted).ConfigureAwait(false);
            return await OpenAsync(redis, options ?? new(), isOwner: true).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (redis is not null)
                await redis.DisposeAsync().ConfigureAwait(false);
            if (IsTrouble(e))
                throw new ReplyStoreException($"Redis at {string.Join(", ", wanted.EndPoints.Select(EndPointCollection.ToString))}: {(e is RedisConnectionException none ? $"no connection ({none.FailureType})" : e.Message)}", e);
            throw;
        }
    }

    /// <summary>Uses a connection that the program has, and that outlives the store: the one of a service that records replies in its transactions.</summary>
    /// <param name="redis">The connection.</param>
    /// <param name="options">The options; null for the usual ones.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="ReplyStoreException">Redis cannot be reached, or is older than 7.0.</exception>
    public static async Task<RedisReplyStore> UseAsync(IConnectionMultiplexer redis, RedisReplyStoreOptions? options = null)
    {
        try
        {
            return await OpenAsync(redis, options ?? new(), isOwner: false).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTrouble(e))
        {
            throw new ReplyStoreException($"Redis: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ClaimResult> ClaimAsync(CallIdentity call, bool isTransactional)
    {
        RedisReplyClaim claim = new(this, Options.Prefix + call.ToString(), StoredValue.Claim(_server, Interlocked.Increment(ref _claims), isTransactional));
        try
        {
            return await ClaimAsync(claim, isTransactional).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTrouble(e))
        {
            SettleLater(claim, RedisValue.Null);   // it may have been made
            throw new ReplyStoreException($"Redis: {e.Message}", e);
        }
    }

    /// <summary>Stops to renew the lease: the calls that are still in progress are those of a dead server. A connection that it made is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _beats.ConfigureAwait(false);
        try
        {
            await SettleAsync().ConfigureAwait(false);
            await Database.KeyDeleteAsync(ServerKey).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTrouble(e))
        {
            // The lease ends by itself.
        }

        if (_owned is not null)
            await _owned.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Whether an exception says that Redis cannot be reached, or cannot do what was asked.</summary>
    internal static bool IsTrouble(Exception e) => e is RedisException or TimeoutException or ObjectDisposedException;

    /// <summary>The call of a claim has ended: gives it its next value, or none, if it still stands.</summary>
    internal async ValueTask<SettleResult> SettleAsync(RedisReplyClaim claim, RedisValue next)
    {
        _held.TryRemove(claim, out _);
        try
        {
            RedisResult found = await SwapAsync(claim.Key, claim.Value, next).ConfigureAwait(false);
            return found.Resp2Type == ResultType.Integer ? new(SettleState.Done)
                : StoredValue.IsReply((RedisValue)found, out ReadOnlyMemory<byte> reply) ? new(SettleState.Answered, reply)
                : new(SettleState.Lost);
        }
        catch (Exception e) when (IsTrouble(e))
        {
            SettleLater(claim, next);
            throw new ReplyStoreException($"Redis: {e.Message}", e);
        }
    }

    /// <summary>The claim is settled by other means.</summary>
    internal void Forget(RedisReplyClaim claim) => _held.TryRemove(claim, out _);

    private static async Task<RedisReplyStore> OpenAsync(IConnectionMultiplexer redis, RedisReplyStoreOptions options, bool isOwner)
    {
        options.Validate();
        foreach (IServer server in redis.GetServers())
        {
            if (server.IsConnected && server.Version < s_least)
                throw new ReplyStoreException($"Redis at {server.EndPoint} has version {server.Version}: {s_least} or later is needed");
        }

        RedisReplyStore store = new(redis, options, isOwner);
        await store.RenewAsync().ConfigureAwait(false);
        store._beats = store.BeatAsync();
        return store;
    }

    private async ValueTask<ClaimResult> ClaimAsync(RedisReplyClaim claim, bool isTransactional)
    {
        while (true)
        {
            RedisValue found = await Database.StringSetAndGetAsync(claim.Key, claim.Value, Options.Time, keepTtl: false, When.NotExists).ConfigureAwait(false);
            if (found.IsNull)
                return Hold(claim);
            if (StoredValue.IsReply(found, out ReadOnlyMemory<byte> reply))
                return new(ClaimState.Answered, Reply: reply);
            if (found == StoredValue.Unknown)
                return new(ClaimState.Unknown);
            string server = StoredValue.ServerOf(found, out bool mayBeTaken);
            if (server == _server || await Database.KeyExistsAsync(KeyOfServer(server)).ConfigureAwait(false))
                return new(ClaimState.InProgress);

            // The server is dead, or taken for dead. From now on it cannot change the call's outcome any more.
            mayBeTaken &= isTransactional;
            RedisResult swapped = await SwapAsync(claim.Key, found, mayBeTaken ? claim.Value : StoredValue.Unknown).ConfigureAwait(false);
            if (swapped.Resp2Type == ResultType.Integer)
                return mayBeTaken ? Hold(claim) : new(ClaimState.Unknown);
        }
    }

    private ClaimResult Hold(RedisReplyClaim claim)
    {
        _held[claim] = Environment.TickCount64;
        return new(ClaimState.New, claim);
    }

    private string KeyOfServer(string server) => $"{Options.Prefix}server:{server}";

    // Gives a key its next value, or none, if it has this one; else returns the one that it has.
    private Task<RedisResult> SwapAsync(RedisKey key, RedisValue expected, RedisValue next)
    {
        const string Set = "local found = redis.call('GET', KEYS[1]) if found ~= ARGV[1] then return found end redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";
        const string Delete = "local found = redis.call('GET', KEYS[1]) if found ~= ARGV[1] then return found end redis.call('DEL', KEYS[1]) return 1";
        return next.IsNull
            ? Database.ScriptEvaluateAsync(Delete, [key], [expected])
            : Database.ScriptEvaluateAsync(Set, [key], [expected, next, (long)Options.Time.TotalMilliseconds]);
    }

    private void SettleLater(RedisReplyClaim claim, RedisValue next)
    {
        if (_unsettled.Count < MostUnsettled)   // beyond that, repeats find the call in progress until its claim is forgotten
            _unsettled.Enqueue((claim, next));
    }

    private async Task BeatAsync()
    {
        using PeriodicTimer timer = new(Options.Lease / 4);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    await RenewAsync().ConfigureAwait(false);
                    await SettleAsync().ConfigureAwait(false);
                }
                catch (Exception e) when (IsTrouble(e))
                {
                    // The next beat tries again; calls fail meanwhile, and are counted.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    // The lease, and the claims of calls that have run for long.
    private async Task RenewAsync()
    {
        string process = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName} {Environment.ProcessId}");
        await Database.StringSetAsync(ServerKey, process, Options.Lease).ConfigureAwait(false);
        long now = Environment.TickCount64;
        foreach ((RedisReplyClaim claim, long since) in _held)
        {
            if (now - since < Options.Time.TotalMilliseconds / 4)
                continue;
            await Database.KeyExpireAsync(claim.Key, Options.Time).ConfigureAwait(false);
            _held.TryUpdate(claim, now, since);
        }
    }

    // What could not be settled when its call ended.
    private async Task SettleAsync()
    {
        while (_unsettled.TryPeek(out (RedisReplyClaim Claim, RedisValue Next) first))
        {
            await SwapAsync(first.Claim.Key, first.Claim.Value, first.Next).ConfigureAwait(false);
            _unsettled.TryDequeue(out _);
        }
    }
}
