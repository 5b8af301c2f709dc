using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Tests.Support.ScriptedConnection;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Replies over a stream, in pieces of any size, and bytes that are no reply.</summary>
[TestFixture(EndpointKind.Tcp)]
[TestFixture(EndpointKind.Unix)]
public class RpcClientRecordTests(EndpointKind kind) : RpcClientFixture(kind)
{
    [Test]
    public void A_reply_in_single_bytes_and_many_fragments_is_put_together()
    {
        using ScriptedServer server = Serve(connection =>
        {
            byte[] reply = Reply(connection.Receive().Xid, [0, 0, 0, 0, 0, 0, 0, 42])[4..];
            foreach (byte one in reply[..^1])
                connection.Send([.. Word(1), one]);
            foreach (byte one in Record(reply[^1..]))
                connection.Send([one]);
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Assert.That(Call(client, Add, 1), Is.EqualTo(42));
    }

    [TestCase(0x0000_0000u)]
    [TestCase(0x7fff_ffffu)]
    [TestCase(0x4854_5450u)]
    public void What_is_no_record_closes_the_connection_and_fails_all_calls(uint header)
    {
        using ScriptedServer server = Serve(connection =>
        {
            if (connection.Number > 1)
                EchoAll(connection);
            connection.Receive();
            connection.Receive();
            connection.Send(Word(header));
            connection.AwaitEnd();
        });
        using RpcClient client = new(server.Endpoint, Patient);
        Task<ulong>[] calls = [CallAsync(client, Idempotent, 1), CallAsync(client, Idempotent, 2)];
        foreach (Task<ulong> call in calls)
            Assert.That(() => Results([call]), Throws.InnerException.TypeOf<RpcBadReplyException>());
        Assert.That(Call(client, Idempotent, 3), Is.EqualTo(3));
    }
}
