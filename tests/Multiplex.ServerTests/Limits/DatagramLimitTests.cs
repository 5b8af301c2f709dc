using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>Where threads answer the datagrams of a socket, a bounded number is read ahead; the others stay in the socket.</summary>
[TestFixture(ListenForm.Udp)]
[TestFixture(ListenForm.UnixGram)]
public sealed class DatagramLimitTests(ListenForm form)
{
    private const int Calls = 8;
    private const uint Sleep = 200;

    [Test]
    public void Calls_past_the_limit_wait_in_the_socket_and_are_answered_when_there_is_room()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters.Option);
        using RpcPeer peer = new(server.Address);
        int times = 0;
        Eventually.Holds(
            () =>
            {
                times++;
                FinishAll(peer, BeginAll(peer));
                return counters[Counter.CallQueueFull] > 0;   // not if this was held up while it sent
            },
            "the queue was never full");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Datagrams), Is.EqualTo(times * Calls));
        Assert.That(server.FinalCount(Counter.CallQueueFull), Is.Positive);
    }

    [Test]
    public void Calls_that_wait_in_the_socket_when_the_server_is_to_stop_are_answered_before_the_end()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters.Option);
        using RpcPeer peer = new(server.Address);
        uint[] calls = BeginAll(peer);
        counters.Await(Counter.Calls, 1);
        server.Signal(Signum.SIGTERM);
        FinishAll(peer, calls);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    private ServerProcess Start(params string[] options) =>
        ServerProcess.Start("hybrid", "rpc", form, ["--workers", "1", "--max-queued-calls", "2", .. options]);

    private static uint[] BeginAll(RpcPeer peer) =>
        [.. Enumerable.Range(0, Calls).Select(_ => peer.Begin(RpcWire.Sleep, RpcWire.UInt(Sleep)))];

    private static void FinishAll(RpcPeer peer, uint[] calls)
    {
        foreach (uint call in calls)
            Assert.That(peer.Finish(call), Is.EqualTo(RpcWire.UInt(Sleep)));
    }
}
