using Multiplex.Models;
using Multiplex.Sockets;
using Multiplex.Tests.Rpc.Server;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Models;

/// <summary>Where workers run several calls of one connection at a time, a repeat may arrive while the first call is in progress.</summary>
public class RepeatsInProgressTests
{
    private const uint Program = 7;

    [TestCase("tcp://127.0.0.1:0")]
    [TestCase("udp://127.0.0.1:0")]
    public void A_repeat_gets_no_reply_and_the_next_call_is_answered(string endpoint)
    {
        using ManualResetEventSlim goOn = new();
        int runs = 0;
        OneProcedure program = new(Program, 1, (in RpcCall call, Multiplex.Rpc.Xdr.XdrWriter results) =>
        {
            Interlocked.Increment(ref runs);
            results.WriteUInt32(call.Xid);
            if (call.Xid == 1)
                goOn.Wait(Eventually.Deadline);
        })
        {
            IsIdempotent = false,
        };
        using RpcProtocol protocol = new(program) { ReplyOrder = ReplyOrder.Any };
        using (RunningServer server = new(
            new HybridModel(), _ => protocol, new() { Workers = 4 }, endpoint))
        {
            int client = Connector.Connect(server.Local);
            Eventually.LimitWaits(client);
            bool isStream = server.Local.Kind.IsStream();
            Send(client, 1, isStream);
            Eventually.Holds(() => Volatile.Read(ref runs) == 1, "it runs");
            Send(client, 1, isStream);
            server.AwaitCount(Counter.ReplyCacheDrops, 1);
            Send(client, 2, isStream);
            Assert.That(Receive(client, isStream), Is.EqualTo(2));
            goOn.Set();
            Assert.That(Receive(client, isStream), Is.EqualTo(1));
            Send(client, 1, isStream);
            Assert.That(Receive(client, isStream), Is.EqualTo(1));
            Assert.That((runs, server.Counters[Counter.ReplyCacheHits], server.Counters[Counter.ProtocolErrors]), Is.EqualTo((2, 1L, 0L)));
            close(client);
        }
    }

    private static void Send(int client, uint xid, bool isStream)
    {
        OutputBuffer call = new();
        int start = isStream ? RecordMarking.Begin(call) : 0;
        CallWriter.Head(call, xid, Program, 1, 1);
        if (isStream)
            RecordMarking.End(call, start);
        send(client, call.Written, MSG_NOSIGNAL).OrThrow("send");
    }

    // The xid that the reply is about.
    private static int Receive(int client, bool isStream)
    {
        byte[] reply = new byte[isStream ? 32 : 28];
        recv(client, reply, MSG_WAITALL).OrThrow("recv");
        return reply[^1];
    }
}
