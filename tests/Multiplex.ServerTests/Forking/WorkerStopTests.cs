using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Forking;

/// <summary>Preforked workers when a stop is requested.</summary>
public sealed class WorkerStopTests
{
    [TestCase(Signum.SIGTERM)]   // as systemd stops a service
    [TestCase(Signum.SIGINT)]    // as a terminal does for Ctrl-C: to the whole foreground group
    public void A_stop_signal_to_every_process_at_once_still_answers_the_call_in_progress(Signum signal)
    {
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("rpc", 4, counters.Option);
        using RpcPeer busy = new(server.Address), idle = new(server.Address);
        idle.Null();
        uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(700));
        counters.Await(Counter.Calls, 2);
        server.SignalAll(signal);
        Assert.That(busy.Finish(sleep), Is.EqualTo(RpcWire.UInt(700)));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Processes(), Is.Empty);
    }

    [Test]
    public void A_client_that_had_connected_before_is_served_by_the_worker_that_becomes_free()
    {
        using SharedCounters counters = new();
        using ServerProcess server = PreforkFixture.Start("rpc", 1, counters.Option);
        using RpcPeer busy = new(server.Address), waiting = new(server.Address);
        uint sleep = busy.Begin(RpcWire.Sleep, RpcWire.UInt(400));
        uint call = waiting.Begin(RpcWire.Add, RpcWire.Hyper(7));
        counters.Await(Counter.Calls, 1);
        server.Signal(Signum.SIGTERM);
        Assert.That(busy.Finish(sleep), Is.EqualTo(RpcWire.UInt(400)));
        Assert.That(waiting.Finish(call), Is.EqualTo(RpcWire.Hyper(7)));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(2));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(2));
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Workers_serve_every_listener_of_the_server(int listeners)
    {
        string[] endpoints = [.. Enumerable.Range(0, listeners).Select(_ => ListenForm.Tcp.NewEndpoint())];
        using ServerProcess server = ServerProcess.Start("prefork", "rpc", endpoints, "--workers", "2");
        foreach (ServerAddress address in server.Addresses.Concat(server.Addresses))
        {
            using RpcPeer peer = new(address);
            peer.Null();
            peer.Echo([1, 2, 3]);
            peer.Whoami();
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Accepted), Is.EqualTo(2 * listeners));
    }
}
