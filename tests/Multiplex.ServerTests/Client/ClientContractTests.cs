using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Client;

/// <summary>What a client does on every kind of endpoint, against the real server.</summary>
[TestFixture(ListenForm.Tcp)]
[TestFixture(ListenForm.TcpOverIPv6)]
[TestFixture(ListenForm.UnixPath)]
[TestFixture(ListenForm.UnixPacket)]
[TestFixture(ListenForm.Udp)]
[TestFixture(ListenForm.UnixGram)]
public sealed class ClientContractTests(ListenForm form) : SharedServer("epoll", "rpc", form)
{
    private static readonly RpcClientOptions s_patient = new() { Timeout = Eventually.Deadline };

    private static T[] Results<T>(IEnumerable<Task<T>> calls)
    {
        Task<T[]> all = Task.WhenAll(calls);
        Task.WhenAny(all, Task.Delay(2 * Eventually.Deadline)).GetAwaiter().GetResult();
        Assert.That(all.IsCompleted, Is.True, "every call ends");
        return all.GetAwaiter().GetResult();   // throws the first failure
    }

    private RpcClient Connect(RpcClientOptions? options = null) => new(Endpoint.Parse(Server.Address.Text), options ?? s_patient);

    [Test]
    public void A_call_is_answered_whether_a_thread_waits_or_it_is_awaited()
    {
        using RpcClient client = Connect();
        foreach (int length in (int[])[0, 1, 5, 30_000])
        {
            byte[] payload = RandomBytes(length);
            Assert.That(client.Echo(payload), Is.EqualTo(payload));
            Assert.That(Results([client.EchoAsync(payload)])[0], Is.EqualTo(payload));
        }

        Assert.That(client.Sleep(1), Is.EqualTo(1));
        Assert.That(client.Call(Procedures.NullProcedure, 0, (_, _) => { }, (ref XdrReader _) => true), Is.True);

        // A call that was sent again may be answered twice.
        Assert.That(client.Counters.UnmatchedReplies, Is.AtMost(client.Counters.Retransmissions));
    }

    [Test]
    public void Thousands_of_calls_in_flight_each_get_their_own_results()
    {
        const int Count = 10_000;
        using RpcClient client = Connect();
        byte[][] payloads = [.. Enumerable.Range(0, Count).Select(i => BitConverter.GetBytes(i))];
        Assert.That(Results(payloads.Select(client.EchoAsync)), Is.EqualTo(payloads));
    }

    [Test]
    public void Threads_that_wait_and_calls_that_are_awaited_share_a_client()
    {
        using RpcClient client = Connect();
        Task<bool>[] callers = [.. Enumerable.Range(0, 8).Select(number => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < 200; i++)
                {
                    byte[] payload = BitConverter.GetBytes((1000 * number) + i);
                    byte[] echo = number % 2 == 0 ? client.Echo(payload) : client.EchoAsync(payload).GetAwaiter().GetResult();
                    if (!echo.AsSpan().SequenceEqual(payload))
                        return false;
                }

                return true;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        Assert.That(Results(callers), Has.All.True);
    }

    [Test]
    public void Calls_that_are_given_up_in_every_way_leave_the_others_alone()
    {
        const int Rounds = 150;
        using RpcClient client = Connect();
        int seed = TestContext.CurrentContext.Random.Next();
        Task<bool>[] callers = [.. Enumerable.Range(0, 6).Select(number => Task.Factory.StartNew(
            () => Enumerable.Range(0, Rounds).All(round => IsRight(client, new Random(seed + (number * Rounds) + round))),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        Assert.That(Results(callers), Has.All.True);
        Assert.That(client.Echo([1]), Is.EqualTo((byte[])[1]));
    }

    // One call or several, of random procedures; some are cancelled before a reply can arrive.
    private static bool IsRight(RpcClient client, Random random)
    {
        byte[] payload = new byte[random.Next(200)];
        random.NextBytes(payload);
        switch (random.Next(6))
        {
            case 0:
                return client.Echo(payload).AsSpan().SequenceEqual(payload);
            case 1:
                return client.EchoAsync(payload).GetAwaiter().GetResult().AsSpan().SequenceEqual(payload);
            case 2:
                return Results(Enumerable.Range(0, 20).Select(_ => client.EchoAsync(payload))).All(echo => echo.AsSpan().SequenceEqual(payload));
            case 3:
                using (CancellationTokenSource source = new())
                {
                    Task<uint> call = client.SleepAsync(1, source.Token);
                    if (random.Next(2) == 0)
                        Thread.Yield();
                    source.Cancel();
                    return IsGivenUpOr(1, () => call.GetAwaiter().GetResult());
                }

            case 4:
                return IsGivenUpOr(2, () => client.Sleep(2, new() { Timeout = TimeSpan.FromMilliseconds(1) }));
            default:
                client.OneWay(Procedures.EchoProcedure, payload, Procedures.WriteOpaque);
                return true;
        }
    }

    private static bool IsGivenUpOr(uint expected, Func<uint> call)
    {
        try
        {
            return call() == expected;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcTimeoutException)
        {
            return true;
        }
    }

    [Test]
    public void Each_refusal_of_the_server_is_reported()
    {
        using RpcClient client = Connect();
        void Call(RpcProcedure procedure) => client.Call(procedure, 0u, Procedures.WriteUInt, (ref XdrReader _) => true);
        RpcProcedure echo = Procedures.EchoProcedure;
        Assert.That(() => Call(echo with { Program = 7 }), Throws.TypeOf<RpcProgramUnavailableException>());
        Assert.That(
            () => Call(echo with { Version = 9 }),
            Throws.TypeOf<RpcProgramMismatchException>().With.Property("Low").EqualTo(1).And.Property("High").EqualTo(1));
        Assert.That(() => Call(echo with { Number = 99 }), Throws.TypeOf<RpcProcedureUnavailableException>());
        Assert.That(() => Call(Procedures.NullProcedure), Throws.TypeOf<RpcGarbageArgumentsException>());
        Assert.That(client.Echo([1]), Is.EqualTo((byte[])[1]), "and the client goes on");
    }

    [Test]
    public void A_client_with_AUTH_SYS_is_served()
    {
        using RpcClient client = Connect(s_patient with { Authentication = RpcAuthentication.Sys() });
        Assert.That(client.Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        using RpcClient crowd = Connect(s_patient with { Authentication = RpcAuthentication.Sys(1, "here", 2, 3, new uint[40]) });
        Assert.That(crowd.Echo([1]), Is.EqualTo((byte[])[1]), "more groups than 16 are cut off");
    }

    [Test]
    public void Batched_calls_leave_with_the_next_call_or_when_they_are_flushed()
    {
        using RpcClient client = Connect();
        ulong before = client.Add(0);
        for (int i = 0; i < 50; i++)
            client.Batch(Procedures.AddProcedure, 1ul, Procedures.WriteHyper);
        Assert.That(Sum(), Is.EqualTo(before), "they are kept");
        Assert.That(client.Add(0), Is.EqualTo(before + 50), "a call takes them along");
        client.Batch(Procedures.AddProcedure, 1ul, Procedures.WriteHyper);
        client.Flush();
        client.OneWay(Procedures.AddProcedure, 1ul, Procedures.WriteHyper);
        Eventually.Holds(() => Sum() == before + 52, () => $"the sum is {Sum()}");

        ulong Sum()
        {
            using RpcClient other = Connect();
            return other.Add(0);
        }
    }

    [Test]
    public void A_call_that_is_given_up_does_not_disturb_the_next()
    {
        using RpcClient client = Connect();
        using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(20));
        Task<uint> cancelled = client.SleepAsync(200, source.Token);
        Assert.That(() => Results([cancelled]), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => client.Sleep(200, new() { Timeout = TimeSpan.FromMilliseconds(20) }), Throws.TypeOf<RpcTimeoutException>());
        Assert.That(client.Echo([1]), Is.EqualTo((byte[])[1]));
        Eventually.Holds(() => Looked() >= 2, () => $"{client.Counters} tells of two replies that nobody waited for");

        // Replies to calls that were given up are received together with the next reply.
        long Looked()
        {
            client.Echo([2]);
            return client.Counters.UnmatchedReplies;
        }
    }
}
