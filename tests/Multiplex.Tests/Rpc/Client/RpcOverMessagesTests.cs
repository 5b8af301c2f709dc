using System.Text;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;
using Multiplex.Tests.Support;
using static Multiplex.Interop.Libc;

namespace Multiplex.Tests.Rpc.Client;

/// <summary>Calls over datagrams and seqpacket: one message each; over datagrams a call is sent again until it is answered.</summary>
public class RpcOverMessagesTests
{
    private static readonly EndpointKind[] s_kinds = [EndpointKind.UnixPacket, EndpointKind.Udp, EndpointKind.UnixGram];
    private static readonly EndpointKind[] s_datagrams = [EndpointKind.Udp, EndpointKind.UnixGram];

    private static readonly RpcClientOptions s_impatient = new()
    {
        FirstRetry = TimeSpan.FromMilliseconds(20),
        LongestRetry = TimeSpan.FromMilliseconds(40),
        Timeout = Eventually.Deadline,
    };

    private static string Echo(RpcClient client, string text) => client.Call(
        MultiplexV1.Echo,
        Encoding.UTF8.GetBytes(text),
        (writer, payload) => writer.WriteOpaque(payload),
        (ref XdrReader reader) => Encoding.UTF8.GetString(reader.ReadOpaque(MultiplexConstants.MaxPayload)));

    [Test]
    public void A_call_is_answered([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        using MessageServer server = new(kind, "rpc");
        using RpcClient client = new(server.Endpoint);
        foreach (string text in new[] { "", "hello", new string('x', 60_000) })
            Assert.That(Echo(client, text), Is.EqualTo(text));
        Assert.That(server.Numbers.Distinct().Count(), Is.EqualTo(3), "each call has an xid of its own");
    }

    [Test]
    public void A_call_that_is_not_answered_is_sent_again_under_its_xid([ValueSource(nameof(s_datagrams))] EndpointKind kind)
    {
        using MessageServer server = new(kind, "rpc", number => number <= 3 ? Fate.Drop : Fate.Answer);
        using RpcClient client = new(server.Endpoint, s_impatient);
        Assert.That(Echo(client, "hello"), Is.EqualTo("hello"));
        Assert.That(server.Numbers, Has.Count.GreaterThanOrEqualTo(4));
        Assert.That(server.Numbers.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Replies_to_other_calls_are_passed_over([ValueSource(nameof(s_datagrams))] EndpointKind kind)
    {
        using MessageServer server = new(kind, "rpc", number => number switch
        {
            1 => Fate.Twice,
            2 => Fate.Misdirect,
            _ => Fate.Answer,
        });
        using RpcClient client = new(server.Endpoint, s_impatient);
        foreach (string text in new[] { "one", "two", "three" })
            Assert.That(Echo(client, text), Is.EqualTo(text));
    }

    [Test]
    public void A_server_that_never_answers_is_given_up([ValueSource(nameof(s_datagrams))] EndpointKind kind)
    {
        using MessageServer server = new(kind, "rpc", _ => Fate.Drop);
        using RpcClient client = new(server.Endpoint, s_impatient with { Timeout = TimeSpan.FromMilliseconds(150) });
        Assert.That(
            () => Echo(client, "hello"),
            Throws.TypeOf<RpcTimeoutException>().With.Message.StartsWith($"call {server.Endpoint}: ").And.Message.Contains("no reply in 0.15 s"));
        Eventually.Holds(() => !server.Numbers.IsEmpty, "the server sees the call");   // it may be slower than the timeout
        Assert.That(server.Numbers.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Without_a_server_the_call_is_refused([ValueSource(nameof(s_kinds))] EndpointKind kind)
    {
        MessageServer gone = new(kind, "rpc");
        gone.Dispose();
        Assert.That(
            () =>
            {
                using RpcClient client = new(gone.Endpoint);
                Echo(client, "hello");
            },
            Throws.InstanceOf<IOException>().With.Message.Contains($"{gone.Endpoint}: Connection refused (ECONNREFUSED): no server listens there"));
    }

    [Test]
    public void Over_UDP_the_addresses_are_tried_in_order_until_one_does_not_refuse()
    {
        using MessageServer server = new(EndpointKind.Udp, "rpc");
        MessageServer gone = new(EndpointKind.Udp, "rpc");
        gone.Dispose();
        byte[] right = AddressLookup.Find(server.Endpoint, passive: false)[0], wrong = AddressLookup.Find(gone.Endpoint, passive: false)[0];
        using RpcClient client = new(server.Endpoint, [wrong, right], RpcClientOptions.Default);
        Assert.That(Echo(client, "hello"), Is.EqualTo("hello"));
        using RpcClient hopeless = new(gone.Endpoint, [wrong, wrong], RpcClientOptions.Default);
        Assert.That(
            () => Echo(hopeless, "hello"),
            Throws.TypeOf<RpcConnectionException>().With.InnerException.Property("Errno").EqualTo(ECONNREFUSED));
    }

    [Test]
    public void A_call_too_long_for_one_message_is_refused_in_plain_words()
    {
        using MessageServer server = new(EndpointKind.Udp, "rpc");
        using RpcClient client = new(server.Endpoint);
        Assert.That(() => Echo(client, new string('x', 65_461)), Throws.TypeOf<RpcException>().With.Message.Contains("at most 65507"));
        Assert.That(Echo(client, new string('x', 65_460)), Has.Length.EqualTo(65_460));
    }

    [Test]
    public void A_long_call_over_UNIX_sockets_gets_the_buffer_that_it_needs(
        [Values(EndpointKind.UnixPacket, EndpointKind.UnixGram)] EndpointKind kind)
    {
        const int Length = 300_000;
        if (MessageSize.Limit(kind) < Length + 44)
            Assert.Ignore("net.core.wmem_max is too small here");
        using MessageServer server = new(kind, "rpc");
        using RpcClient client = new(server.Endpoint);
        Assert.That(Echo(client, new string('x', Length)), Has.Length.EqualTo(Length));
    }

    [Test]
    public void A_seqpacket_server_that_closes_without_a_reply_is_reported()
    {
        MessageServer? server = null;
        server = new(EndpointKind.UnixPacket, "rpc", _ =>
        {
            server!.Dispose();
            return Fate.Drop;
        });
        using RpcClient client = new(server.Endpoint, RpcClientOptions.Default with { ReconnectFor = TimeSpan.Zero });
        Assert.That(() => Echo(client, "hello"), Throws.TypeOf<RpcConnectionException>().With.Message.Contains("closed the connection"));
    }
}
