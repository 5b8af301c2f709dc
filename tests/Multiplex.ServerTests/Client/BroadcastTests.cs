using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Client;

/// <summary>One call to many servers. The loopback interface has a broadcast address too.</summary>
public sealed class BroadcastTests
{
    private static readonly RpcClientOptions s_options = new()
    {
        FirstRetry = TimeSpan.FromMilliseconds(20),
        Timeout = TimeSpan.FromMilliseconds(300),
    };

    private ServerProcess? _server;
    private Endpoint[] _addresses = [];

    [OneTimeSetUp]
    public void Start()
    {
        _server = ServerProcess.Start("epoll", "rpc", ["udp://127.0.0.2:0", "udp://127.0.0.3:0", "udp://127.0.0.4:0", "udp://*:0"]);
        _addresses = [.. _server.Addresses.Select(address => Endpoint.Parse(address.Text))];
        _addresses[3] = _addresses[3] with { Host = "127.255.255.255" };   // which only a socket bound to every interface receives
    }

    [OneTimeTearDown]
    public void Stop() => _server?.Dispose();

    private IReadOnlyList<RpcBroadcastReply<byte[]>> Echo(
        RpcProcedure procedure, RpcClientOptions options, Func<RpcBroadcastReply<byte[]>, bool>? isEnough = null) =>
        RpcBroadcast.Call(_addresses, procedure, (byte[])[1, 2, 3], Procedures.WriteOpaque, Procedures.ReadOpaque, options, isEnough);

    [Test]
    public void Every_server_answers_once_however_often_it_is_asked()
    {
        int count = 0;

        // Until all have answered, as the machine may be busy; then for a while, to see servers that answer a second time.
        IReadOnlyList<RpcBroadcastReply<byte[]>> all =
            Echo(Procedures.EchoProcedure, s_options with { Timeout = Eventually.Deadline }, _ => ++count == _addresses.Length);
        Assert.That(all.Select(reply => reply.Results), Has.All.EqualTo((byte[])[1, 2, 3]));
        Assert.That(all.Select(reply => reply.Server.Port), Is.EquivalentTo(_addresses.Select(address => address.Port)));
        Assert.That(Echo(Procedures.EchoProcedure, s_options).Select(reply => reply.Server), Is.Unique);
    }

    [Test]
    public void Servers_that_refuse_the_call_say_nothing() =>
        Assert.That(Echo(Procedures.EchoProcedure with { Program = 7 }, s_options), Is.Empty);

    [Test]
    public void An_address_that_has_no_broadcast_is_refused()
    {
        foreach (string address in (string[])["tcp://127.0.0.1:1", "unixgram:@x"])
        {
            Assert.That(
                () => RpcBroadcast.Call([Endpoint.Parse(address)], Procedures.NullProcedure, 0, (_, _) => { }, (ref XdrReader _) => true),
                Throws.TypeOf<ArgumentException>().With.Message.Contains("UDP over IPv4"));
        }
    }
}
