using System.Buffers.Binary;
using Multiplex.Engine;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Tests.Rpc.Server;

/// <summary>To answer a call allocates nothing on the managed heap.</summary>
public class RpcAllocationTests
{
    private const int Counted = 900;   // more than a cache of 64 entries holds: the first entry that is evicted loads types

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
    public void Calls_allocate_nothing(byte[] call)
    {
        using ServerCounters counters = new();
        RpcProtocol protocol = new(new MultiplexProgram(counters));
        Assert.That(Allocated(protocol, call, _ => { }), Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Calls_that_are_remembered_allocate_nothing(int repeats)
    {
        using ServerCounters counters = new();
        using RpcProtocol protocol = new(new MultiplexProgram(counters)) { Replies = new() { Entries = 64 } };
        protocol.Open(counters);
        OutputBuffer call = new();
        CallWriter.Record(call, xid: 1, MultiplexV1.Add, writer => writer.WriteUInt64(1));
        byte[] bytes = call.Written.ToArray();
        Assert.That(Allocated(protocol, bytes, i => BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), i / repeats)), Is.Zero);
        Assert.That(counters[Counter.Sum], Is.EqualTo(4 * Counted / repeats));
    }

    [Test]
    public void Calls_of_an_async_procedure_that_ends_at_once_allocate_nothing()
    {
        using ServerCounters counters = new();
        using RpcProtocol protocol = new(new Async()) { Replies = new() { Entries = 64 } };
        protocol.Open(counters);
        Assert.That(Allocated(protocol, Call(1), _ => { }), Is.Zero, "by a ValueTask, with a token");
        byte[] once = Call(3);
        Assert.That(Allocated(protocol, once, i => BinaryPrimitives.WriteInt32BigEndian(once.AsSpan(4), i)), Is.Zero, "a call that is remembered");
    }

    [Test]
    public void A_call_of_an_async_procedure_that_ends_at_once_allocates_its_context_alone()
    {
        using ServerCounters counters = new();
        RpcProtocol protocol = new(new Async());
        long context = OneContext();
        Assert.That(Allocated(protocol, Call(2), _ => { }), Is.EqualTo(Counted * context));
    }

    // Bytes of the context object, for a procedure that takes one.
    private static long OneContext()
    {
        GC.KeepAlive(new Multiplex.Rpc.RpcContext());
        long before = GC.GetAllocatedBytesForCurrentThread();
        GC.KeepAlive(new Multiplex.Rpc.RpcContext());
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static byte[] Call(uint procedure)
    {
        OutputBuffer call = new();
        CallWriter.Record(call, xid: 1, new(Async.ProgramNumber, 1, procedure), writer => writer.WriteUInt32(7));
        return call.Written.ToArray();
    }

    /// <summary>A stub as the generator writes it.</summary>
    private sealed class Async : IRpcProgram
    {
        public const uint ProgramNumber = 0x2000_4547;

        public uint Number => ProgramNumber;

        public uint Version => 1;

        public IReadOnlyList<ProcedureEntry> Procedures =>
        [
            new(1, (in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation) =>
            {
                uint value = arguments.ReadUInt32();
                return invocation.Await(AddAsync(value, invocation.Cancellation), results, static (writer, value) => writer.WriteUInt32(value));
            }) { IsAsync = true, IsIdempotent = true },
            new(2, (in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation) =>
            {
                uint value = arguments.ReadUInt32();
                return invocation.Await(AddAsync(value, invocation.Context(in call).Cancellation), results, static (writer, value) => writer.WriteUInt32(value));
            }) { IsAsync = true, IsIdempotent = true },
            new(3, (in RpcCall call, ref XdrReader arguments, XdrWriter results, RpcInvocation invocation) =>
            {
                uint value = arguments.ReadUInt32();
                return invocation.Await(AddAsync(value, invocation.Cancellation), results, static (writer, value) => writer.WriteUInt32(value));
            }) { IsAsync = true },
        ];

        private static async ValueTask<uint> AddAsync(uint value, CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            cancellationToken.ThrowIfCancellationRequested();
            return value + 1;
        }
    }

    private static long Allocated(RpcProtocol protocol, byte[] call, Action<int> change)
    {
        Peer peer = new(EndpointKind.Tcp, [2, 0, 0xC8, 0x22, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        OutputBuffer reply = new();
        AllocationRounds rounds = new(Counted);
        for (int i = 0; rounds.Next(); i++)
        {
            change(i);
            reply.Clear();
            FramingProgress progress = default;
            int left = 1;
            RequestReader.Consume(protocol, call, ref progress, peer, reply, mark: 1 << 20, out _, ref left);
        }

        Assert.That(reply.Length, Is.GreaterThanOrEqualTo(28), "it was answered");
        return rounds.Least;
    }
}
