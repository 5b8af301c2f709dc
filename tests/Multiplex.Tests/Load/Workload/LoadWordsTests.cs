using Multiplex.Load.Measuring;
using Multiplex.Load.Workload;
using Multiplex.Sockets;

namespace Multiplex.Tests.Load.Workload;

/// <summary>Objectives, calls and weights: how they are written, and what they mean.</summary>
public class LoadWordsTests
{
    [TestCase("p99<2ms", "p99", 2_000_000)]
    [TestCase("p99.9<300us", "p99.9", 300_000)]
    [TestCase("max<1.5s", "max", 1_500_000_000)]
    [TestCase("mean<10ms", "mean", 10_000_000)]
    public void An_objective_is_read_and_written(string text, string figure, long limit)
    {
        Objective objective = Objective.ParseAll(text).Single();
        Assert.That(objective, Is.EqualTo(new Objective(figure, limit)));
        Assert.That(objective.ToString(), Is.EqualTo(text));
    }

    [TestCase("")]
    [TestCase("p99")]
    [TestCase("p99<2")]
    [TestCase("p101<2ms")]
    [TestCase("q99<2ms")]
    [TestCase("p99>2ms")]
    [TestCase("p99<0ms")]
    [TestCase("p99<2ms,")]
    public void What_is_no_objective_is_refused(string text) =>
        Assert.That(() => Objective.ParseAll(text), Throws.TypeOf<FormatException>().With.Message.Contains("p99<2ms"));

    [Test]
    public void An_objective_is_held_by_latencies_below_its_limit_and_by_none_at_all_it_is_not()
    {
        LatencyHistogram latencies = new();
        Objective median = Objective.ParseAll("p50<1us").Single();
        Assert.That(median.IsHeldBy(latencies), Is.False);
        latencies.Record(999);
        latencies.Record(5000);
        Assert.That(median.IsHeldBy(latencies), Is.True);
        Assert.That(Objective.ParseAll("max<5us").Single().IsHeldBy(latencies), Is.False, "below, not at");
    }

    [TestCase("null", MultiplexV1Procedure.Null, 0u)]
    [TestCase("echo", MultiplexV1Procedure.Echo, 0u)]
    [TestCase("sleep:10", MultiplexV1Procedure.Sleep, 10u)]
    [TestCase("add:4294967295", MultiplexV1Procedure.Add, uint.MaxValue)]
    public void A_call_is_read_and_written(string text, MultiplexV1Procedure procedure, uint argument)
    {
        Assert.That(MixedCall.Parse(text), Is.EqualTo(new MixedCall(procedure, argument)));
        Assert.That(MixedCall.Parse(text).ToString(), Is.EqualTo(text));
    }

    [TestCase("")]
    [TestCase("dance")]
    [TestCase("1")]
    [TestCase("echo:1")]
    [TestCase("sleep")]
    [TestCase("sleep:")]
    [TestCase("sleep:10001")]
    [TestCase("sleep:1:2")]
    [TestCase("burn:-1")]
    public void What_is_no_call_is_refused(string text) => Assert.That(() => MixedCall.Parse(text), Throws.TypeOf<FormatException>());

    [Test]
    public void Each_of_several_things_has_its_share_in_no_order()
    {
        WeightedChoice<char> choice = new([new('a', 90), new('b', 9.9), new('c', 0.1)]);
        char[] chosen = [.. Enumerable.Range(0, 100_000).Select(number => choice.Of((uint)number))];
        Assert.That(chosen.Count(c => c == 'a'), Is.EqualTo(90_000).Within(600));
        Assert.That(chosen.Count(c => c == 'b'), Is.EqualTo(9_900).Within(600));
        Assert.That(chosen.Count(c => c == 'c'), Is.EqualTo(100).Within(60));
        Assert.That(Enumerable.Range(0, 100_000).Select(number => choice.Of((uint)number)), Is.EqualTo(chosen), "a reply is checked against the same");
    }

    [Test]
    public void Every_procedure_of_a_mix_is_checked_by_its_own_reply([Values(EndpointKind.Tcp, EndpointKind.Udp)] EndpointKind kind)
    {
        using ServerCounters counters = new();
        RpcProtocol protocol = new(new MultiplexProgram(counters));
        protocol.Open(counters);   // WHOAMI returns how many calls were counted
        string[] calls = ["null", "echo", "sleep:1", "burn:2", "add:3", "whoami"];
        RpcExchange exchange = new(kind, new RequestMix([.. calls.Select(call => new Weighted<MixedCall>(MixedCall.Parse(call), 1))], [new(0, 1), new(77, 1)]));
        int[] lengths = [.. Enumerable.Range(0, 50).Select(number =>
        {
            byte[] reply = Reply(protocol, exchange, kind, (uint)number);
            Assert.That(exchange.Check(reply, 0, out int length, out uint answered), Is.EqualTo(ReplyOutcome.Right), $"{number}");
            Assert.That((length, answered), Is.EqualTo((reply.Length, (uint)number)));
            Assert.That(exchange.Check([.. reply, 0, 0, 0, 0], 0, out length, out _) == ReplyOutcome.Right && length > reply.Length, Is.False, "it is longer");
            if (kind == EndpointKind.Tcp)
                Assert.That(exchange.Check(reply.AsSpan(..^1), 0, out _, out _), Is.EqualTo(ReplyOutcome.Incomplete));
            reply[^1] ^= 1;

            // NULL, SLEEP and ECHO have one right reply. BURN and ADD return a number that is not known beforehand, WHOAMI ends with padding.
            bool isExact = reply.Length - (kind == EndpointKind.Tcp ? RecordMarking.HeaderLength : 0) is 24 or 28 or 108;
            Assert.That(exchange.Check(reply, 0, out _, out _), isExact ? Is.EqualTo(ReplyOutcome.Wrong) : Is.AnyOf(ReplyOutcome.Right, ReplyOutcome.Wrong));
            reply[^1] ^= 1;
            reply[kind == EndpointKind.Tcp ? 27 : 23] = 4;   // accept_stat GARBAGE_ARGS
            Assert.That(exchange.Check(reply, 0, out _, out _), Is.EqualTo(ReplyOutcome.Wrong));
            return reply.Length;
        })];
        Assert.That(lengths.Distinct().Count(), Is.GreaterThan(4), "all of them came");
    }

    private static byte[] Reply(RpcProtocol protocol, RpcExchange exchange, EndpointKind kind, uint number)
    {
        OutputBuffer call = new(), reply = new();
        exchange.Write(call, number);
        if (kind == EndpointKind.Tcp)
            Assert.That(protocol.AnswerFrame(call.Written, default, reply), Is.True);
        else
            protocol.AnswerMessage(call.Written, default, reply);
        return reply.Written.ToArray();
    }
}
