using System.Diagnostics;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>The workers of hybrid are shared between its connections, and the calls that wait for them have bounds.</summary>
[TestFixture(ListenForm.Tcp)]
[TestFixture(ListenForm.UnixPath)]
[TestFixture(ListenForm.UnixPacket)]
[TestFixture(ListenForm.Udp)]
[TestFixture(ListenForm.UnixGram)]
public sealed class SharedWorkerTests(ListenForm form)
{
    private const uint Longest = 10_000;

    [TestCase(1)]
    [TestCase(4)]
    public void Clients_whose_calls_take_long_leave_workers_to_the_others(int greedy)
    {
        long start = Stopwatch.GetTimestamp();
        while (!AnswersOthersFirst(greedy))
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(Eventually.Deadline), "each time so slow that the long calls were done");
    }

    // Whether it was so before the first of the long calls could be done: a slow machine shows nothing.
    private bool AnswersOthersFirst(int greedy)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option]);
        using RpcPeer other = new(server.Address);
        List<RpcPeer> peers = [.. Enumerable.Range(0, greedy).Select(_ => new RpcPeer(server.Address))];
        try
        {
            long began = Stopwatch.GetTimestamp();
            foreach (RpcPeer peer in peers)
            {
                for (int i = 0; i < 64; i++)
                    peer.Begin(RpcWire.Sleep, RpcWire.UInt(Longest));
            }

            counters.Await(Counter.Calls, 32);
            other.Null();
            int available = peers.Sum(peer => peer.Client.Socket.Available);
            return Stopwatch.GetElapsedTime(began).TotalMilliseconds < Longest && available == 0;
        }
        finally
        {
            peers.ForEach(peer => peer.Dispose());
        }
    }

    [Test]
    public void Calls_past_the_bound_are_answered_when_there_is_room_and_it_is_counted()
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--workers", "2", "--max-queued-calls", "3"]);
        using RpcPeer one = new(server.Address), two = new(server.Address);
        Eventually.Holds(
            () =>
            {
                uint[] ones = Begin(one, 20, 10), twos = Begin(two, 20, 10);
                foreach ((uint first, uint second) in ones.Zip(twos))
                {
                    Assert.That(one.Finish(first), Is.EqualTo(RpcWire.UInt(10)));
                    Assert.That(two.Finish(second), Is.EqualTo(RpcWire.UInt(10)));
                }

                return counters[Counter.CallQueueFull] > 0;   // not if this was held up while it sent
            },
            "the queue was never full");
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.CallQueueFull), Is.Positive);
    }

    [Test]
    public void Calls_that_wait_for_a_client_that_has_gone_are_not_run()
    {
        if (form.Kind().IsDatagram())
            Assert.Pass("the server does not know whether the sender of a datagram has gone");
        const int Calls = 60, Times = 10;
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--workers", "4"]);
        for (int i = 0; i < Times; i++)
        {
            using RpcPeer gone = new(server.Address);
            uint first = gone.Begin(RpcWire.Null);
            Begin(gone, Calls, Longest);
            gone.Finish(first);
            gone.Client.Vanish();
        }

        // Their running calls are ended early too; otherwise this would wait for half an hour.
        using RpcPeer other = new(server.Address);
        other.Null();
        Eventually.Holds(() => counters[Counter.Closed] == Times, () => $"Closed={counters[Counter.Closed]}");
        other.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.CallsDropped), Is.Positive);
        Assert.That(server.FinalCount(Counter.Calls) + server.FinalCount(Counter.CallsDropped), Is.AtMost((Times * (Calls + 1)) + 2));
    }

    [Test]
    public void Calls_that_wait_for_a_client_that_has_gone_are_not_run_however_many_it_sent()
    {
        if (form.Kind().IsDatagram())
            Assert.Pass("the server does not know whether the sender of a datagram has gone");
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--workers", "4", "--max-calls", "8"]);
        using (RpcPeer gone = new(server.Address))
        {
            Begin(gone, 100, Longest);   // so many that it is not read from
            counters.Await(Counter.Calls, 2);
            gone.Client.Vanish();
        }

        counters.Await(Counter.Closed, 1);
        using RpcPeer other = new(server.Address);
        other.Null();
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.LessThan(20));
    }

    [Test]
    public void A_source_of_datagrams_with_too_many_calls_in_progress_loses_the_next_and_the_others_lose_nothing()
    {
        if (!form.Kind().IsDatagram())
            Assert.Pass("a connection is not read from instead");
        using SharedCounters counters = new();
        using ServerProcess server = Start([.. counters.Option, "--workers", "4", "--max-calls", "4", "--max-queued-calls", "40"]);
        using RpcPeer greedy = new(server.Address), other = new(server.Address);
        Begin(greedy, 20, Longest);
        counters.Await(Counter.DatagramsDropped, 20 - 5);
        other.Null();
        Assert.That(counters[Counter.DatagramsDropped], Is.EqualTo(20 - 5), "an eighth of the calls that may wait are its share");
    }

    private ServerProcess Start(params string[] options) => ServerProcess.Start("hybrid", "rpc", form, options);

    private static uint[] Begin(RpcPeer peer, int calls, uint milliseconds) =>
        [.. Enumerable.Range(0, calls).Select(_ => peer.Begin(RpcWire.Sleep, RpcWire.UInt(milliseconds)))];
}
