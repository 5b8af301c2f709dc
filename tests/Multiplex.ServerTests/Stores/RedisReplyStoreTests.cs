using Multiplex.Rpc.Redis;
using Multiplex.Rpc.Server.Stores;
using Multiplex.ServerTests.Harness.Redis;
using NUnit.Framework;
using StackExchange.Redis;

namespace Multiplex.ServerTests.Stores;

/// <summary>Claims of servers that share a redis-server, also while it, or one of them, is gone.</summary>
public sealed class RedisReplyStoreTests
{
    private static readonly CallIdentity s_call = new(1, 2, 3, 4, 5, 6, 7);
    private static readonly byte[] s_reply = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];

    // A server that a slow machine holds up is not taken for dead, and its commands do not fail. Death is a store that is disposed of.
    private static readonly RedisReplyStoreOptions s_patient = new() { Lease = TimeSpan.FromSeconds(12) };

    private readonly List<RedisReplyStore> _stores = [];
    private RedisServer _redis = null!;

    [SetUp]
    public async Task Start() => _redis = await RedisServer.StartAsync();

    [TearDown]
    public async Task Stop()
    {
        foreach (RedisReplyStore store in _stores)
            await store.DisposeAsync();
        _stores.Clear();
        await _redis.DisposeAsync();
    }

    [Test]
    public async Task A_call_is_claimed_once_and_then_answered_alike()
    {
        RedisReplyStore one = await StoreAsync(), other = await StoreAsync();
        IReplyClaim claim = await NewAsync(one);
        Assert.That(await StatesAsync(one, other), Is.EqualTo(new[] { ClaimState.InProgress, ClaimState.InProgress }));
        Assert.That(await claim.RecordAsync(s_reply), Is.EqualTo(new SettleResult(SettleState.Done)));
        foreach (RedisReplyStore store in _stores)
        {
            ClaimResult found = await store.ClaimAsync(s_call, isTransactional: false);
            Assert.That((found.State, found.Reply.ToArray()), Is.EqualTo((ClaimState.Answered, s_reply)));
        }

        await NewAsync(other, s_call with { Checksum = 8 });
    }

    [Test]
    public async Task A_call_that_was_not_run_may_be_claimed_again()
    {
        RedisReplyStore one = await StoreAsync(), other = await StoreAsync();
        Assert.That((await (await NewAsync(one)).ReleaseAsync()).State, Is.EqualTo(SettleState.Done));
        await NewAsync(other);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_call_whose_server_has_died_is_decided_by_the_first_repeat(bool isTransactional)
    {
        await using ConnectionMultiplexer redis = await _redis.ConnectAsync();
        RedisReplyStore dead = await RedisReplyStore.UseAsync(redis, s_patient), other = await StoreAsync(), third = await StoreAsync();
        IReplyClaim claim = await NewAsync(dead, isTransactional: isTransactional), unrepeated = await NewAsync(dead, s_call with { Xid = 9 });
        await dead.DisposeAsync();
        ClaimResult decided = await other.ClaimAsync(s_call, isTransactional), again = await third.ClaimAsync(s_call, isTransactional);
        Assert.That((decided.State, again.State), Is.EqualTo(isTransactional ? (ClaimState.New, ClaimState.InProgress) : (ClaimState.Unknown, ClaimState.Unknown)));

        // The connection is the test's, so the server can go on, as one that was taken for dead does.
        Assert.That((await claim.RecordAsync(s_reply)).State, Is.EqualTo(SettleState.Lost));
        Assert.That((await claim.ReleaseAsync()).State, Is.EqualTo(SettleState.Lost));
        if (isTransactional)
            Assert.That((await decided.Claim!.RecordAsync(s_reply)).State, Is.EqualTo(SettleState.Done));
        Assert.That((await unrepeated.RecordAsync(s_reply)).State, Is.EqualTo(SettleState.Done), "no repeat has come meanwhile");
    }

    [Test]
    public async Task A_lease_is_renewed_for_as_long_as_its_server_lives_and_so_is_the_claim_of_a_call_that_takes_long()
    {
        RedisReplyStoreOptions options = new() { Lease = TimeSpan.FromSeconds(1), Time = TimeSpan.FromSeconds(12) };
        RedisReplyStore one = await StoreAsync(options), other = await StoreAsync(options);
        await NewAsync(one);
        using ConnectionMultiplexer redis = await _redis.ConnectAsync();
        TimeSpan least = options.Time;
        Eventually.Holds(
            () =>
            {
                TimeSpan left = redis.GetDatabase().KeyTimeToLive(Key) ?? TimeSpan.Zero;
                bool wasRenewed = left > least;
                least = left < least ? left : least;
                return wasRenewed;
            },
            "the claim is renewed");
        Assert.That((await other.ClaimAsync(s_call, isTransactional: false)).State, Is.EqualTo(ClaimState.InProgress).Or.EqualTo(ClaimState.Unknown), "never a second run");
    }

    [Test]
    public async Task A_reply_that_is_too_long_is_unknown_to_repeats()
    {
        RedisReplyStore store = await StoreAsync(s_patient with { LongestReply = s_reply.Length - 1 });
        Assert.That((await (await NewAsync(store)).RecordAsync(s_reply)).State, Is.EqualTo(SettleState.Done));
        Assert.That(await StatesAsync(store), Is.EqualTo(new[] { ClaimState.Unknown }));
    }

    [Test]
    public async Task While_Redis_is_down_claims_fail_and_what_was_recorded_is_there_when_it_is_back()
    {
        RedisReplyStore store = await StoreAsync();
        IReplyClaim recorded = await NewAsync(store), running = await NewAsync(store, s_call with { Xid = 9 });
        await recorded.RecordAsync(s_reply);
        _redis.Kill();
        Assert.That(async () => await store.ClaimAsync(s_call with { Xid = 10 }, isTransactional: false), Throws.InstanceOf<ReplyStoreException>());
        Assert.That(async () => await running.RecordAsync(s_reply), Throws.InstanceOf<ReplyStoreException>());
        await _redis.RestartAsync();
        Assert.That(await EventuallyAsync(store, s_call), Is.EqualTo(ClaimState.Answered));
        Assert.That(await EventuallyAsync(store, s_call with { Xid = 9 }), Is.EqualTo(ClaimState.Answered), "recorded since");
        Assert.That(await EventuallyAsync(store, s_call with { Xid = 10 }), Is.EqualTo(ClaimState.New));
    }

    [Test]
    public async Task While_Redis_does_not_answer_claims_fail_and_those_that_it_then_finds_are_given_up()
    {
        RedisReplyStore store = await RedisReplyStore.ConnectAsync(_redis.Configuration);
        _stores.Add(store);
        _redis.Stop();
        Assert.That(async () => await store.ClaimAsync(s_call, isTransactional: false).AsTask().WaitAsync(Eventually.Deadline), Throws.InstanceOf<ReplyStoreException>());
        _redis.Continue();
        Assert.That(await EventuallyAsync(store, s_call, unless: ClaimState.InProgress), Is.EqualTo(ClaimState.New));
    }

    [Test]
    public void Where_there_is_no_Redis_a_store_says_so() => Assert.That(
        async () => await RedisReplyStore.ConnectAsync($"!{_redis.Path}.not"), Throws.InstanceOf<ReplyStoreException>().With.Message.Contains(_redis.Path));

    [TestCase(0.5, 120, 65536)]
    [TestCase(3, 2, 65536)]
    [TestCase(3, 120, 23)]
    public void Options_out_of_their_range_are_refused(double lease, int time, int longest) => Assert.That(
        async () => await StoreAsync(new() { Lease = TimeSpan.FromSeconds(lease), Time = TimeSpan.FromSeconds(time), LongestReply = longest }),
        Throws.InstanceOf<ArgumentOutOfRangeException>());

    private static string Key => $"multiplex:{s_call}";

    private async Task<RedisReplyStore> StoreAsync(RedisReplyStoreOptions? options = null)
    {
        RedisReplyStore store = await RedisReplyStore.ConnectAsync(_redis.Configuration, options ?? s_patient, RedisServer.Patiently);
        _stores.Add(store);
        return store;
    }

    private static async Task<IReplyClaim> NewAsync(RedisReplyStore store, CallIdentity? call = null, bool isTransactional = false)
    {
        ClaimResult found = await store.ClaimAsync(call ?? s_call, isTransactional);
        Assert.That(found.State, Is.EqualTo(ClaimState.New));
        return found.Claim!;
    }

    private static async Task<ClaimState[]> StatesAsync(params RedisReplyStore[] stores)
    {
        List<ClaimState> states = [];
        foreach (RedisReplyStore store in stores)
            states.Add((await store.ClaimAsync(s_call, isTransactional: false)).State);
        return [.. states];
    }

    // The first answer that is another one.
    private static async Task<ClaimState> EventuallyAsync(RedisReplyStore store, CallIdentity call, ClaimState unless = ClaimState.InProgress)
    {
        ClaimState? state = null;
        for (long end = Environment.TickCount64 + (long)Eventually.Deadline.TotalMilliseconds; Environment.TickCount64 < end && (state is null || state == unless); await Task.Delay(10))
        {
            try
            {
                state = (await store.ClaimAsync(call, isTransactional: false)).State;
            }
            catch (ReplyStoreException)
            {
                // not connected yet
            }
        }

        return state ?? throw new TimeoutException("Redis did not come back");
    }
}
