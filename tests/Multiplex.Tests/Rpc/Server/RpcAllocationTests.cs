using System.Buffers.Binary;
using Multiplex.Engine;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>To answer a call allocates nothing on the managed heap.</summary>
public class RpcAllocationTests
{
    private const int Warm = 500, Counted = 1000;   // more calls to warm up than a cache of 64 entries holds: the first one that is evicted loads types

    private static IEnumerable<TestCaseData> Calls()
    {
        (MultiplexV1Procedure Procedure, MarshalArguments? Arguments)[] all =
        [
            (MultiplexV1Procedure.Null, null),
            (MultiplexV1Procedure.Echo, writer => writer.WriteOpaque(new byte[1000])),
            (MultiplexV1Procedure.Add, writer => writer.WriteUInt64(1)),
            (MultiplexV1Procedure.Whoami, null),
            (MultiplexV1Procedure.Sleep, writer => writer.WriteUInt32(0)),
            (MultiplexV1Procedure.Burn, writer => writer.WriteUInt32(0)),
            ((MultiplexV1Procedure)99, null),
        ];
        foreach ((MultiplexV1Procedure procedure, MarshalArguments? arguments) in all)
        {
            OutputBuffer call = new();
            CallWriter.Record(call, xid: 1, MultiplexV1.Of(procedure), arguments);
            yield return new TestCaseData(call.Written.ToArray()).SetArgDisplayNames(procedure.ToString());
        }
    }

    [TestCaseSource(nameof(Calls))]
    public void A_thousand_calls_allocate_nothing(byte[] call)
    {
        using ServerCounters counters = new();
        RpcProtocol protocol = new(new MultiplexProgram(counters));
        Assert.That(Allocated(protocol, call, _ => { }), Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void A_thousand_calls_that_are_remembered_allocate_nothing(int repeats)
    {
        using ServerCounters counters = new();
        using RpcProtocol protocol = new(new MultiplexProgram(counters)) { Replies = new() { Entries = 64 } };
        protocol.Open(counters);
        OutputBuffer call = new();
        CallWriter.Record(call, xid: 1, MultiplexV1.Add, writer => writer.WriteUInt64(1));
        byte[] bytes = call.Written.ToArray();
        Assert.That(Allocated(protocol, bytes, i => BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), i / repeats)), Is.Zero);
        Assert.That(counters[Counter.Sum], Is.EqualTo((Warm + Counted) / repeats));
    }

    private static long Allocated(RpcProtocol protocol, byte[] call, Action<int> change)
    {
        Peer peer = new(EndpointKind.Tcp, [2, 0, 0xC8, 0x22, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        OutputBuffer reply = new();
        long before = 0;
        for (int i = 0; i < Warm + Counted; i++)
        {
            if (i == Warm)
                before = GC.GetAllocatedBytesForCurrentThread();
            change(i);
            reply.Clear();
            FramingProgress progress = default;
            RequestReader.Consume(protocol, call, ref progress, peer, reply, mark: 1 << 20, out _);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(reply.Length, Is.GreaterThanOrEqualTo(28), "it was answered");
        return allocated;
    }
}
