using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Tests.Rpc.Generator;
using Multiplex.Tests.Rpc.Server;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Models;

/// <summary>A server of the library runs a call that is not idempotent once, unless its options say otherwise.</summary>
public class ActsOnceByDefaultTests
{
    private const int ReplyLength = 36;   // a record with one unsigned hyper

    private const string Pings = """
        using Multiplex.Rpc;
        using Multiplex.Rpc.Server;

        [RpcProgram(0x20004545)]
        public partial interface IPings
        {
            [Procedure(1, Idempotent = true)] uint Ping(uint number);
        }

        public sealed class Pings : PingsV1Server
        {
            protected override uint Ping(in RpcCall call, uint number) => number;
        }

        public static class Make
        {
            public static IRpcProgram Program() => new Pings();
        }
        """;

    private static byte[] Add()
    {
        OutputBuffer call = new();
        CallWriter.Record(call, xid: 7, MultiplexV1.Add, writer => MultiplexV1Client.WriteAdd(writer, 3));
        return call.Written.ToArray();
    }

    private static (byte Last, long Sum, long Hits) Repeat(Func<ServerCounters, RpcProtocol> protocol)
    {
        RpcProtocol? served = null;
        using RunningServer server = new(ServerModelCatalog.Find("epoll")!.Create(), counters => served = protocol(counters));
        using Client client = server.Connect();
        client.Send(Add());
        client.Read(ReplyLength);
        client.Send(Add());
        byte last = client.Read(ReplyLength)[^1];
        client.Dispose();
        (byte, long, long) outcome = (last, server.Counters[Counter.Sum], server.Counters[Counter.ReplyCacheHits]);
        server.Dispose();
        served!.Dispose();
        return outcome;
    }

    [Test]
    public void A_repeated_call_gets_the_first_ones_reply() =>
        Assert.That(Repeat(counters => new(new MultiplexProgram(counters))), Is.EqualTo(((byte)3, 3L, 1L)));

    [Test]
    public void A_repeated_call_is_run_again_where_that_was_asked_for() =>
        Assert.That(Repeat(counters => new(new MultiplexProgram(counters)) { Replies = null }), Is.EqualTo(((byte)6, 6L, 0L)));

    [Test]
    public void A_server_that_takes_over_a_protocol_counts_for_itself_and_remembers_what_was_answered_before()
    {
        OutputBuffer reply = new();
        Peer peer = new(EndpointKind.Udp, [2, 0, 0xC8, 0x22, 127, 0, 0, 1, .. new byte[8]]);
        using ServerCounters counters = new();
        using RpcProtocol protocol = new(new MultiplexProgram(counters));
        using (ServerCounters first = new())
        {
            protocol.Open(first);
            protocol.AnswerFrame(Add(), peer, reply);
        }

        protocol.Open(counters);
        protocol.AnswerFrame(Add(), peer, reply);
        Assert.That((counters[Counter.Sum], counters[Counter.ReplyCacheHits]), Is.EqualTo((3L, 1L)));
    }

    [Test]
    public void Programs_whose_procedures_are_all_idempotent_have_no_cache()
    {
        IRpcProgram pings = StubCompiler.Compile([], Pings).Load().GetType("Make")!.GetMethod("Program")!.CreateDelegate<Func<IRpcProgram>>()();
        using ServerCounters counters = new();
        using RpcProtocol one = new(pings), both = new(pings, new MultiplexProgram(counters));
        one.Open(counters);
        both.Open(counters);
        Assert.That((one.KeepsReplies, both.KeepsReplies), Is.EqualTo((false, true)));
    }

    [Test]
    public void A_program_that_does_not_say_so_has_one()
    {
        using ServerCounters counters = new();
        using RpcProtocol protocol = new(new OneProcedure(1, 1, (in RpcCall _, Multiplex.Rpc.Xdr.XdrWriter _) => { }));
        protocol.Open(counters);
        Assert.That(protocol.KeepsReplies, Is.True);
    }
}
