using System.Net.Sockets;
using System.Security.Authentication;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>Servers with TLS on each model that does not fork, and other clients: one in C on OpenSSL, and clients that must be refused.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsWithTls))]
public sealed class TlsPeerTests(string model)
{
    private static readonly string[] s_usual = ["granted", "TLSv1.3 sunrpc", "echo: over TLS", "echo: with new keys!!!", "resumable: 0", "end: close_notify"];

    private readonly Certificates _certificates = new();

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [Test]
    public void A_client_in_C_calls_over_tls_changes_its_keys_and_says_goodbye()
    {
        using ServerProcess server = Start("optional");
        for (int i = 0; i < 3; i++)
        {
            Assert.That(ProgramRun.Successfully(OpenSslClient.Program, OpenSslClient.Arguments(server.Address, _certificates)).Lines, Is.EqualTo(s_usual));
            using RpcPeer plain = new(server.Address);
            plain.Null();
        }

        Assert.That(server.Stop(), Is.Zero);
        Assert.That((server.FinalCount(Counter.TlsConnections), server.FinalCount(Counter.TlsFailures)), Is.EqualTo((3, 0)));
    }

    [Test]
    public void SIGHUP_renews_the_certificate_and_one_that_is_none_changes_nothing()
    {
        using Certificates renewed = new();
        string folder = Directory.CreateTempSubdirectory("multiplex-tls-").FullName, config = Path.Combine(folder, "serve.toml");
        string certificate = Path.Combine(folder, "server.pem"), key = Path.Combine(folder, "server.key");
        File.WriteAllText(config, $"model = \"{model}\"\nprotocol = \"rpc\"\nlisten = \"tcp://127.0.0.1:0\"\ntls = \"required\"\ntls-cert = \"{certificate}\"\ntls-key = \"{key}\"\n");
        Use(_certificates);
        using (ServerProcess server = ServerProcess.StartProgram(ServerProcess.Command, ["serve", "--config", config]))
        {
            using RpcPeer before = new(server.Address);
            before.Secure(_certificates.Client());
            Use(renewed);
            HangUp(server, "configuration read again: nothing changed; the files of TLS are read again");
            before.Null();
            if (Cells.ModelsThatServeMany.Contains(model))
                CallOver(server, renewed);
            File.WriteAllText(certificate, "no certificate");
            HangUp(server, "configuration read again: nothing changed; those of TLS are as before: TLS: ");
            before.Null();
            before.Dispose();
            CallOver(server, renewed);
            using RpcPeer old = new(server.Address);
            Assert.That(() => old.Secure(_certificates.Client()), Throws.InstanceOf<AuthenticationException>());
            old.Dispose();
            Use(renewed);
            File.WriteAllText(config, File.ReadAllText(config).Replace("required", "optional"));
            HangUp(server, "configuration read again: nothing changed; the files of TLS are read again; with a restart: tls");
            Assert.That(ProgramRun.Multiplex("call", server.Address.Text, "null").Status, Is.EqualTo(1), "without TLS");
            Assert.That(server.Stop(), Is.Zero);
        }

        Directory.Delete(folder, recursive: true);

        void Use(Certificates files)
        {
            File.Copy(files["server.pem"], certificate, overwrite: true);
            File.Copy(files["server.key"], key, overwrite: true);
        }
    }

    [Test]
    public void A_server_that_stops_says_goodbye()
    {
        using ServerProcess server = Start("required");
        using ServerProcess client = ServerProcess.StartProgram(
            "/usr/bin/env", ["WAIT=1", OpenSslClient.Program, .. OpenSslClient.Arguments(server.Address, _certificates)], endpoints: 0);
        Eventually.Holds(() => client.Output.Count == s_usual.Length - 1, () => string.Join('\n', client.Output));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(client.WaitForExit(), Is.Zero);
        Assert.That(client.Output, Is.EqualTo(s_usual));
    }

    [Test]
    public void Where_certificates_are_asked_for_clients_of_the_authority_are_served_and_no_others()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, _certificates.Serve(asksForCertificate: true));
        foreach (string? name in (string?[])["client", null, "stranger", "client"])
        {
            using RpcPeer peer = new(server.Address);
            if (name == "client")
            {
                peer.Secure(_certificates.Client(name));
                peer.Null();
                continue;
            }

            // In TLS 1.3 the client's handshake ends before the server checks its certificate.
            Assert.That(
                () =>
                {
                    peer.Secure(_certificates.Client(name));
                    peer.Null();
                },
                Throws.InstanceOf<AuthenticationException>().Or.InstanceOf<IOException>());
        }

        Assert.That(ProgramRun.Successfully(OpenSslClient.Program, OpenSslClient.Arguments(server.Address, _certificates, "client")).Lines, Is.EqualTo(s_usual));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That((server.FinalCount(Counter.TlsConnections), server.FinalCount(Counter.TlsFailures)), Is.EqualTo((3, 2)));
    }

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(100)]
    public void A_handshake_that_does_not_come_to_its_end_is_closed_in_time(int bytes)
    {
        using SharedCounters counters = new();
        using ServerProcess server = Start("required", ["--request-timeout", "200ms", .. counters.Option]);
        using RpcPeer peer = new(server.Address);
        peer.Exchange(RpcWire.CallAs(1, RpcWire.Null, RpcWire.AuthTls, []));
        byte[] half = [22, 3, 1, 1, 0, 1, 0, 0, 252, .. new byte[91]];   // a ClientHello of 252 bytes
        peer.Client.Send(half.AsSpan(0, bytes));
        peer.Client.ReceiveUntilClosedOrReset();
        counters.Await(Counter.RequestTimeouts, 1);

        // On a busy machine an honest handshake may take too long as well.
        string refused = "";
        Eventually.Holds(IsServed, () => refused);

        bool IsServed()
        {
            try
            {
                CallOver(server, _certificates);
                return true;
            }
            catch (Exception e) when (e is IOException or SocketException or AuthenticationException)
            {
                refused = e.ToString();
                return false;
            }
        }
    }

    [Test]
    public void Many_clients_come_and_go()
    {
        const int Clients = 40, AtATime = 4;
        using ServerProcess server = Start("required");
        Parallel.For(0, Clients, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, i =>
        {
            using RpcPeer peer = new(server.Address);
            peer.Secure(_certificates.Client());
            Assert.That(peer.Echo([(byte)i]), Is.EqualTo((byte[])[(byte)i]));
            if (i % 3 == 0)
                peer.Client.Vanish();
        });
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.TlsConnections), Is.EqualTo(Clients));
    }

    [Test]
    public void A_file_that_is_no_certificate_ends_the_start_with_one_line()
    {
        ProgramRun run = ProgramRun.Multiplex(
            [.. ServerProcess.ServeArguments(model, "rpc", "tcp://127.0.0.1:0"), "--tls", "required", "--tls-cert", "/dev/null", "--tls-key", _certificates["server.key"]]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors, Has.Length.EqualTo(1).And.All.StartsWith("multiplex: TLS: /dev/null is no certificate in PEM: "));
    }

    private static void HangUp(ServerProcess server, string status)
    {
        server.Signal(Signum.SIGHUP);
        Eventually.Holds(() => server.Errors.Any(line => line.StartsWith($"multiplex: {status}", StringComparison.Ordinal)), () => string.Join('\n', server.Errors));
    }

    private static void CallOver(ServerProcess server, Certificates certificates)
    {
        using RpcPeer peer = new(server.Address);
        peer.Secure(certificates.Client());
        peer.Null();
    }

    private ServerProcess Start(string policy, params string[] options) =>
        ServerProcess.Start(model, "rpc", ListenForm.Tcp, [.. _certificates.Serve(policy), .. options]);
}
