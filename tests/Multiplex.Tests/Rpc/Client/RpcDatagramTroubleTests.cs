using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Tests.Support.ScriptedConnection;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Misbehaviour of a server over datagrams.</summary>
[TestFixture(EndpointKind.Udp)]
[TestFixture(EndpointKind.UnixGram)]
public class RpcDatagramTroubleTests(EndpointKind kind) : RpcClientFixture(kind)
{
    private static readonly byte[] s_success = [.. Word(1), .. new byte[16]];   // REPLY, MSG_ACCEPTED, AUTH_NONE, SUCCESS
    private readonly bool _isUdp = kind == EndpointKind.Udp;
    private Socket _socket = null!;
    private Endpoint _server = null!;

    [SetUp]
    public void Bind()
    {
        string name = $"multiplex-scripted-{Guid.NewGuid():N}";
        _socket = BoundTo(_isUdp ? new IPEndPoint(IPAddress.Loopback, 0) : new UnixDomainSocketEndPoint($"\0{name}"));
        _server = Endpoint.Parse(_isUdp ? $"udp://{_socket.LocalEndPoint}" : $"unixgram:@{name}");
    }

    private Socket BoundTo(EndPoint name)
    {
        Socket socket = new(_isUdp ? AddressFamily.InterNetwork : AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds,
        };
        socket.Bind(name);
        return socket;
    }

    [TearDown]
    public void Close() => _socket.Dispose();

    [Test]
    public void A_call_from_the_server_with_the_xid_of_a_call_in_flight_is_refused_and_fails_nothing()
    {
        Background<byte[]> script = Background.Run(() =>
        {
            (byte[] call, EndPoint client) = Receive();
            _socket.SendTo([.. call[..4], .. Word(0), .. Word(2), .. Word(0x4000_0000), .. Word(1), .. new byte[20]], client);
            byte[] refusal = Receive().Message;
            Assert.That(refusal[..4], Is.EqualTo(call[..4]));
            Answer(call, client);
            return refusal[4..];
        });
        using RpcClient client = new(_server, Patient);
        Assert.That(Call(client, Add, 7), Is.EqualTo(7));
        Assert.That(script.Result(), Is.EqualTo((byte[])[.. Word(1), .. new byte[12], .. Word(1)]), "REPLY, MSG_ACCEPTED, PROG_UNAVAIL");
        Assert.That((client.Counters.CallsRefused, client.Counters.UnmatchedReplies), Is.EqualTo((1, 0)));
    }

    [Test]
    public void After_some_calls_in_a_row_without_a_reply_there_is_a_new_socket()
    {
        ConcurrentQueue<string> clients = new();
        Background.Run(() =>
        {
            while (true)
            {
                (byte[] call, EndPoint client) = Receive();
                if (!clients.Contains($"{client}"))
                    clients.Enqueue($"{client}");
                if ($"{client}" != clients.First())
                    Answer(call, client);
            }
        });
        using RpcClient client = new(_server, Patient with { FirstRetry = TimeSpan.FromMilliseconds(20) });
        for (int i = 0; i < 3; i++)
            Assert.That(() => Call(client, Add, 1, new() { Timeout = TimeSpan.FromMilliseconds(100) }), Throws.TypeOf<RpcTimeoutException>());
        Assert.That(client.Counters.ConnectionsGivenUp, Is.EqualTo(1));
        Assert.That(Call(client, Add, 5), Is.EqualTo(5));
        Assert.That(clients, Has.Count.EqualTo(2));
    }

    [Test]
    public void There_is_none_while_a_call_is_under_way_that_must_not_run_twice()
    {
        using RpcClient client = new(_server, Patient with { ReconnectAfterTimeouts = 1 });
        Task<ulong> hurried = client.CallAsync(
            Idempotent, 1UL, (writer, value) => writer.WriteUInt64(value), (ref Multiplex.Rpc.Xdr.XdrReader reader) => reader.ReadUInt64(), new() { Timeout = TimeSpan.FromSeconds(5) }).AsTask();
        Task<ulong> later = CallAsync(client, Add, 2);
        Assert.That(() => Results([hurried]), Throws.InnerException.TypeOf<RpcTimeoutException>());
        Assert.That(client.Counters.ConnectionsGivenUp, Is.Zero);
        while (!later.IsCompleted)
        {
            (byte[] call, EndPoint from) = Receive();
            Answer(call, from);
            if (call[^1] == 2)
                Assert.That(later.Wait(Eventually.Deadline), Is.True);
        }

        Assert.That(later.Result, Is.EqualTo(2));
    }

    [Test]
    public void An_idempotent_call_to_a_server_that_is_not_there_yet_is_made_again()
    {
        TimeSpan pause = TimeSpan.FromMilliseconds(20);
        using RpcClient client = new(_server, Patient with { Retry = new() { Attempts = int.MaxValue, FirstPause = pause, LongestPause = pause } });
        EndPoint name = _socket.LocalEndPoint!;
        _socket.Dispose();
        Task<ulong> call = CallAsync(client, Idempotent, 7);
        Eventually.Holds(() => client.Counters.Retries > 1, "the call is made again");
        _socket = BoundTo(name);
        Background.Run(() =>
        {
            (byte[] message, EndPoint from) = Receive();
            Answer(message, from);
        });
        Assert.That(Results([call])[0], Is.EqualTo(7));
    }

    private (byte[] Message, EndPoint Client) Receive()
    {
        byte[] message = new byte[64 * 1024];
        EndPoint client = _isUdp ? new IPEndPoint(IPAddress.Any, 0) : new UnixDomainSocketEndPoint("\0");
        int length = _socket.ReceiveFrom(message, ref client);
        return (message[..length], client);
    }

    private void Answer(byte[] call, EndPoint client) => _socket.SendTo([.. call[..4], .. s_success, .. call[CallWriter.HeadLength..]], client);
}
