using System.Diagnostics;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>How many calls a client makes in a second, on every model.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class CallRateTests(string model)
{
    [Test]
    public void Past_the_rate_calls_wait_and_each_is_answered()
    {
        const int Rate = 40, More = 20;
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, Rate, ListenForm.Tcp, ListenForm.UnixPath, ListenForm.UnixPacket);
        long limited = 0;
        foreach (ServerAddress address in server.Addresses)
        {
            long began = Stopwatch.GetTimestamp();
            using RpcPeer peer = new(address);
            foreach (uint xid in (uint[])[.. Enumerable.Range(0, Rate + More).Select(_ => peer.Begin(RpcWire.Null))])
                peer.Finish(xid);
            Assert.That(Stopwatch.GetElapsedTime(began).TotalSeconds, Is.AtLeast((double)More / Rate), address.Text);
            counters.Await(Counter.CallsLimited, ++limited);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(counters[Counter.ProtocolErrors] + counters[Counter.CutOff], Is.Zero);
    }

    [Test]
    public void A_server_that_stops_answers_the_calls_that_wait()
    {
        const int Calls = 50;   // at the rate, longer than a server may take to stop
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, rate: 1, ListenForm.Tcp);
        using RpcPeer peer = new(server.Address);
        uint[] calls = [.. Enumerable.Range(0, Calls).Select(_ => peer.Begin(RpcWire.Null))];
        counters.Await(Counter.CallsLimited, 1);
        server.Signal(Mono.Unix.Native.Signum.SIGTERM);
        foreach (uint xid in calls)
            peer.Finish(xid);
        Assert.That(server.WaitForExit(Eventually.Deadline), Is.Zero);
        Assert.That(counters[Counter.CutOff], Is.Zero);
    }

    [Test]
    public void Past_the_rate_datagrams_are_dropped()
    {
        ListenForm[] forms = [.. Cells.FormsOf(model).Where(form => form is ListenForm.Udp or ListenForm.UnixGram)];
        if (forms.Length == 0)
            return;
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, rate: 1, forms);
        long limited = 0;
        foreach (ServerAddress address in server.Addresses)
        {
            using RpcPeer peer = new(address);
            peer.Null();
            for (int i = 0; i < 20; i++)
                peer.Begin(RpcWire.Null);
            counters.Await(Counter.CallsLimited, ++limited);
            limited = counters[Counter.CallsLimited];
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    private ServerProcess Start(SharedCounters counters, int rate, params ListenForm[] forms) =>
        ServerProcess.Start(model, "rpc", [.. forms.Select(form => form.NewEndpoint())], ["--max-calls-per-second", $"{rate}", .. counters.Option]);
}
