using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using Multiplex.ServerTests.Harness.Redis;
using Multiplex.ServerTests.Harness.Relays;
using NUnit.Framework;

namespace Multiplex.ServerTests.Stores;

/// <summary><c>serve --reply-store</c>: servers that share a Redis, in processes of their own.</summary>
public sealed class ReplyStoreOptionTests
{
    private const string None = "redis+unix:///nonexistent";

    private static readonly RpcClientOptions s_options = new()
    {
        Authentication = RpcAuthentication.Sys(),
        ServerKeepsReplies = true,
        Timeout = 2 * Eventually.Deadline,
        FirstRetry = TimeSpan.FromMilliseconds(20),
        LongestRetry = TimeSpan.FromMilliseconds(200),
        ReconnectFor = 2 * Eventually.Deadline,
    };

    [TestCase("epoll")]
    [TestCase("hybrid")]
    [TestCase("uring")]
    [TestCase("threads")]
    public async Task Two_servers_behind_a_proxy_that_cuts_connections_run_each_call_once(string model)
    {
        const int Calls = 1000, Callers = 20;
        FleetCommand.Require();
        await using RedisServer redis = await RedisServer.StartAsync();
        ServerProcess[] servers = [.. Enumerable.Range(0, 2).Select(_ => Start(redis, model))];
        try
        {
            using CuttingRelay relay = new([.. servers.Select(server => server.Address)], TestContext.CurrentContext.Random.Next(), most: 10_000);
            using RpcClient client = new(relay.Endpoint, s_options);
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
            {
                for (int i = 0; i < Calls / Callers; i++)
                    await client.AddAsync(1);
            }));
            Assert.That(relay.Cuts, Is.AtLeast(5));
            ulong[] sums = [.. servers.Select(Sum)];
            Assert.That(sums[0] + sums[1], Is.EqualTo(Calls));
            Assert.That(sums, Has.None.Zero, "both have run some");
        }
        finally
        {
            foreach (ServerProcess server in servers)
                server.Dispose();
        }
    }

    [Test]
    public async Task While_Redis_is_down_a_call_that_is_not_idempotent_is_refused_and_others_go_on()
    {
        FleetCommand.Require();
        await using RedisServer redis = await RedisServer.StartAsync();
        using ServerProcess server = Start(redis, "epoll");
        using RpcClient client = new(Sockets.Endpoint.Parse(server.Address.Text), s_options);
        Assert.That(await client.AddAsync(1), Is.EqualTo(1));
        redis.Kill();
        RpcRefusedException? refused = await Assert.CatchAsync<RpcRefusedException>(async () => await client.AddAsync(1));
        Assert.That(refused!.Name, Is.EqualTo("SYSTEM_ERR"));
        Eventually.Holds(() => server.Errors.Any(line => line.Contains("the reply store could not be reached", StringComparison.Ordinal)), () => string.Join('\n', server.Errors));
        Assert.That(client.Echo([1, 2, 3]), Is.EqualTo(new byte[] { 1, 2, 3 }));
        await redis.RestartAsync();
        ulong sum = 0;
        for (long end = Environment.TickCount64 + (long)Eventually.Deadline.TotalMilliseconds; sum == 0; await Task.Delay(20))
        {
            try
            {
                sum = await client.AddAsync(1);
            }
            catch (RpcRefusedException) when (Environment.TickCount64 < end)
            {
                // not connected again yet
            }
        }

        Assert.That(sum, Is.EqualTo(2), "no refused call was run");
    }

    [TestCase("write redis://HOST[:PORT][/DB]", "--reply-store", "memcached://localhost")]
    [TestCase("write redis://HOST[:PORT][/DB]", "--reply-store", "redis://localhost/first")]
    [TestCase("REDISCLI_AUTH", "--reply-store", "redis://me:secret@localhost")]
    [TestCase("fork forks, and a child has no thread", "--model", "fork", "--reply-store", None)]
    [TestCase("echo shares no replies; rpc does", "--protocol", "echo", "--reply-store", None)]
    [TestCase("leave out one of them", "--chroot", "/", "--reply-store", None)]
    public void Wrong_usage_is_one_line(string line, params string[] options)
    {
        string[] model = options.Contains("--model") ? [] : ["--model", "epoll"];
        ProgramRun run = ProgramRun.Multiplex(["serve", .. model, "--listen", "tcp://127.0.0.1:0", .. options]);
        Assert.That((run.Status, run.Lines, run.Errors.Length), Is.EqualTo((2, Array.Empty<string>(), 1)));
        Assert.That(run.Errors[0], Does.Contain(line));
    }

    [Test]
    public void Where_there_is_no_Redis_a_server_does_not_start()
    {
        FleetCommand.Require();
        ProgramRun run = ProgramRun.Multiplex("serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0", "--reply-store", None);
        Assert.That((run.Status, run.Lines, run.Errors.Length), Is.EqualTo((1, Array.Empty<string>(), 1)));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: Redis at ").And.Contain("/nonexistent: no connection"));
    }

    private static ServerProcess Start(RedisServer redis, string model) =>
        ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--reply-store", $"redis+unix://{redis.Path}");

    private static ulong Sum(ServerProcess server)
    {
        using RpcClient witness = new(Sockets.Endpoint.Parse(server.Address.Text));
        return witness.Add(0);
    }
}
