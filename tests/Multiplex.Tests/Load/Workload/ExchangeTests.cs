using Multiplex.Load.Workload;
using Multiplex.Sockets;

namespace Multiplex.Tests.Load.Workload;

/// <summary>A reply counts as right only if every byte of it is right.</summary>
public class ExchangeTests
{
    private static byte[] RequestOf(Exchange exchange, uint sequence)
    {
        OutputBuffer buffer = new();
        exchange.Write(buffer, sequence);
        return buffer.Written.ToArray();
    }

    private static byte[] ReplyTo(byte[] call)
    {
        using ServerCounters counters = new();
        OutputBuffer reply = new();
        Assert.That(new RpcProtocol(new MultiplexProgram(counters)).AnswerFrame(call, default, reply), Is.True);
        return reply.Written.ToArray();
    }

    [TestCase(1)]
    [TestCase(64)]
    [TestCase(5000)]
    public void An_echo_with_any_byte_changed_is_wrong(int size)
    {
        EchoExchange exchange = new(EndpointKind.Tcp, size);
        byte[] reply = RequestOf(exchange, 7);
        Assert.That(exchange.Check(reply, 7, out int length, out uint answered), Is.EqualTo(ReplyOutcome.Right));
        Assert.That(length, Is.EqualTo(size));
        Assert.That(exchange.Check(reply.AsSpan(1), 7, out _, out _), Is.EqualTo(ReplyOutcome.Incomplete));
        for (int i = 0; i < size; i += 31)
        {
            reply[i] ^= 1;
            Assert.That(exchange.Check(reply, 7, out _, out _), Is.EqualTo(ReplyOutcome.Wrong), $"byte {i}");
            reply[i] ^= 1;
        }
    }

    [TestCase(4)]
    [TestCase(64)]
    public void Echoes_are_checked_against_their_own_requests_when_later_ones_have_been_written(int size)
    {
        EchoExchange exchange = new(EndpointKind.Tcp, size);
        byte[] first = RequestOf(exchange, 7), second = RequestOf(exchange, 8);
        Assert.That(exchange.Check(first, 7, out _, out _), Is.EqualTo(ReplyOutcome.Right));
        Assert.That(exchange.Check(second, 7, out _, out _), Is.EqualTo(ReplyOutcome.Wrong), "the echo of another request");
        Assert.That(exchange.Check(second, 8, out _, out _), Is.EqualTo(ReplyOutcome.Right));
    }

    [TestCase(0)]
    [TestCase(61)]
    [TestCase(64)]
    public void An_RPC_reply_with_any_byte_changed_is_not_right(int size)
    {
        RpcExchange exchange = new(EndpointKind.Tcp, size);
        byte[] reply = ReplyTo(RequestOf(exchange, 7));
        Assert.That(exchange.Check(reply, 7, out int length, out uint answered), Is.EqualTo(ReplyOutcome.Right));
        Assert.That(length, Is.EqualTo(reply.Length));
        Assert.That(answered, Is.EqualTo(7));
        Assert.That(exchange.Check(reply, 8, out _, out answered), Is.EqualTo(ReplyOutcome.Right), "the reply to another call");
        Assert.That(answered, Is.EqualTo(7));
        Assert.That(exchange.Check(reply.AsSpan(..^1), 7, out _, out _), Is.EqualTo(ReplyOutcome.Incomplete));
        for (int i = 0; i < reply.Length; i++)
        {
            reply[i] ^= 1;
            bool right = exchange.Check(reply, 7, out _, out answered) == ReplyOutcome.Right && answered == 7;
            Assert.That(right, Is.False, $"byte {i}");
            reply[i] ^= 1;
        }
    }

    [Test]
    public void A_call_of_the_servers_is_distinguished_from_a_reply([Values(EndpointKind.Tcp, EndpointKind.Udp)] EndpointKind kind, [Values] bool ofAnyProgram)
    {
        Exchange exchange = ofAnyProgram
            ? new ProcedureExchange(kind, new(77, 1, 0), default, RpcAuthentication.None, check: null)
            : new RpcExchange(kind, 64);
        byte[] echo = RequestOf(exchange, 9), call = [.. echo];
        call[kind == EndpointKind.Tcp ? 16 : 12] ^= 1;   // the program
        Assert.That(exchange.Check(echo, 9, out _, out _), Is.EqualTo(ReplyOutcome.Wrong), "a server of another protocol sends back what it gets");
        Assert.That(exchange.HasCallsOfServer, Is.True);
        Assert.That(exchange.Check(call, 9, out int length, out _), Is.EqualTo(ReplyOutcome.Call));
        Assert.That(length, Is.EqualTo(call.Length));
        if (kind == EndpointKind.Tcp)
            Assert.That(exchange.Check(call.AsSpan(..^1), 9, out _, out _), Is.EqualTo(ReplyOutcome.Incomplete));
    }
}
