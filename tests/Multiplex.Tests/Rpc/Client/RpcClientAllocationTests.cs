using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>A call allocates nothing, once the client is warm.</summary>
public class RpcClientAllocationTests
{
    private const int Calls = 1000;
    private static readonly RpcProcedure s_procedure = new(1, 1, 1);
    private readonly byte[] _payload = new byte[64];

    private static ScriptedServer Echo() => new(connection =>
    {
        while (true)
        {
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
        }
    });

    private static int Read(ref XdrReader reader) => reader.ReadOpaque(1000).Length;

    private ValueTask<int> CallAsync(RpcClient client) =>
        client.CallAsync(s_procedure, _payload, static (writer, value) => writer.WriteOpaque(value), Read);

    [Test]
    public void A_thread_that_waits_allocates_nothing()
    {
        using ScriptedServer server = Echo();
        using RpcClient client = new(server.Endpoint);
        AllocationRounds rounds = new(Calls);
        int sum = 0;
        while (rounds.Next())
            sum += Call(client);
        Assert.That(rounds.Least, Is.Zero);
        Assert.That(sum, Is.EqualTo(rounds.Times * _payload.Length));
    }

    [Test]
    public void To_begin_a_call_that_is_awaited_allocates_nothing()
    {
        using ScriptedServer server = Echo();
        using RpcClient client = new(server.Endpoint);
        long[] allocated = new long[3];   // a sum for each third of the calls: what a call allocates is in each
        for (int i = 0; i < Calls; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            ValueTask<int> call = CallAsync(client);
            allocated[i % 3] += i < 10 ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.That(call.AsTask().Result, Is.EqualTo(_payload.Length));
        }

        Assert.That(allocated.Min(), Is.Zero);
    }

    [Test]
    public void To_begin_a_call_without_results_allocates_nothing()
    {
        using ScriptedServer server = Echo();
        using RpcClient client = new(server.Endpoint);
        MultiplexV1Client stub = new(client);
        long[] allocated = new long[3];   // a sum for each third of the calls: what a call allocates is in each
        for (int i = 0; i < Calls; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            ValueTask call = stub.NullAsync();
            allocated[i % 3] += i < 10 ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
            call.AsTask().Wait();
        }

        Assert.That(allocated.Min(), Is.Zero);
    }

    [Test]
    public void A_call_without_results_that_fails_says_why_and_can_be_cancelled()
    {
        using ScriptedServer server = new(connection => connection.Answer(connection.Receive().Xid, new byte[4]));
        using RpcClient client = new(server.Endpoint, new() { Strict = true });   // which accepts no bytes after the results
        MultiplexV1Client stub = new(client);
        Assert.That(async () => await stub.NullAsync(), Throws.TypeOf<RpcBadReplyException>());
        Assert.That(async () => await stub.NullAsync(cancellation: new(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
    }

    private int Call(RpcClient client) => client.Call(s_procedure, _payload, static (writer, value) => writer.WriteOpaque(value), Read);
}
