using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Client;

/// <summary>A server that is stopped while calls time out, as by SIGSTOP or on a machine that swaps, and continues later.</summary>
[TestFixture(ListenForm.Tcp)]
[TestFixture(ListenForm.UnixPath)]
[TestFixture(ListenForm.UnixPacket)]
[TestFixture(ListenForm.UnixGram)]
public sealed class StoppedServerTests(ListenForm form)
{
    private const int Calls = 120, Length = 100_000;   // more than sockets hold

    private static readonly RpcCallOptions s_hurried = new() { Timeout = TimeSpan.FromMilliseconds(300) };

    [Test]
    public void What_had_not_left_the_client_when_its_time_was_up_is_not_run_later([Values(0, 3)] int reconnectAfterTimeouts)
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", form);
        using RpcClient connection = new(
            Endpoint.Parse(server.Address.Text), new() { Timeout = Eventually.Deadline, ReconnectAfterTimeouts = reconnectAfterTimeouts });
        MultiplexV1Client client = new(connection);
        Assert.That(client.Add(1), Is.EqualTo(1));
        server.Signal(Signum.SIGSTOP);
        Task[] calls = [.. Enumerable.Range(0, Calls).Select(_ => client.EchoAsync(new byte[Length], s_hurried).AsTask())];
        Task<ulong> add = client.AddAsync(7, s_hurried).AsTask();
        foreach (Task call in calls)
            Assert.That(() => call.Wait(Eventually.Deadline), Throws.InnerException.InstanceOf<RpcException>());
        AggregateException? failure = Assert.Throws<AggregateException>(() => add.Wait(Eventually.Deadline));
        Assert.That(failure!.InnerException!.Message, Does.StartWith($"call {server.Address.Text}: MultiplexV1.Add (xid 0x"));
        bool mayHaveRun = failure.InnerException is RpcTimeoutException { WasSent: true };
        if (reconnectAfterTimeouts == 0)
            Assert.That((failure.InnerException as RpcTimeoutException)?.WasSent, Is.False, () => $"{failure.InnerException}");

        // A new connection, made after the earlier calls had timed out, may have had room for the last call within its time-out, and may have been given
        // up too.
        mayHaveRun |= failure.InnerException is RpcConnectionException;
        Assert.That(mayHaveRun || failure.InnerException is RpcTimeoutException, () => $"{failure.InnerException}");
        long[] sums = mayHaveRun ? [3, 10] : [3];
        server.Signal(Signum.SIGCONT);
        Assert.That(sums, Has.Member((long)client.Add(2)));
        connection.Dispose();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(sums, Has.Member(server.FinalCount(Counter.Sum)));
    }
}
