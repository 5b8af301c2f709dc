using System.Diagnostics;
using Multiplex.Load.Engine;
using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Load.Agents;

/// <summary>Generators that each make a part make together what one would make alone.</summary>
public class LoadPartTests
{
    [Test]
    public void The_shares_add_up([Range(1, 5)] int count, [Values(0, 1, 7, 100)] int all)
    {
        int[] shares = [.. Enumerable.Range(0, count).Select(index => new LoadPart(index, count).ShareOf(all))];
        Assert.That(shares.Sum(), Is.EqualTo(all));
        Assert.That(shares.Max() - shares.Min(), Is.LessThanOrEqualTo(1));
    }

    // 1,000 calls a second for half a second on 5 connections, in three parts of two threads each.
    [Test]
    public void Parts_of_an_open_loop_make_its_calls_and_no_more([Values] ArrivalSpacing spacing)
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadOptions whole = Load(server) with { Arrivals = OpenLoop.At(1000, spacing) };
        LoadTally[] parts = Run(whole, 3);
        Assert.That(parts.Select(part => part.RepliesByConnection.Count), Is.EquivalentTo([2, 2, 1]));
        Assert.That(parts.Sum(part => part.Errors.Total), Is.Zero);

        // What has no reply a second after the end is given up: the server may have seen it or not.
        long answered = parts.Sum(part => part.Latencies.Count - part.Unanswered);
        Assert.That(server.Numbers.Count, Is.InRange(answered, answered + parts.Sum(part => part.Unanswered)));
        if (spacing == ArrivalSpacing.Constant)
            Assert.That(parts.Select(part => part.Latencies.Count).Order(), Is.EqualTo([166L, 167L, 167L]), "each takes every third of 500");
        else
            Assert.That(parts.Select(part => part.Latencies.Count).Distinct().Count(), Is.GreaterThan(1), "parts do not make their calls at the same moments");
    }

    [Test]
    public void Parts_make_so_many_requests_together()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        LoadTally[] parts = Run(Load(server) with { Requests = 101, Duration = TimeSpan.FromMinutes(1) }, 2);
        Assert.That(parts.Select(part => part.Replies), Is.EqualTo([51L, 50L]));
        Assert.That(server.Numbers, Has.Count.EqualTo(101));
    }

    [Test]
    public void It_begins_when_it_is_to_begin()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        long begins = 0;
        int before = -1;
        LoadTally tally = LoadGenerator.Run(Load(server) with
        {
            Requests = 10,
            Duration = Eventually.Deadline,
            BeginAt = () =>
            {
                before = server.Numbers.Count;
                return begins = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 5);
            },
        });
        DateTimeOffset wall = DateTimeOffset.UtcNow;
        long now = Stopwatch.GetTimestamp();   // after it: the time between both makes the last limit wider, not narrower
        Assert.That(before, Is.Zero, "no call is sent before it");
        Assert.That(now, Is.GreaterThan(begins));
        Assert.That(tally.Replies, Is.EqualTo(10));
        Assert.That(tally.StartedAt, Is.LessThanOrEqualTo(wall));
        Assert.That(tally.StartedAt, Is.GreaterThan(wall - Stopwatch.GetElapsedTime(begins, now) - TimeSpan.FromMilliseconds(100)), "the clock on the wall was read then");
    }

    [Test]
    public void A_wait_for_the_beginning_ends_when_it_is_cancelled()
    {
        using MessageServer server = new(EndpointKind.UnixPacket, "rpc");
        using CancellationTokenSource stop = new();
        LoadTally tally = LoadGenerator.Run(
            Load(server) with
            {
                BeginAt = () =>
                {
                    stop.Cancel();
                    return Stopwatch.GetTimestamp() + (3600 * Stopwatch.Frequency);
                },
            },
            cancelled: stop.Token);
        Assert.That((tally.IsInterrupted, tally.Replies), Is.EqualTo((true, 0L)));
    }

    private static LoadTally[] Run(LoadOptions whole, int count) =>
        [.. Task.WhenAll(Enumerable.Range(0, count).Select(index => Task.Run(() => LoadGenerator.Run(whole with { Part = new(index, count) })))).GetAwaiter().GetResult()];

    private static LoadOptions Load(MessageServer server) => new()
    {
        Server = server.Endpoint,
        Exchange = () => new RpcExchange(EndpointKind.UnixPacket, 64),
        Connections = 5,
        Threads = 2,
        Duration = TimeSpan.FromMilliseconds(500),
    };
}
