using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.ServerTests.Harness.Tls;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>RPC with TLS as tshark decodes it: one plain call and its reply, RFC 9289 section 4.1, and from then on TLS and nothing else.</summary>
public sealed class TlsCaptureTests
{
    private const string ClientHello = "1", ServerHello = "2", Sunrpc = "sunrpc";

    private readonly Certificates _certificates = new();

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCase("epoll")]
    [TestCase("hybrid")]
    [TestCase("threads")]
    [TestCase("uring")]
    public void The_probe_is_plain_and_what_follows_is_TLS(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, _certificates.Serve());
        using PacketCapture capture = PacketCapture.Start(server.Address.Port);
        ProgramRun.Successfully(OpenSslClient.Program, OpenSslClient.Arguments(server.Address, _certificates));
        RpcClientOptions trusting = new() { Tls = new() { CaFile = _certificates.Authority }, TlsProgram = (MultiplexV1.Program, MultiplexV1.Version) };
        using (RpcClient client = new(Endpoint.Parse(server.Address.Text), trusting))
            Assert.That(new MultiplexV1Client(client).Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        capture.End();

        string[][] messages = [.. capture.Packets(
            ["-o", "rpc.dissect_unknown_programs:TRUE"], "tcp.stream", "rpc.msgtyp", "rpc.auth.flavor", "rpc.auth.length", "rpc.opaque_data").Where(packet => packet[1].Length > 0)];
        string verifier = Convert.ToHexStringLower("STARTTLS"u8);
        foreach (string stream in (string[])["0", "1"])
        {
            Assert.That(messages.Where(packet => packet[0] == stream).Select(packet => string.Join(' ', packet[1..]).Replace(":", "").TrimEnd()), Is.EqualTo(new[]
            {
                "0 7,0 0,0",                // CALL, credential AUTH_TLS without a body, verifier AUTH_NONE without one
                $"1 0 8 {verifier}",        // REPLY, verifier AUTH_NONE with eight bytes
            }));
            string[][] records = [.. capture.Packets(
                ["-d", $"tcp.port=={server.Address.Port},tls"], "tcp.stream", "tls.record.content_type", "tls.record.opaque_type", "tls.handshake.type", "tls.handshake.extensions_alpn_str")
                .Where(packet => packet[0] == stream).Skip(2)];
            Assert.That(records, Is.Not.Empty.And.All.Matches<string[]>(packet => packet![1].Length + packet[2].Length > 0), "all are records of TLS");
            Assert.That((records[0][3], records[0][4]), Is.EqualTo((ClientHello, Sunrpc)));
            Assert.That(records[1][3], Does.StartWith(ServerHello));
        }
    }
}
