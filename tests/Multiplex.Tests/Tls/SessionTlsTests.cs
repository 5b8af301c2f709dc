using System.Text;
using Multiplex.Engine;
using Multiplex.Engine.Calls;
using Multiplex.Tests.Support;
using Multiplex.Tls;

namespace Multiplex.Tests.Tls;

/// <summary>TLS of a session, without a socket: the test is the client and the kernel.</summary>
public sealed class SessionTlsTests : TlsFixture
{
    private readonly byte[] _plaintext = new byte[1 << 16];
    private readonly OutputBuffer _toServer = new(), _toClient = new();
    private ServerCounters _counters = null!;
    private TlsContext _context = null!;
    private SessionTls _server = null!;
    private TlsFilter _client = null!;

    [SetUp]
    public void Start_anew()
    {
        _counters = new();
        _context = TlsContext.ForServer(ServerOptions, "sunrpc");
        _server = new(_context, new());
        _client = NewClient();
        _toServer.Clear();
        _toClient.Clear();
    }

    [TearDown]
    public void Give_everything_back()
    {
        _server.Release();
        _client.Release();
        _context.Dispose();
        _counters.Dispose();
    }

    [Test]
    public void A_handshake_is_counted_once_and_tells_of_the_peer()
    {
        Assert.That((_server.State, _server.Peer, _counters[Counter.TlsConnections]), Is.EqualTo((TlsState.Handshaking, (TlsPeer?)null, 0L)));
        Handshake();
        Assert.That((_server.State, _server.Peer?.Subject, _counters[Counter.TlsConnections]), Is.EqualTo((TlsState.Open, "", 1L)));
        Assert.That(FromClient("one"u8), Is.EqualTo("one"u8.ToArray()));
        Assert.That((_counters[Counter.TlsConnections], _counters[Counter.TlsFailures]), Is.EqualTo((1L, 0L)));
        Assert.That(_server.Memory, Is.Positive);
    }

    [Test]
    public void Bytes_that_are_no_tls_fail_and_are_counted()
    {
        Assert.That(Open("no handshake at all"u8), Is.Empty);
        Assert.That((_server.State, _counters[Counter.TlsFailures]), Is.EqualTo((TlsState.Failed, 1L)));
        Assert.That(_server.Seal("a reply"u8).Length, Is.Zero, "nothing can be sent any more");
    }

    [Test]
    public void Replies_are_sealed_where_they_stand_or_beside_and_reach_the_client_in_order()
    {
        Handshake();
        OutputBuffer replies = new();
        replies.Write("of another session"u8);
        int start = replies.Length;
        replies.Write("one"u8);
        _server.Seal(replies, start);
        Assert.That(replies.Written[..start].SequenceEqual("of another session"u8), Is.True);
        _toClient.Write(replies.Written[start..]);
        _toClient.Write(_server.Seal("two"u8));
        _toClient.Write(_server.Seal("three"u8));
        Assert.That(ToClient(), Is.EqualTo("onetwothree"u8.ToArray()));
    }

    [Test]
    public void The_time_that_a_record_may_take_runs_from_its_first_byte()
    {
        Assert.That(_server.AwaitsSince(1000, 2000), Is.EqualTo(1000), "the handshake's");
        Handshake();
        Assert.That(_server.AwaitsSince(1000, 2000), Is.Zero);
        _client.Seal("one"u8, _toServer);
        byte[] record = _toServer.Written.ToArray();
        Open(record.AsSpan(0, 3));
        Assert.That((_server.AwaitsSince(0, 2000), _server.AwaitsSince(2000, 3000)), Is.EqualTo((2000L, 2000L)));
        Assert.That(Open(record.AsSpan(3)), Is.EqualTo("one"u8.ToArray()));
        Assert.That(_server.AwaitsSince(2000, 3000), Is.Zero);
    }

    [Test]
    public void Each_side_says_that_it_sends_no_more()
    {
        Handshake();
        OutputBuffer farewell = new();
        farewell.Write("what stood there"u8);
        _toClient.Write(_server.Close(farewell));
        Assert.That((ToClient(), _client.State), Is.EqualTo((Array.Empty<byte>(), TlsState.PeerClosed)));
        _client.Close(_toServer);
        Assert.That((Open(_toServer.Written), _server.State), Is.EqualTo((Array.Empty<byte>(), TlsState.PeerClosed)));
    }

    [Test]
    public void Replies_that_come_later_and_those_that_they_held_up_are_sealed_in_the_order_in_which_they_leave()
    {
        Handshake();
        LineProtocol protocol = new();
        SessionContext loop = new(protocol, new(), _counters) { Late = new(static _ => { }, new(), _counters) };
        AwaitedCalls calls = new(new NoOwner(), keepsMessages: false);
        LineProtocol.LateLine first = new("&one\n"u8), second = new("&three\n"u8);
        string held = new('X', 100_000);
        Begin(first);
        loop.Replies.Write(Encoding.ASCII.GetBytes(held));
        calls.HoldBack(0, loop);
        Begin(second);
        loop.Replies.Write("FOUR\n"u8);
        calls.HoldBack(0, loop);
        Assert.That((loop.Replies.Length, calls.Bytes), Is.EqualTo((0, held.Length + 5L)));

        WriteQueue pending = default;
        second.Answer();
        calls.Complete(second, ref pending, _server, loop);
        Assert.That(pending.Length, Is.Zero);
        first.Answer();
        calls.Complete(first, ref pending, _server, loop);
        Assert.That((calls.IsAny, calls.Bytes), Is.EqualTo((false, 0L)));
        string received = "";
        while (pending.Length > 0)
        {
            int taken = Math.Min(30_000, pending.Length);
            _toClient.Write(pending.Bytes[..taken]);
            pending.Taken(taken);
            received += Encoding.ASCII.GetString(ToClient());
        }

        Assert.That(received, Is.EqualTo($"&ONE\n{held}&THREE\nFOUR\n"));

        void Begin(LineProtocol.LateLine call) => Assert.That(calls.TryBegin(call, isUnwanted: false, loop), Is.True);
    }

    private void Handshake()
    {
        _client.Begin();
        while (_client.State == TlsState.Handshaking || _server.State == TlsState.Handshaking)
        {
            Assert.That(FromClient([]), Is.Empty);
            _server.Flush(_toClient);
            Assert.That(ToClient(), Is.Empty);
        }
    }

    private byte[] FromClient(ReadOnlySpan<byte> plaintext)
    {
        _client.Seal(plaintext, _toServer);
        byte[] opened = Open(_toServer.Written);
        _toServer.Clear();
        return opened;
    }

    private byte[] ToClient()
    {
        byte[] opened = _plaintext[.._client.Open(_toClient.Written, _plaintext)];
        _toClient.Clear();
        return opened;
    }

    private byte[] Open(ReadOnlySpan<byte> ciphertext)
    {
        byte[] plaintext = _server.Open(ciphertext, out byte[] buffer, _counters).ToArray();
        LargeBufferPool.Pool.Return(buffer);
        return plaintext;
    }

    private sealed class NoOwner : ILateOwner
    {
        public void Complete(LateReply reply) => Assert.Fail("the test completes the calls");
    }
}
