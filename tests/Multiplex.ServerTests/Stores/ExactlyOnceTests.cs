using System.Collections.Concurrent;
using System.Text;
using Mono.Unix.Native;
using Multiplex.Rpc;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Redis;
using Multiplex.ServerTests.Harness.Relays;
using NUnit.Framework;
using StackExchange.Redis;

namespace Multiplex.ServerTests.Stores;

/// <summary>
/// docs/samples/fleetbank on three servers: each transfer records its reply in the transaction of its effect, so it takes place exactly once, whatever becomes of connections and servers on the way.
/// </summary>
public sealed class ExactlyOnceTests
{
    private const int Servers = 3, Clients = 20, CallsAtATime = 2, Transfers = 10_000, Accounts = 200, Kills = 6;
    private const long Opening = 1000_00;

    // A busy machine is no failure.
    private const string Patience = ",asyncTimeout=60000,syncTimeout=60000,connectTimeout=30000";

    private static readonly RpcProcedure s_transfer = new(0x2000_4801, 1, 1, IsIdempotent: false);

    private static readonly RpcClientOptions s_options = new()
    {
        Authentication = RpcAuthentication.Sys(),
        ServerKeepsReplies = true,
        Timeout = 2 * Eventually.Deadline,
        FirstRetry = TimeSpan.FromMilliseconds(100),
        LongestRetry = TimeSpan.FromMilliseconds(500),
        ReconnectFor = 2 * Eventually.Deadline,
    };

    private readonly ConcurrentDictionary<string, Transfer> _done = new();

    [Test]
    public async Task Ten_thousand_transfers_while_servers_are_killed_and_connections_are_cut()
    {
        await using RedisServer redis = await RedisServer.StartAsync();
        using ConnectionMultiplexer connection = await redis.ConnectAsync();
        IDatabase database = connection.GetDatabase();
        for (int account = 0; account < Accounts; account++)
            await database.StringSetAsync($"account:{account}", Opening);

        string[] endpoints = [.. Enumerable.Range(0, Servers).Select(_ => $"unix:@multiplex-fleetbank-{Guid.NewGuid():N}")];
        ServerProcess[] servers = await Task.WhenAll(endpoints.Select(endpoint => Task.Run(() => Start(redis, endpoint))));
        try
        {
            using CuttingRelay relay = new([.. servers.Select(server => server.Address)], TestContext.CurrentContext.Random.Next(), most: 60_000);
            RpcClient[] clients = [.. Enumerable.Range(0, Clients).Select(_ => new RpcClient(relay.Endpoint, s_options))];
            Task[] callers = [.. clients.SelectMany((client, i) => Enumerable.Range(0, CallsAtATime).Select(j => Task.Run(() => CallAsync(client, $"{i}.{j}"))))];
            Task calls = Task.WhenAll(callers);
            for (int kill = 1; kill <= Kills; kill++)
            {
                int from = kill * Transfers / (Kills + 1);
                while (_done.Count < from && !calls.IsCompleted)
                    await Task.Delay(1);
                int victim = TestContext.CurrentContext.Random.Next(Servers);
                servers[victim].Signal(Signum.SIGKILL);
                servers[victim].Dispose();
                servers[victim] = Start(redis, endpoints[victim]);
            }

            await calls;
            Assert.That(relay.Cuts, Is.AtLeast(Clients), "connections were cut");
            Assert.That(clients.Sum(client => client.Counters.Reconnects), Is.AtLeast(Clients));
            foreach (RpcClient client in clients)
                client.Dispose();
        }
        finally
        {
            foreach (ServerProcess server in servers)
                server.Dispose();
        }

        Dictionary<int, long> expected = Enumerable.Range(0, Accounts).ToDictionary(account => account, _ => Opening);
        foreach (Transfer one in _done.Values)
        {
            expected[one.From] -= one.Cents;
            expected[one.To] += one.Cents;
        }

        RedisValue[] references = await database.ListRangeAsync("transfers");
        Assert.That(references.Select(one => one.ToString()).Order(), Is.EqualTo(_done.Keys.Order()), "each transfer took place once");
        Assert.That(references, Has.Length.EqualTo(Transfers));
        Dictionary<int, long> balances = [];
        for (int account = 0; account < Accounts; account++)
            balances[account] = (long)await database.StringGetAsync($"account:{account}");
        Assert.That(balances, Is.EqualTo(expected));
        Assert.That(balances.Values.Sum(), Is.EqualTo(Accounts * Opening), "to the cent");
    }

    private static ServerProcess Start(RedisServer redis, string endpoint)
    {
        string[] ours = AppContext.BaseDirectory.TrimEnd('/').Split('/');
        string program = Path.Combine(Repository.Root, "docs/samples/fleetbank/bin", ours[^2], ours[^1], "fleetbank.dll");
        return ServerProcess.StartProgram(Tools.Require("dotnet"), [program, redis.Configuration + Patience, endpoint]);
    }

    private async Task CallAsync(RpcClient client, string caller)
    {
        Random random = new(caller.GetHashCode(StringComparison.Ordinal));
        for (int i = 0; i < Transfers / Clients / CallsAtATime; i++)
        {
            int from = random.Next(Accounts);
            Transfer transfer = new(from, (from + random.Next(1, Accounts)) % Accounts, random.Next(1, 100), $"{caller}.{i}");
            (int status, long left) = await client.CallAsync(
                s_transfer,
                transfer,
                static (writer, one) =>
                {
                    writer.WriteUInt32((uint)one.From);
                    writer.WriteUInt32((uint)one.To);
                    writer.WriteInt64(one.Cents);
                    writer.WriteOpaque(Encoding.ASCII.GetBytes(one.Reference));
                },
                static (ref reader) => (reader.ReadInt32(), reader.ReadInt64()));
            Assert.That((status, left >= 0), Is.EqualTo((0, true)), transfer.Reference);
            Assert.That(_done.TryAdd(transfer.Reference, transfer), Is.True);
        }
    }

    private sealed record Transfer(int From, int To, long Cents, string Reference);
}
