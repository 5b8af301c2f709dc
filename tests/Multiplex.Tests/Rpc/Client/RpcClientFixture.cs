using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Support;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Calls to a server that the test controls, over one kind of connection.</summary>
public abstract class RpcClientFixture(EndpointKind kind)
{
    protected static RpcClientOptions Patient { get; } = new() { Timeout = Eventually.Deadline };

    /// <summary>Not idempotent.</summary>
    protected static RpcProcedure Add { get; } = MultiplexV1.Add;

    protected static RpcProcedure Idempotent { get; } = Add with { IsIdempotent = true };

    private protected ScriptedServer Serve(Action<ScriptedConnection> converse) => new(converse, kind);

    protected static ulong Call(RpcClient client, RpcProcedure procedure, ulong value, RpcCallOptions? options = null) => client.Call(
        procedure, value, (writer, amount) => writer.WriteUInt64(amount), (ref XdrReader reader) => reader.ReadUInt64(), options);

    protected static Task<ulong> CallAsync(RpcClient client, RpcProcedure procedure, ulong value, CancellationToken cancellation = default) =>
        client.CallAsync(
            procedure,
            value,
            (writer, amount) => writer.WriteUInt64(amount),
            (ref XdrReader reader) => reader.ReadUInt64(),
            cancellation: cancellation).AsTask();

    private protected static void EchoAll(ScriptedConnection connection)
    {
        while (true)
        {
            ReceivedCall call = connection.Receive();
            connection.Answer(call.Xid, call.Arguments);
        }
    }

    protected static ulong[] Results(IEnumerable<Task<ulong>> calls)
    {
        Task<ulong[]> all = Task.WhenAll(calls);
        Assert.That(all.Wait(Eventually.Deadline), Is.True, "every call ends");
        return all.Result;
    }
}
