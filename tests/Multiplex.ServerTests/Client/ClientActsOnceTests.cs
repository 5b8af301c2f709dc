using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Relays;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Client;

/// <summary>
/// A call acts once, whatever becomes of its messages on the way: ADD is not idempotent, so each call that ran twice, or never, shows in the
/// counter. Each call returns a different sum, which shows that no call got the results of another.
/// </summary>
public sealed class ClientActsOnceTests
{
    private const int Calls = 10_000;
    private const int Callers = 50;

    private static readonly RpcClientOptions s_options = new()
    {
        Authentication = RpcAuthentication.Sys(),
        ServerKeepsReplies = true,
        Timeout = Eventually.Deadline,
        FirstRetry = TimeSpan.FromMilliseconds(10),
        LongestRetry = TimeSpan.FromMilliseconds(80),
        ReconnectFor = Eventually.Deadline,
    };

    [Test]
    public void Over_UDP_that_loses_repeats_and_reorders([Values("poll", "hybrid", "prefork")] string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Udp);
        using LossyRelay relay = new(server.Address, TestContext.CurrentContext.Random.Next());
        using RpcClient client = new(relay.Endpoint, s_options);
        AddAll(client, server.Address);
        Assert.That(client.Counters.Retransmissions, Is.GreaterThan(Calls / 10));
        Assert.That(relay.Mischief.Lost, Is.GreaterThan(Calls / 5));
        Assert.That(relay.Mischief.Repeated, Is.GreaterThan(Calls / 10));
        Assert.That(relay.Mischief.Overtaken, Is.GreaterThan(Calls / 20));
    }

    [Test]
    public void Over_connections_that_are_cut_again_and_again(
        [Values("poll", "hybrid", "prefork")] string model, [Values(ListenForm.Tcp, ListenForm.UnixPath, ListenForm.UnixPacket)] ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form);
        using CuttingRelay relay = new(server.Address, TestContext.CurrentContext.Random.Next(), most: 30_000);
        using RpcClient client = new(relay.Endpoint, s_options);
        AddAll(client, server.Address);
        Assert.That(relay.Cuts, Is.AtLeast(40));
        Assert.That(client.Counters.Reconnects, Is.AtLeast(40));
    }

    private static void AddAll(RpcClient client, ServerAddress server)
    {
        Task<ulong[]>[] callers = [.. Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            ulong[] sums = new ulong[Calls / Callers];
            for (int i = 0; i < sums.Length; i++)
                sums[i] = await client.AddAsync(1);
            return sums;
        }))];
        ulong[] sums = [.. Task.WhenAll(callers).GetAwaiter().GetResult().SelectMany(some => some)];
        using RpcClient witness = new(Endpoint.Parse(server.Text));
        Assert.That(witness.Add(0), Is.EqualTo(Calls), "the counter");
        Assert.That(sums.Order(), Is.EqualTo(Enumerable.Range(1, Calls).Select(sum => (ulong)sum)), "each call's own sum");
    }
}
