using System.Collections.Concurrent;
using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Tests.Support.ScriptedConnection;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>The options of a single call: its time-out, and how it is repeated.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Unix)]
[TestFixture(EndpointKind.UnixPacket)]
public class RpcCallOptionsTests(EndpointKind kind) : RpcClientFixture(kind)
{
    private const uint SystemErr = 5;

    private static readonly RpcRetryPolicy s_quick = new() { FirstPause = TimeSpan.FromMilliseconds(1) };

    private static void RefuseFirst(ScriptedConnection connection, int refusals, ConcurrentQueue<uint> xids)
    {
        while (true)
        {
            ReceivedCall call = connection.Receive();
            xids.Enqueue(call.Xid);
            if (refusals-- > 0)
                connection.Send(Record([.. Word(call.Xid), .. Word(1), .. new byte[12], .. Word(SystemErr)]));
            else
                connection.Answer(call.Xid, call.Arguments);
        }
    }

    // Called by a thread that blocks, or awaited.
    private static ulong Call(RpcClient client, RpcProcedure procedure, bool awaited, RpcCallOptions? options = null) => awaited
        ? client.CallAsync(
            procedure, 7ul, static (writer, amount) => writer.WriteUInt64(amount), static (ref XdrReader reader) => reader.ReadUInt64(), options)
            .AsTask().WaitAsync(Eventually.Deadline).GetAwaiter().GetResult()
        : Call(client, procedure, 7, options);

    [Test]
    public void A_thread_that_looks_for_its_reply_gets_it_whether_it_comes_sooner_or_later_than_that()
    {
        TimeSpan spin = TimeSpan.FromMilliseconds(2);
        using ScriptedServer server = Serve(connection =>
        {
            for (int i = 0; ; i++)
            {
                ReceivedCall call = connection.Receive();
                if (i == 50)
                {
                    connection.AwaitAbandoned();   // the call that times out
                    return;
                }

                if (i % 10 == 0)
                    Thread.Sleep(3 * spin);
                connection.Answer(call.Xid, call.Arguments);
            }
        });
        using RpcClient client = new(server.Endpoint, Patient with { Spin = spin });
        Assert.That(Enumerable.Range(0, 50).Select(i => Call(client, Add, (ulong)i)), Is.EqualTo(Enumerable.Range(0, 50)));
        Assert.That(() => Call(client, Add, 0, new() { Timeout = TimeSpan.FromMilliseconds(1) }), Throws.TypeOf<RpcTimeoutException>());
    }

    [Test]
    public void The_earlier_of_timeout_and_deadline_ends_a_call([Values] bool awaited)
    {
        using ScriptedServer server = Serve(connection => connection.AwaitEnd());
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectAfterTimeouts = 0 });
        TimeSpan soon = TimeSpan.FromMilliseconds(30), late = 10 * Eventually.Deadline;
        foreach (RpcCallOptions options in (RpcCallOptions[])
            [
                new() { Timeout = soon },
                new() { Timeout = soon, Deadline = DateTimeOffset.UtcNow + late },
                new() { Timeout = late, Deadline = DateTimeOffset.UtcNow + soon },
                new() { Timeout = Timeout.InfiniteTimeSpan, Deadline = DateTimeOffset.UtcNow + TimeSpan.FromMilliseconds(200) },
            ])
        {
            Assert.That(() => Call(client, Add, awaited, options), Throws.TypeOf<RpcTimeoutException>());
        }

        using RpcClient hurried = new(server.Endpoint, new() { Timeout = soon });
        Assert.That(() => Call(hurried, Add, awaited), Throws.TypeOf<RpcTimeoutException>());
        Assert.That(() => Call(hurried, Add, awaited, new() { Deadline = DateTimeOffset.UtcNow + late }), Throws.TypeOf<RpcTimeoutException>());
    }

    [Test]
    public void A_call_whose_deadline_has_passed_is_not_sent([Values] bool awaited)
    {
        using ScriptedServer server = Serve(EchoAll);
        using RpcClient client = new(server.Endpoint, Patient);
        RpcCallOptions past = new() { Deadline = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(1) };
        Assert.That(
            () => Call(client, Add, awaited, past),
            Throws.TypeOf<RpcTimeoutException>().With.Property("WasSent").EqualTo(false).And.Message.Contains("deadline has passed"));
        Assert.That((client.Counters.Calls, Call(client, Add, awaited)), Is.EqualTo((0, 7)));
    }

    [Test]
    public void An_idempotent_call_that_the_server_failed_is_made_again([Values] bool awaited)
    {
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection => RefuseFirst(connection, 2, xids));
        using RpcClient client = new(server.Endpoint, Patient with { Retry = s_quick });
        Assert.That(Call(client, Idempotent, awaited), Is.EqualTo(7));
        Assert.That((client.Counters.Calls, client.Counters.Retries), Is.EqualTo((1, 2)));
        Assert.That(xids.Distinct().Count(), Is.EqualTo(3), "each attempt is a call of its own");
    }

    [Test]
    public void A_call_is_made_as_often_as_the_policy_says_and_then_fails([Values] bool awaited)
    {
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection => RefuseFirst(connection, int.MaxValue, xids));
        using RpcClient client = new(server.Endpoint, Patient with { Retry = s_quick with { Attempts = 4 } });
        Assert.That(() => Call(client, Idempotent, awaited), Throws.TypeOf<RpcSystemErrorException>());
        Assert.That(xids, Has.Count.EqualTo(4));
        Assert.That(() => Call(client, Idempotent, awaited, new() { Retry = RpcRetryPolicy.None }), Throws.TypeOf<RpcSystemErrorException>());
        Assert.That(xids, Has.Count.EqualTo(5), "a call's own policy comes before its client's");
        Assert.That(() => Call(client, Add, awaited), Throws.TypeOf<RpcSystemErrorException>());
        Assert.That(xids, Has.Count.EqualTo(6), "what is not idempotent is not made again");
    }

    [Test]
    public void A_call_is_not_made_again_after_its_time([Values] bool awaited)
    {
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection => RefuseFirst(connection, int.MaxValue, xids));
        TimeSpan longer = 10 * Eventually.Deadline;
        using RpcClient client = new(server.Endpoint, Patient with { Retry = new() { FirstPause = longer, LongestPause = longer } });
        Assert.That(() => Call(client, Idempotent, awaited), Throws.TypeOf<RpcSystemErrorException>(), "at once, as the pause would be too long");
        Assert.That(xids, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_call_that_waits_to_be_made_again_can_be_cancelled_and_ends_with_its_client([Values] bool cancelled)
    {
        TimeSpan pause = Eventually.Deadline / 2;
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection => RefuseFirst(connection, int.MaxValue, xids));
        using RpcClient client = new(server.Endpoint, Patient with { Retry = new() { FirstPause = pause, LongestPause = pause } });
        using CancellationTokenSource source = new();
        Task<ulong> call = CallAsync(client, Idempotent, 7, source.Token);
        Eventually.Holds(() => client.Counters.Retries == 1, "the call waits");
        if (cancelled)
            source.Cancel();
        else
            client.Dispose();
        Assert.That(() => call.WaitAsync(Eventually.Deadline).GetAwaiter().GetResult(), cancelled ? Throws.InstanceOf<OperationCanceledException>() : Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void A_connection_that_cannot_be_made_for_a_while_is_an_attempt([Values] bool awaited)
    {
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection =>
        {
            if (connection.Number > 2)
                EchoAll(connection);
            connection.Receive();   // and closes without a reply, so that the call ends at once: the client does not reconnect
        });
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectFor = TimeSpan.Zero, Retry = s_quick with { Attempts = 5 } });
        Assert.That(Call(client, Idempotent, awaited), Is.EqualTo(7));
        Assert.That(client.Counters.Retries, Is.EqualTo(2));
    }

    [Test]
    public void A_failure_says_which_call_of_which_server_it_was([Values] bool awaited)
    {
        using ScriptedServer server = Serve(connection => RefuseFirst(connection, 1, new()));
        using RpcClient client = new(server.Endpoint, Patient);
        RpcException failure = Assert.Throws<RpcSystemErrorException>(() => Call(client, Add with { Name = "ADD" }, awaited))!;
        Assert.That((failure.Server, failure.Procedure.Name), Is.EqualTo((server.Endpoint, "ADD")));
        Assert.That(failure.Message, Is.EqualTo($"call {server.Endpoint}: ADD (xid 0x{failure.Xid:x8}): SYSTEM_ERR: the server failed"));
    }

    [Test]
    public void Calls_that_end_with_their_connection_each_have_a_failure_of_their_own()
    {
        using ScriptedServer server = Serve(connection =>
        {
            connection.Receive();
            connection.Receive();
        });
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectFor = TimeSpan.Zero });
        Task<ulong>[] calls = [CallAsync(client, Add, 1), CallAsync(client, Add, 2)];
        RpcException[] failures = [.. calls.Select(call => Assert.Throws<RpcConnectionException>(() => call.WaitAsync(Eventually.Deadline).GetAwaiter().GetResult())!)];
        Assert.That(failures[0].Xid, Is.Not.EqualTo(failures[1].Xid));
        Assert.That(failures.Select(one => one.Message), Has.All.Contains($"call {server.Endpoint}: MultiplexV1.Add (xid "));
    }
}

/// <summary>A time-out reports how much of the reply had arrived.</summary>
public class RpcPartialReplyTests() : RpcClientFixture(EndpointKind.Tcp)
{
    [TestCase(0, 1, "nothing of a reply had arrived")]
    [TestCase(10, 5, "10 bytes had arrived of its reply, which was not whole")]   // which must arrive in time
    public void A_time_out_says_what_had_arrived(int bytes, int seconds, string message)
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            if (bytes > 0)
                connection.Send(Reply(call.Xid, new byte[8])[..bytes]);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectAfterTimeouts = 0 });
        RpcTimeoutException failure = Assert.Throws<RpcTimeoutException>(() => Call(client, Add, 1, new() { Timeout = TimeSpan.FromSeconds(seconds) }))!;
        Assert.That((failure.ArrivedBytes, failure.WasSent), Is.EqualTo((bytes, true)));
        Assert.That(failure.Message, Does.Contain($"no reply in {seconds} s").And.Contain(message));
    }

    [Test]
    public void A_connection_that_ends_within_a_reply_says_how_much_had_arrived()
    {
        using ScriptedServer server = Serve(connection => connection.Send(Reply(connection.Receive().Xid, new byte[8])[..20]));
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectFor = TimeSpan.Zero });
        Assert.That(() => Call(client, Add, 1), Throws.TypeOf<RpcConnectionException>().With.Message.Contains("in the middle of a reply, of which 20 bytes had arrived"));
    }
}
