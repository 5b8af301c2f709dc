using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Tests.Support.ScriptedConnection;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Misbehaviour of a server over a connection of any kind, and what happens to the calls.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Unix)]
[TestFixture(EndpointKind.UnixPacket)]
public class RpcClientTroubleTests(EndpointKind kind) : RpcClientFixture(kind)
{
    [Test]
    public void Replies_in_reverse_order_each_find_their_call()
    {
        const int Count = 200;
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall[] calls = [.. Enumerable.Range(0, Count).Select(_ => connection.Receive())];
            foreach (ReceivedCall call in calls.Reverse())
                connection.Answer(call.Xid, call.Arguments);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(
            Results(Enumerable.Range(0, Count).Select(i => CallAsync(client, Add, (ulong)i))),
            Is.EqualTo(Enumerable.Range(0, Count).Select(i => (ulong)i)));
    }

    [Test]
    public void Replies_to_threads_that_block_find_them_in_any_order()
    {
        const int Count = 8;
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall[] calls = [.. Enumerable.Range(0, Count).Select(_ => connection.Receive())];
            foreach (ReceivedCall call in calls.Reverse())
                connection.Answer(call.Xid, call.Arguments);
            EchoAll(connection);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Background<ulong>[] threads = [.. Enumerable.Range(0, Count).Select(i => Background.Run(() => Call(client, Add, (ulong)i)))];
        Assert.That(threads.Select(thread => thread.Result()), Is.EqualTo(Enumerable.Range(0, Count).Select(i => (ulong)i)));
        Assert.That(Call(client, Add, 99), Is.EqualTo(99), "and somebody leads again");
    }

    [Test]
    public void Messages_that_answer_no_call_are_counted_and_passed_over()
    {
        using ScriptedServer server = Serve(connection =>
        {
            uint xid = connection.Receive().Xid;
            connection.Answer(xid ^ 0x8000_0000, 1);
            connection.Send(Record([1, 2]));
            connection.Answer(xid, 0, 0, 0, 0, 0, 0, 0, 1);
            connection.Answer(xid, 0, 0, 0, 0, 0, 0, 0, 1);
            EchoAll(connection);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(Call(client, Add, 7), Is.EqualTo(1));
        Assert.That(Call(client, Add, 8), Is.EqualTo(8));
        Assert.That(client.Counters.UnmatchedReplies, Is.EqualTo(3));
    }

    [Test]
    public void A_call_from_the_server_is_refused_and_fails_no_call_even_with_its_xid()
    {
        byte[] fromServer = [.. Word(0), .. Word(2), .. Word(0x4000_0000), .. Word(1), .. new byte[20]];   // CALL, RPC version 2
        List<ReceivedCall> refusals = [];
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            foreach (uint xid in (uint[])[call.Xid, 99])
                connection.Send(Record([.. Word(xid), .. fromServer]));
            connection.Send(Record([.. Word(call.Xid), .. fromServer[..8]]));   // cut off: no answer
            connection.Send(Record([.. Word(98), .. Word(0), .. Word(3), .. fromServer[8..]]));
            refusals.AddRange(Enumerable.Range(0, 3).Select(_ => connection.Receive()));
            connection.Answer(call.Xid, call.Arguments);
            EchoAll(connection);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(Call(client, Add, 7), Is.EqualTo(7));
        Assert.That(refusals.Take(2).Select(one => one.Message[4..]), Is.All.EqualTo((byte[])[.. Word(1), .. new byte[12], .. Word(1)]), "REPLY, MSG_ACCEPTED, PROG_UNAVAIL");
        Assert.That(refusals.Skip(1).Select(one => one.Xid), Is.EqualTo((uint[])[99, 98]));
        Assert.That(refusals[2].Message[4..], Is.EqualTo((byte[])[.. Word(1), .. Word(1), .. Word(0), .. Word(2), .. Word(2)]), "MSG_DENIED, RPC_MISMATCH, from 2 to 2");
        Assert.That(client.Counters.CallsRefused, Is.EqualTo(4));
        Assert.That(client.Counters.UnmatchedReplies, Is.Zero);
        Assert.That(Call(client, Add, 8), Is.EqualTo(8));
    }

    [Test]
    public void A_connection_that_the_server_closes_after_a_reply_is_not_used_for_the_next_call([Values] bool looped, [Values] bool withBytes)
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
            if (withBytes)
                connection.Answer(call.Xid, call.Arguments);   // recv(2) returns the unread bytes before the end of file
        });
        using RpcClient client = new(server.Endpoint, Patient);
        for (int i = 1; i < 5; i++)
        {
            Assert.That(looped ? Results([CallAsync(client, Add, 1)])[0] : Call(client, Add, 1), Is.EqualTo(1));
            Eventually.Holds(() => server.Ended == i, "the server closes the connection");
            if (looped)
                Eventually.Holds(() => !client.IsConnected, "the loop hears of it");
            else
                server.AwaitEnd();
        }

        Assert.That(server.Connections, Is.EqualTo(4));
    }

    [Test]
    public void Calls_that_are_posted_and_not_sent_outlive_a_connection_that_the_server_closes()
    {
        List<byte[]> posted = [];
        using ScriptedServer server = Serve(connection =>
        {
            if (connection.Number > 1)
                posted.AddRange(Enumerable.Range(0, 3).Select(_ => connection.Receive().Arguments));
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
            if (connection.Number > 1)
                connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(Call(client, Add, 1), Is.EqualTo(1));
        foreach (ulong amount in (ulong[])[10, 11])
            client.Batch(Add, amount, (writer, value) => writer.WriteUInt64(value));
        server.AwaitEnd();
        client.OneWay(Add, 12UL, (writer, value) => writer.WriteUInt64(value));
        Assert.That(Call(client, Add, 2), Is.EqualTo(2));
        Assert.That(posted, Is.EqualTo((byte[][])[[0, 0, 0, 0, 0, 0, 0, 10], [0, 0, 0, 0, 0, 0, 0, 11], [0, 0, 0, 0, 0, 0, 0, 12]]));
    }

    [Test]
    public void A_call_that_was_sent_and_may_not_be_repeated_fails_when_the_connection_breaks([Values] bool reset)
    {
        using ScriptedServer server = Serve(connection =>
        {
            if (connection.Number > 1)
                EchoAll(connection);
            if (reset)
                connection.CloseUnread();
            else
                connection.Receive();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(
            () => Call(client, Add, 1),
            Throws.TypeOf<RpcConnectionException>().With.Message.Contains(reset ? "ECONNRESET" : "closed the connection without a reply"));
        Assert.That(Call(client, Add, 2), Is.EqualTo(2), "on a new connection");
    }

    [Test]
    public void A_call_that_may_be_repeated_is_sent_again_with_its_xid([Values] bool awaited)
    {
        List<uint> xids = [];
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            lock (xids)
                xids.Add(call.Xid);
            if (connection.Number < 3)
                return;
            connection.Answer(call.Xid, call.Arguments);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(awaited ? Results([CallAsync(client, Idempotent, 5)])[0] : Call(client, Idempotent, 5), Is.EqualTo(5));
        Assert.That(xids, Has.Count.EqualTo(3));
        Assert.That(xids.Distinct().Count(), Is.EqualTo(1));
        Assert.That(client.Counters.Reconnects, Is.EqualTo(2));
    }

    [Test]
    public void With_a_server_that_keeps_its_replies_every_call_is_sent_again()
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            if (connection.Number == 1)
                return;
            connection.Answer(call.Xid, call.Arguments);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient with { ServerKeepsReplies = true });
        Assert.That(Call(client, Add, 5), Is.EqualTo(5));
    }

    [Test]
    public void A_repeat_that_the_server_drops_since_it_still_runs_the_call_is_sent_again()
    {
        List<uint> xids = [];
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            xids.Add(call.Xid);
            if (connection.Number == 1)
                return;
            call = connection.Receive();
            xids.Add(call.Xid);
            connection.Answer(call.Xid, call.Arguments);
            connection.AwaitEnd();
        });
        using RpcClient client = new(
            server.Endpoint, Patient with { ServerKeepsReplies = true, FirstRetry = TimeSpan.FromMilliseconds(20), LongestRetry = Eventually.Deadline });
        Assert.That(Call(client, Add, 5), Is.EqualTo(5));
        Assert.That(xids, Has.Count.EqualTo(3).And.All.EqualTo(xids[0]));
    }

    [Test]
    public void Where_no_new_connection_can_be_made_the_calls_fail_with_both_reasons()
    {
        ScriptedServer? server = null;
        server = Serve(connection =>
        {
            ReceivedCall first = connection.Receive();
            connection.Answer(first.Xid, first.Arguments);
            connection.Receive();
            server!.Dispose();
        });
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectFor = TimeSpan.FromMilliseconds(50) });

        // After a reply the client counts the time from the end of the connection. Before one it counts it from the beginning, and a slow server uses it up.
        Assert.That(Call(client, Idempotent, 1), Is.EqualTo(1));
        Assert.That(
            () => Call(client, Idempotent, 2),
            Throws.TypeOf<RpcConnectionException>().With.Message.Contains("no new connection can be made").And.Message.Contains("ECONNREFUSED"));
    }

    [Test]
    public void An_idle_connection_that_the_server_has_closed_is_not_used()
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(Results([CallAsync(client, Add, 1)])[0], Is.EqualTo(1));

        // The loop sees the end at once; a client without a loop checks before it calls. The call, which must not be repeated, is sent once.
        Eventually.Holds(() => !client.IsConnected, "the client knows that the connection has ended");
        Assert.That(Call(client, Add, 2), Is.EqualTo(2));
        Assert.That(server.Connections, Is.EqualTo(2));
    }

    [Test]
    public void A_server_that_never_answers_costs_a_call_its_time_and_no_more([Values] bool awaited)
    {
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall late = connection.Receive(), call = connection.Receive();
            connection.Answer(late.Xid, late.Arguments);
            connection.Answer(call.Xid, call.Arguments);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        RpcCallOptions hurried = new() { Timeout = TimeSpan.FromMilliseconds(50) };
        Assert.That(
            () => awaited
                ? client.CallAsync(Add, 0, (writer, _) => writer.WriteUInt64(1), (ref XdrReader reader) => reader.ReadUInt64(), hurried).AsTask().Result
                : Call(client, Add, 1, hurried),
            awaited ? Throws.InnerException.TypeOf<RpcTimeoutException>() : Throws.TypeOf<RpcTimeoutException>());
        Assert.That(Call(client, Add, 2), Is.EqualTo(2));
        Assert.That(client.Counters.UnmatchedReplies, Is.EqualTo(1));
    }

    [Test]
    public void A_call_that_is_cancelled_ends_at_once_and_its_reply_is_dropped()
    {
        using ManualResetEventSlim received = new(), cancelled = new();
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            received.Set();
            cancelled.Wait();
            connection.Answer(call.Xid, call.Arguments);
            EchoAll(connection);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        using CancellationTokenSource source = new();
        Task<ulong> call = CallAsync(client, Add, 1, source.Token);
        Assert.That(received.Wait(Eventually.Deadline), Is.True);
        source.Cancel();
        Assert.That(() => Results([call]), Throws.InnerException.InstanceOf<OperationCanceledException>());
        cancelled.Set();
        Assert.That(Call(client, Add, 2), Is.EqualTo(2));
        Assert.That(client.Counters.UnmatchedReplies, Is.EqualTo(1));
        Assert.That(() => CallAsync(client, Add, 3, source.Token), Throws.InstanceOf<OperationCanceledException>(), "cancelled before");
    }

    [Test]
    public void To_dispose_of_a_client_fails_its_calls_and_abandons_its_connection([Values] bool awaited)
    {
        using ManualResetEventSlim received = new(), ended = new();
        using ScriptedServer server = Serve(connection =>
        {
            connection.Receive();
            received.Set();
            connection.AwaitAbandoned();
            ended.Set();
        });
        RpcClient client = new(server.Endpoint, Patient);
        Background<ulong> call = Background.Run(() => awaited ? CallAsync(client, Add, 1).GetAwaiter().GetResult() : Call(client, Add, 1));
        Assert.That(received.Wait(Eventually.Deadline), Is.True);
        client.Dispose();
        client.Dispose();
        Assert.That(call.Result, Throws.TypeOf<ObjectDisposedException>());
        Assert.That(ended.Wait(Eventually.Deadline), Is.True);
        Assert.That(() => Call(client, Add, 1), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void More_calls_than_may_be_in_flight_are_refused_at_once()
    {
        using ScriptedServer server = Serve(connection => connection.AwaitEnd());
        using RpcClient client = new(server.Endpoint, Patient with { MaxInFlight = 2 });
        Task<ulong>[] calls = [CallAsync(client, Add, 1), CallAsync(client, Add, 2)];
        Assert.That(() => CallAsync(client, Add, 3), Throws.TypeOf<RpcException>().With.Message.Contains("MaxInFlight"));
        Assert.That(calls.Any(call => call.IsCompleted), Is.False);
    }

    [Test]
    public void A_server_that_reads_nothing_is_not_given_more_than_the_client_may_hold()
    {
        using ManualResetEventSlim done = new();
        using ScriptedServer server = Serve(_ => done.Wait());
        using RpcClient client = new(server.Endpoint, Patient with { MaxUnsent = 1 << 20 });
        byte[] payload = new byte[256 * 1024];
        Assert.That(
            () =>
            {
                for (int i = 0; i < 1000; i++)
                    client.OneWay(MultiplexV1.Echo, payload, (writer, value) => writer.WriteOpaque(value));
            },
            Throws.TypeOf<RpcException>().With.Message.Contains("MaxUnsent"));
        done.Set();
    }

    [Test]
    public void A_continuation_that_runs_on_the_loop_and_blocks_for_a_call_fails()
    {
        using ManualResetEventSlim awaited = new();
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall call = connection.Receive();
            awaited.Wait();
            connection.Answer(call.Xid, call.Arguments);
        });
        using RpcClient client = new(server.Endpoint, Patient with { AllowSynchronousContinuations = true });
        async Task<ulong> CallTwice()
        {
            await CallAsync(client, Add, 1).ConfigureAwait(false);
            return Call(client, Add, 2);
        }

        Task<ulong> twice = CallTwice();
        awaited.Set();
        Assert.That(() => Results([twice]), Throws.InnerException.TypeOf<InvalidOperationException>().And.InnerException.Message.Contains("await it"));
    }
}
