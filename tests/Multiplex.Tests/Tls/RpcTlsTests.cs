using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Multiplexers;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Rpc.Server;
using Multiplex.Tls;
using Multiplex.Transports;

namespace Multiplex.Tests.Tls;

/// <summary>RPC with TLS, RFC 9289, on a session without a socket: the test is the client and the kernel.</summary>
public sealed class RpcTlsTests : TlsFixture
{
    private const uint Program = 0x2000_0001, Xid = 7;

    private static readonly byte[] s_granted = Record([.. Words(Xid, 1, 0, 0, 8), .. "STARTTLS"u8, .. Words(0)]);

    private ServerCounters _counters = null!;
    private RpcProtocol _protocol = null!;
    private SessionContext _loop = null!;
    private Session _session = null!;
    private TlsFilter? _client;

    [SetUp]
    public void Serve_anew()
    {
        _counters = new();
        Serve(TlsPolicy.Required);
    }

    [TearDown]
    public void Give_everything_back()
    {
        _session.Release(_loop);
        _client?.Release();
        _client = null;
        _protocol.Dispose();
        _counters.Dispose();
    }

    [Test]
    public void A_client_asks_for_tls_and_calls_over_it()
    {
        Secure();
        Assert.That(_session.RequestSince, Is.Zero);
        Assert.That(Ask(Call(1)), Is.EqualTo(Text("no certificate")));
        Assert.That(Ask([.. Call(1), .. Call(2)]), Is.EqualTo((byte[])[.. Text("no certificate"), .. Text("no certificate")]));
        Assert.That(_counters[Counter.TlsConnections], Is.EqualTo(1));
    }

    [Test]
    public void A_procedure_sees_the_certificate()
    {
        Serve(TlsPolicy.Required, Certificates.Authority);
        using TlsContext alice = TlsContext.ForClient(
            new() { CaFile = Certificates.Authority, CertificateFile = Certificates["client.pem"], KeyFile = Certificates["client.key"] }, "sunrpc");
        Secure(alice);
        Assert.That(Ask(Call(1)), Is.EqualTo(Text("CN=alice,O=Multiplex")));
    }

    [TestCase(TlsPolicy.Required)]
    [TestCase(TlsPolicy.Optional)]
    public void Calls_without_tls_are_served_where_it_is_optional_and_too_weak_where_it_is_required(TlsPolicy policy)
    {
        Serve(policy);
        byte[] tooWeak = Record(Words(Xid, 1, 1, 1, 5));
        Assert.That(Send(Call(1)), Is.EqualTo(policy == TlsPolicy.Required ? tooWeak : Text("no TLS")));
        Assert.That(Send(Call(0)), Is.EqualTo(policy == TlsPolicy.Required ? tooWeak : Text("no TLS")), "a ping too");
        Secure();
        Assert.That(Ask(Call(1)), Is.EqualTo(Text("no certificate")));
    }

    [Test]
    public void Without_tls_the_server_refuses_the_flavor()
    {
        Serve(null);
        Assert.That(Send(Probe()), Is.EqualTo(Record(Words(Xid, 1, 1, 1, 2))));
        Assert.That(Send(Call(1)), Is.EqualTo(Text("no TLS")));
    }

    [Test]
    public void A_program_that_is_not_served_may_be_named() => Assert.That(Send(Probe(program: 0)), Is.EqualTo(s_granted));

    [Test]
    public void Of_messages_there_is_no_tls()
    {
        OutputBuffer reply = new();
        Assert.That(_protocol.AnswerMessage(Probe().AsSpan(4), new Peer(EndpointKind.Udp, new byte[16]), reply), Is.True);
        Assert.That(reply.Written.ToArray(), Is.EqualTo(Words(Xid, 1, 1, 1, 2)));
    }

    [Test]
    public void A_probe_that_is_not_as_the_RFC_says_is_refused_and_another_may_follow()
    {
        byte[] badCredential = Record(Words(Xid, 1, 1, 1, 1)), badVerifier = Record(Words(Xid, 1, 1, 1, 3)), garbage = Record(Words(Xid, 1, 0, 0, 0, 4));
        Assert.That(Send(Probe(procedure: 1)), Is.EqualTo(badCredential), "another procedure than NULL");
        Assert.That(Send(Record([.. Words(Xid, 0, 2, Program, 1, 0, 7, 4, 0, 0, 0)])), Is.EqualTo(badCredential), "a credential with a body");
        Assert.That(Send(Record([.. Words(Xid, 0, 2, Program, 1, 0, 7, 0, 0, 4, 0)])), Is.EqualTo(badVerifier), "a verifier with a body");
        Assert.That(Send(Record([.. Words(Xid, 0, 2, Program, 1, 0, 7, 0, 1, 0)])), Is.EqualTo(badVerifier), "a verifier of another flavor");
        Assert.That(Send(Record([.. Words(Xid, 0, 2, Program, 1, 0, 7, 0, 0, 0, 0)])), Is.EqualTo(garbage), "arguments");
        Secure();
        Assert.That(Ask(Probe()), Is.EqualTo(badCredential), "a second time");
        Assert.That(Ask(Call(1)), Is.EqualTo(Text("no certificate")));
    }

    [Test]
    public void A_probe_in_fragments_is_a_probe()
    {
        byte[] message = Probe()[4..];
        Assert.That(Send([.. Words(8), .. message[..8], .. Words(0x8000_0000 | 32), .. message[8..]]), Is.EqualTo(s_granted));
    }

    [Test]
    public void What_comes_with_the_probe_and_before_its_reply_closes_the_connection()
    {
        Assert.That(Send([.. Probe(), .. Call(1)]), Is.EqualTo(s_granted));
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Malformed));
    }

    [Test]
    public void Calls_before_the_probe_are_answered_before_tls_begins()
    {
        Serve(TlsPolicy.Optional);
        Assert.That(Send([.. Call(1), .. Call(1), .. Probe()], turns: 3), Is.EqualTo((byte[])[.. Text("no TLS"), .. Text("no TLS"), .. s_granted]));
        Assert.That(_session.Closed, Is.Null);
    }

    [Test]
    public void Rubbish_in_place_of_a_handshake_closes_the_connection()
    {
        Send(Probe());
        Assert.That(Send(Call(1)), Is.Empty);
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Malformed));
        Assert.That((_counters[Counter.TlsFailures], _counters[Counter.ProtocolErrors]), Is.EqualTo((1L, 1L)));
    }

    [Test]
    public void A_handshake_may_take_as_long_to_arrive_as_a_request()
    {
        _loop.Now = 1000;
        Send(Probe());
        Assert.That(_session.RequestSince, Is.EqualTo(1000));
        ServerOptions options = new() { RequestTimeout = TimeSpan.FromSeconds(5) };
        Assert.That((IdleSweep.IsLate(_session, true, 5999, options), IdleSweep.IsLate(_session, true, 6000, options)), Is.EqualTo((false, true)));
    }

    [Test]
    public void So_may_a_record_and_a_request_in_several()
    {
        Secure();
        _loop.Now = 2000;
        byte[] record = Seal(Call(1)), call = Call(1);
        Send(record[..1]);
        Assert.That(_session.RequestSince, Is.EqualTo(2000));
        _loop.Now = 3000;
        Send(record[1..^1]);
        Assert.That(_session.RequestSince, Is.EqualTo(2000));
        Assert.That(Open(Send(record[^1..])), Is.EqualTo(Text("no certificate")));
        Assert.That(_session.RequestSince, Is.Zero);
        Send(Seal(call[..9]));
        Assert.That(_session.RequestSince, Is.EqualTo(3000));
        Assert.That(Open(Send(Seal(call[9..]))), Is.EqualTo(Text("no certificate")));
        Assert.That(_session.RequestSince, Is.Zero);
    }

    [Test]
    public void A_client_that_says_goodbye_gets_its_replies_and_a_goodbye()
    {
        Secure();
        OutputBuffer last = new();
        _client!.Seal(Call(1), last);
        _client.Close(last);
        Assert.That(Open(Send(last.Written.ToArray())), Is.EqualTo(Text("no certificate")));
        Assert.That(_session.Closed, Is.EqualTo(CloseReason.Finished));
        Assert.That(Open(_session.Farewell(_loop).ToArray()), Is.Empty);
        Assert.That(_client.State, Is.EqualTo(TlsState.PeerClosed));
    }

    [Test]
    public void However_a_stream_is_cut_and_however_little_the_peer_takes_the_replies_are_the_same([Range(1, 10)] int seed)
    {
        const int Calls = 200, LongestPiece = 400, MostTaken = 300;
        Random random = new(seed);
        _loop = new(_protocol, new() { MaxPendingOutput = 256 }, _counters);
        Secure();
        byte[] all = Seal([.. Enumerable.Range(0, Calls).SelectMany(_ => Call(1))]);
        using MemoryStream replies = new();
        for (int at = 0; at < all.Length || _session.PendingBytes > 0 || _session.RequestsWait;)
        {
            if (at < all.Length && _session.WantsInput(_loop.Options))
            {
                int length = Math.Min(random.Next(1, LongestPiece), all.Length - at);
                if (random.Next(2) == 0)
                    _session.ReceivedElsewhere(all.AsSpan(at, length), _loop, isAnswered: random.Next(4) > 0);
                else
                    Receive(all.AsSpan(at, length));
                at += length;
            }

            replies.Write(Take(random.Next(MostTaken)));
            _session.Continue(_loop);
            replies.Write(Take(random.Next(MostTaken)));
        }

        Assert.That(Open(replies.ToArray()), Is.EqualTo((byte[])[.. Enumerable.Range(0, Calls).SelectMany(_ => Text("no certificate"))]));
        Assert.That(_session.UnansweredBytes, Is.Zero);
    }

    [Test]
    public void Workers_answer_over_tls_and_the_probe_waits_for_the_calls_before_it()
    {
        Serve(TlsPolicy.Optional);
        using EventLoop events = new(new PollMultiplexer());
        using WorkerPool workers = new(events, _protocol, new() { Workers = 2 }, _counters);
        workers.Start();
        Completed completed = new();
        _loop = new(_protocol, new(), _counters) { Workers = workers };
        _session = new(PeerAddress.Of(EndpointKind.Tcp, new byte[16], -1), completed);
        Receive([.. Call(1), .. Call(2), .. Probe()]);
        Assert.That((Take(int.MaxValue), _session.RequestsWait), Is.EqualTo((Array.Empty<byte>(), true)));
        Assert.That(Completions(2), Is.EqualTo((byte[])[.. Text("no TLS"), .. Text("no TLS")]));
        _session.Continue(_loop);
        Assert.That(Take(int.MaxValue), Is.EqualTo(s_granted));
        Handshake(null);
        Receive(Seal([.. Call(1), .. Call(2)]));
        Assert.That(Open(Completions(2)), Is.EqualTo((byte[])[.. Text("no certificate"), .. Text("no certificate")]));

        byte[] Completions(int count)
        {
            using MemoryStream replies = new();
            for (int i = 0; i < count; i++)
            {
                while (completed.Items.Count == 0)
                    events.Turn();
                _session.Complete(completed.Items.Dequeue(), _loop);
                replies.Write(Take(int.MaxValue));
            }

            return replies.ToArray();
        }
    }

    [Test]
    public void A_call_over_tls_allocates_nothing()
    {
        Secure();
        byte[] reply = new byte[1024];
        OutputBuffer call = new();
        byte[] plain = Call(3);
        AllocationRounds rounds = new();
        while (rounds.Next())
        {
            call.Clear();
            _client!.Seal(plain, call);
            call.Written.CopyTo(_session.GetReceiveBuffer(_loop));
            _session.Received(call.Length, _loop);
            ReadOnlySpan<byte> pending = _session.Pending(_loop);
            pending.CopyTo(reply);
            _session.Sent(pending.Length, _loop);
            _ = _client.Open(reply.AsSpan(0, pending.Length), _plaintext);
        }

        Assert.That(rounds.Least, Is.Zero);
    }

    private readonly byte[] _plaintext = new byte[1 << 20];

    private static byte[] Words(params uint[] words) => [.. words.SelectMany(word => BitConverter.GetBytes(word).Reverse())];

    private static byte[] Record(byte[] message) => [.. Words(0x8000_0000 | (uint)message.Length), .. message];

    private static byte[] Probe(uint program = Program, uint procedure = 0) => Record(Words(Xid, 0, 2, program, 1, procedure, 7, 0, 0, 0));

    private static byte[] Call(uint procedure) => Record(Words(Xid, 0, 2, Program, 1, procedure, 0, 0, 0, 0));

    // Receives the reply, which must have this result.
    private static byte[] Text(string text)
    {
        OutputBuffer result = new();
        new XdrWriter(result).WriteOpaque(System.Text.Encoding.ASCII.GetBytes(text));
        return Record([.. Words(Xid, 1, 0, 0, 0, 0), .. result.Written]);
    }

    private static void TellTls(in RpcCall call, XdrWriter results)
    {
        if (call.Procedure == 3)
            return;
        results.WriteOpaque(System.Text.Encoding.ASCII.GetBytes(
            call.Peer.Tls is not { } tls ? "no TLS" : tls.Subject.Length == 0 ? "no certificate" : tls.Subject));
    }

    private void Serve(TlsPolicy? policy, string? clientCa = null)
    {
        _protocol?.Dispose();
        _protocol = new(new OneProcedure(Program, 1, TellTls) { IsIdempotent = true })
        {
            Replies = null,
            Tls = policy is { } given ? ServerOptions with { Policy = given, ClientCaFile = clientCa } : null,
        };
        _protocol.Open(_counters);
        _loop = new(_protocol, new(), _counters);
        _session = new(PeerAddress.Of(EndpointKind.Tcp, new byte[16], -1));
    }

    private void Secure(TlsContext? context = null)
    {
        Assert.That(Send(Probe()), Is.EqualTo(s_granted));
        Handshake(context);
    }

    private void Handshake(TlsContext? context)
    {
        _client = NewClient(context);
        _client.Begin();
        while (_client.State == TlsState.Handshaking)
            Assert.That(Open(Send(Seal([]))), Is.Empty);
        Send(Seal([]));
        Assert.That(_client.State, Is.EqualTo(TlsState.Open));
        Assert.That(_session.Tls, Is.Not.Null);
    }

    // Sends plaintext to the server, and returns its answer.
    private byte[] Ask(byte[] plaintext) => Open(Send(Seal(plaintext), turns: 3));

    private byte[] Seal(byte[] plaintext)
    {
        OutputBuffer ciphertext = new();
        _client!.Seal(plaintext, ciphertext);
        return ciphertext.Written.ToArray();
    }

    private byte[] Open(byte[] ciphertext) => _plaintext[.._client!.Open(ciphertext, _plaintext)];

    // Sends bytes to the server, and returns what it sends, in one turn or several.
    private byte[] Send(byte[] bytes, int turns = 1)
    {
        using MemoryStream sent = new();
        if (bytes.Length > 0)
            Receive(bytes);
        sent.Write(Take(int.MaxValue));
        for (int i = 1; i < turns; i++)
        {
            _session.Continue(_loop);
            sent.Write(Take(int.MaxValue));
        }

        return sent.ToArray();
    }

    private void Receive(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_session.GetReceiveBuffer(_loop));
        _session.Received(bytes.Length, _loop);
    }

    private byte[] Take(int most)
    {
        ReadOnlySpan<byte> pending = _session.Pending(_loop);
        byte[] taken = pending[..Math.Min(most, pending.Length)].ToArray();
        _session.Sent(taken.Length, _loop);
        return taken;
    }

    private sealed class Completed : IReplyTarget, ILateOwner
    {
        public Queue<WorkItem> Items { get; } = new();

        public void Complete(WorkItem item) => Items.Enqueue(item);

        public void Complete(LateReply reply) => Assert.Fail("nothing here comes late");
    }
}
