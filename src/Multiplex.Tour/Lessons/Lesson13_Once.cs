using Multiplex.Demo;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using Multiplex.Tour.Tracing;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tour.Lessons;

/// <summary>The thirteenth lesson: a call or its reply is lost, the client calls again, and the procedure must act once.</summary>
internal static class Lesson13_Once
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(200);

    public static Lesson Lesson { get; } = new(
        "once",
        "a lost reply, and how a call acts once",
        [
            new("What happens when a reply is lost and the client calls again?",
                "The client cannot know whether the call or the reply was lost, so it sends the call again, with the same xid. A server that remembers nothing "
                + "runs the procedure a second time: at least once. A server with a reply cache knows the xid and the client, sends the reply that it has kept, and "
                + "does not run the procedure again: at most once, and exactly once if a reply arrives."),
            new("Which procedures need no cache?",
                "Idempotent ones: to run them twice does no more than to run them once, as with a read, or a write of the same bytes to the same place. An "
                + "addition is not idempotent."),
        ],
        [
            new("The call is lost", ALostCall),
            new("The reply is lost, and the server remembers nothing", WithoutACache),
            new("The reply is lost, and the server has a reply cache", WithACache),
            new("No reply ever comes", NoReply),
        ]);

    private static void ALostCall(Trace t)
    {
        t.Say("A relay stands between client and server and drops what it is to lose. The client calls Add(5) over UDP:");
        using LessonServer server = Server(new ReplyCacheOptions());
        using Relay relay = new(t, server);
        relay.ReceiveCall();
        t.Show("the relay drops the call");
        relay.ReceiveCall();
        t.Say("The client has waited and has sent the call again, with the same xid. This time everything arrives:");
        relay.ForwardCall();
        relay.ReceiveReply();
        relay.ForwardReply();
        Result(t, relay, server, expected: 5);
    }

    private static void WithoutACache(Trace t)
    {
        t.Say("The client calls Add(5). The server's counter is 0 before.");
        using LessonServer server = Server(null);
        using Relay relay = new(t, server);
        LoseTheReply(t, relay);
        Result(t, relay, server, expected: 10);
        t.Say("The procedure ran twice: 10, not 5.");
    }

    private static void WithACache(Trace t)
    {
        t.Say("The same. This server keeps each reply for a while, under the client's address and the xid:");
        using LessonServer server = Server(new ReplyCacheOptions());
        using Relay relay = new(t, server);
        LoseTheReply(t, relay);
        Result(t, relay, server, expected: 5);
        t.Say("The second reply came from the cache. The procedure ran once.");
    }

    private static void NoReply(Trace t)
    {
        t.Say("This server is silent: a socket that no process reads. The client gives up after a second and a half:");
        int silent = t.socket(AF_INET, SOCK_DGRAM, 0);
        t.bind(silent, Notation.Internet(INADDR_LOOPBACK, 0));
        byte[] address = t.getsockname(silent);
        using RpcClient client = new(
            Endpoint.Parse(AddressText.Format(EndpointKind.Udp, address)), new() { Timeout = TimeSpan.FromSeconds(1.5), FirstRetry = s_firstRetry });
        try
        {
            new MultiplexV1Client(client).Add(5);
            throw new LessonException("a socket that no process reads has answered");
        }
        catch (RpcTimeoutException e)
        {
            t.Show($"client.Add(5): {nameof(RpcTimeoutException)}: {e.Message}");
        }

        t.Say("The program must decide: it does not know whether the procedure ran. No protocol can tell it, for the last message can always be lost.");
    }

    private static void LoseTheReply(Trace t, Relay relay)
    {
        relay.ReceiveCall();
        relay.ForwardCall();
        relay.ReceiveReply();
        t.Show("the relay drops the reply");
        relay.ReceiveCall();
        t.Say("The client has waited and has sent the call again, with the same xid:");
        relay.ForwardCall();
        relay.ReceiveReply();
        relay.ForwardReply();
    }

    private static void Result(Trace t, Relay relay, LessonServer server, ulong expected)
    {
        ulong result = relay.Result();
        t.Show($"client.Add(5) = {result}");
        t.Show($"the server ran {server.Counters[Counter.Calls]} call{(server.Counters[Counter.Calls] == 1 ? "" : "s")}; its counter is {server.Counters[Counter.Sum]}");
        Trace.Check(result == expected && (ulong)server.Counters[Counter.Sum] == expected, $"the counter is {expected}");
    }

    private static LessonServer Server(ReplyCacheOptions? replies) =>
        new(counters => new RpcProtocol(new MultiplexProgram(counters)) { Replies = replies }, "udp://127.0.0.1:0");

    // A proxy between a client and its server. It does nothing by itself: the lesson calls it to receive and to forward.
    private sealed class Relay : IDisposable
    {
        private readonly Trace _trace;
        private readonly int _front, _back;
        private readonly RpcClient _client;
        private readonly TracedThread _call;
        private byte[] _clientAddress = [];
        private byte[] _received = [];
        private uint _xid;
        private ulong _result;

        public Relay(Trace trace, LessonServer server)
        {
            _trace = trace;
            _front = trace.socket(AF_INET, SOCK_DGRAM, 0);
            trace.bind(_front, Notation.Internet(INADDR_LOOPBACK, 0));
            byte[] address = trace.getsockname(_front);
            _back = trace.socket(AF_INET, SOCK_DGRAM, 0);
            trace.connect(_back, AddressLookup.Find(server.Local, passive: false)[0]);
            _client = new(Endpoint.Parse(AddressText.Format(EndpointKind.Udp, address)), new() { Timeout = Trace.LongestWait, FirstRetry = s_firstRetry });
            _call = Trace.StartThread(() => _result = new MultiplexV1Client(_client).Add(5));
        }

        public void ReceiveCall()
        {
            _received = _trace.recvfrom(_front, 256, out _clientAddress);
            uint xid = Words.At(_received, 0);
            Trace.Check(_xid == 0 || xid == _xid, "a call that is sent again has its xid");
            _xid = xid;
            _trace.Show($"a call: xid 0x{xid:x8}, procedure {Words.At(_received, 5)} (ADD), argument {Words.At(_received, 11)}");
        }

        public void ForwardCall() => _trace.send(_back, _received);

        public void ReceiveReply()
        {
            _received = _trace.recv(_back, 256);
            _trace.Show($"a reply: xid 0x{Words.At(_received, 0):x8}, result {Words.At(_received, 7)}");
        }

        public void ForwardReply() => _trace.sendto(_front, _received, _clientAddress);

        public ulong Result()
        {
            _call.Join();
            return _result;
        }

        public void Dispose() => _client.Dispose();
    }
}
