using System.Net;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>HAProxy in front of every model: by send-proxy and send-proxy-v2 the server knows the client, and health checks are no errors.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class BehindHaproxyTests(string model)
{
    private const int Version1 = 7001, Version2 = 7002, ToUnix = 7003;

    private readonly string _haproxy = Tools.Require("haproxy");

    [Test]
    public void The_client_is_known_and_a_health_check_is_no_error()
    {
        // A loopback address that no other test uses, so that its ports are free.
        IPAddress host = new([127, .. Guid.NewGuid().ToByteArray().AsSpan(0, 3)]);
        using SharedCounters counters = new();
        using ServerProcess server = ServerProcess.Start(
            model, "rpc", [ListenForm.Tcp.NewEndpoint(), ListenForm.UnixPath.NewEndpoint()], ["--proxy-protocol", "127.0.0.1,unix", .. counters.Option]);
        string configuration = Path.GetTempFileName();
        File.WriteAllText(
            configuration,
            $"""
            global
                maxconn 64
            defaults
                mode tcp
                timeout connect 60s
                timeout client 60s
                timeout server 60s
                timeout check 60s
                default-server check check-send-proxy inter 50ms rise 1 fall 1000
            listen version1
                bind {host}:{Version1}
                server one 127.0.0.1:{server.Addresses[0].Port} send-proxy
            listen version2
                bind {host}:{Version2}
                server two 127.0.0.1:{server.Addresses[0].Port} send-proxy-v2 proxy-v2-options crc32c,unique-id
                unique-id-format %ci:%cp
            listen unix
                bind {host}:{ToUnix}
                server three unix@{server.Addresses[1].FilePath} send-proxy-v2

            """);
        ServerProcess proxy = ServerProcess.LaunchProgram(_haproxy, "-db", "-f", configuration);
        try
        {
            foreach (int port in (int[])[Version1, Version2, ToUnix])
            {
                ServerAddress address = new(Endpoint.Parse($"tcp://{host}:{port}"));
                Eventually.Holds(address.TakesConnections, () => string.Join('\n', proxy.Errors));
                using RpcPeer peer = new(address);
                Assert.That(peer.Whoami().Peer, Is.EqualTo($"tcp://{peer.Client.Local}"));
            }

            counters.Await(Counter.Accepted, counters[Counter.Accepted] + 10);   // health checks
        }
        finally
        {
            proxy.Dispose();
            File.Delete(configuration);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(
            (counters[Counter.ProxyErrors], counters[Counter.ProtocolErrors], counters[Counter.Broken], counters[Counter.RequestTimeouts]), Is.EqualTo((0L, 0L, 0L, 0L)), string.Join('\n', server.Errors));
    }
}
