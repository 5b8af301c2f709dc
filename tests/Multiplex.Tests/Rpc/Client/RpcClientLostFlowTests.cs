using System.Collections.Concurrent;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>A connection that is established and brings no replies any more, as when a middlebox has dropped its state: the client closes it and makes a new one.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Unix)]
[TestFixture(EndpointKind.UnixPacket)]
public class RpcClientLostFlowTests(EndpointKind kind) : RpcClientFixture(kind)
{
    private static readonly RpcCallOptions s_hurried = new() { Timeout = TimeSpan.FromMilliseconds(20) };

    [Test]
    public void After_some_calls_in_a_row_without_a_reply_there_is_a_new_connection([Values] bool awaited)
    {
        using ScriptedServer server = Serve(connection =>
        {
            if (connection.Number > 1)
                EchoAll(connection);
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        for (int i = 0; i < 3; i++)
        {
            Assert.That(client.Counters.ConnectionsGivenUp, Is.Zero);
            Assert.That(() => Call(client, Add, 1, s_hurried), Throws.TypeOf<RpcTimeoutException>());
        }

        Assert.That(client.Counters.ConnectionsGivenUp, Is.EqualTo(1));
        Assert.That(awaited ? Results([CallAsync(client, Add, 5)])[0] : Call(client, Add, 5), Is.EqualTo(5));
        Assert.That(server.Connections, Is.EqualTo(2));
    }

    [Test]
    public void Later_calls_are_sent_again_on_it_with_their_xids_unless_they_must_not_be()
    {
        ConcurrentQueue<uint> xids = new();
        using ScriptedServer server = Serve(connection =>
        {
            while (true)
            {
                ReceivedCall call = connection.Receive();
                if (call.Arguments[^1] != 5)
                    continue;
                xids.Enqueue(call.Xid);
                if (connection.Number > 1)
                    connection.Answer(call.Xid, call.Arguments);
            }
        });
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectAfterTimeouts = 1 });
        Background<ulong> hurried = Background.Run(() => Call(client, Add, 1, new() { Timeout = TimeSpan.FromSeconds(5) }));
        Eventually.Holds(() => client.Counters.Calls == 1, "the first call is made");
        Task<ulong> repeatable = CallAsync(client, Idempotent, 5), other = CallAsync(client, Add, 6);
        Assert.That(hurried.Result, Throws.TypeOf<RpcTimeoutException>());
        Assert.That(Results([repeatable])[0], Is.EqualTo(5));
        Assert.That(() => Results([other]), Throws.InnerException.TypeOf<RpcConnectionException>().And.InnerException.Message.Contains("given up"));
        Assert.That(xids, Has.Count.EqualTo(2).And.All.EqualTo(xids.First()));
    }

    [Test]
    public void A_connection_is_kept_while_the_server_may_be_at_an_earlier_call_and_once_a_reply_has_come()
    {
        using ManualResetEventSlim answers = new();
        using ScriptedServer server = Serve(connection =>
        {
            ReceivedCall first = connection.Receive();
            answers.Wait();
            connection.Answer(first.Xid, first.Arguments);
            while (true)
            {
                ReceivedCall call = connection.Receive();
                if (call.Arguments[^1] != 1)
                    connection.Answer(call.Xid, call.Arguments);
            }
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Task<ulong> first = CallAsync(client, Add, 4);
        for (int i = 0; i < 5; i++)
            Assert.That(() => Call(client, Add, 1, s_hurried), Throws.TypeOf<RpcTimeoutException>());
        answers.Set();
        Assert.That(Results([first])[0], Is.EqualTo(4));
        for (int i = 0; i < 5; i++)
        {
            Assert.That(() => Call(client, Add, 1, s_hurried), Throws.TypeOf<RpcTimeoutException>());
            Assert.That(Call(client, Add, 2), Is.EqualTo(2));
        }

        Assert.That(server.Connections, Is.EqualTo(1));
    }

    [Test]
    public void It_may_be_left_to_the_kernel()
    {
        using ScriptedServer server = Serve(connection => connection.AwaitEnd());
        using RpcClient client = new(server.Endpoint, Patient with { ReconnectAfterTimeouts = 0 });
        for (int i = 0; i < 5; i++)
            Assert.That(() => Call(client, Add, 1, s_hurried), Throws.TypeOf<RpcTimeoutException>());
        Eventually.Holds(() => server.Connections == 1, "the server accepts the connection");   // it may be slower than all five timeouts
        Assert.That((client.Counters.ConnectionsGivenUp, server.Connections), Is.EqualTo((0, 1)));
    }
}
