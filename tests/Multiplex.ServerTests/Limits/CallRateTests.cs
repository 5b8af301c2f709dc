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
        const int Rate = 40, Burst = 60;
        using SharedCounters counters = new();
        using ServerProcess server = Start(counters, Rate, ListenForm.Tcp, ListenForm.UnixPath, ListenForm.UnixPacket);
        foreach (ServerAddress address in server.Addresses)
        {
            long before = counters[Counter.CallsLimited], began = Stopwatch.GetTimestamp();
            int calls = 0;
            using RpcPeer peer = new(address);

            // A burst that is held up on its way has its calls at less than the rate: then another one follows.
            Eventually.Holds(
                () =>
                {
                    foreach (uint xid in peer.BeginTogether(Burst, RpcWire.Null))
                        peer.Finish(xid);
                    calls += Burst;
                    return counters[Counter.CallsLimited] > before;
                },
                () => $"{address.Text}: no call of {calls} was limited");
            Assert.That(Stopwatch.GetElapsedTime(began).TotalSeconds, Is.AtLeast((double)(calls - Rate) / Rate), address.Text);
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
