using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using Multiplex.Sockets;
using Multiplex.Tls;
using NUnit.Framework;
using static Multiplex.ServerTests.Harness.RandomData;

namespace Multiplex.ServerTests.Tls;

/// <summary>The library's client over TLS, with servers of each model that does not fork.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.ModelsWithTls))]
public sealed class RpcClientOverTlsTests(string model)
{
    private readonly Certificates _certificates = new();

    private RpcClientOptions Trusting => new() { Tls = new() { CaFile = _certificates.Authority, TargetHost = "localhost" }, TlsProgram = (MultiplexV1.Program, MultiplexV1.Version) };

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCase(ListenForm.Tcp)]
    [TestCase(ListenForm.UnixAbstract)]
    public async Task It_calls_over_tls_blocking_and_not(ListenForm form)
    {
        const int Calls = 500;
        using ServerProcess server = Start(form);
        using RpcClient client = new(Endpoint.Parse(server.Address.Text), Trusting);
        Assert.That((client.Tls!.Subject, client.IsConnected), Is.EqualTo(("CN=multiplex test server", true)));
        MultiplexV1Client stub = new(client);
        Assert.That(stub.Echo([1, 2, 3]), Is.EqualTo((byte[])[1, 2, 3]));
        byte[] payload = RandomBytes(1 << 20);
        Assert.That(stub.Echo(payload).AsSpan().SequenceEqual(payload), Is.True);
        Assert.That(await Task.WhenAll(Enumerable.Range(0, Calls).Select(i => stub.EchoAsync(BitConverter.GetBytes(i)).AsTask())),
            Is.EqualTo(Enumerable.Range(0, Calls).Select(BitConverter.GetBytes)));
        byte[][] replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => stub.EchoAsync(payload).AsTask()));
        Assert.That(replies.All(reply => reply.AsSpan().SequenceEqual(payload)), Is.True);
    }

    [Test]
    public async Task It_connects_without_blocking_and_threads_share_it()
    {
        using ServerProcess server = Start(ListenForm.Tcp);
        await using RpcClient client = await RpcClient.ConnectAsync(server.Address.Text, Trusting with { Tls = new() { CaFile = _certificates.Authority } });
        MultiplexV1Client stub = new(client);
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            Assert.That(stub.Echo(BitConverter.GetBytes(i)), Is.EqualTo(BitConverter.GetBytes(i))));
    }

    [Test]
    public void A_connection_that_is_made_anew_has_tls_too()
    {
        string endpoint = ListenForm.UnixPath.NewEndpoint();
        using RpcClient client = Serve(endpoint, server =>
        {
            RpcClient first = new(Endpoint.Parse(endpoint), Trusting);
            new MultiplexV1Client(first).Echo([1]);
            Assert.That(server.Stop(), Is.Zero);
            return first;
        });
        Serve(endpoint, server =>
        {
            Assert.That(new MultiplexV1Client(client).Echo([2]), Is.EqualTo((byte[])[2]));
            Assert.That(client.Tls, Is.Not.Null);
            return client;
        });
    }

    [Test]
    public void A_server_that_is_not_trusted_is_for_another_host_or_has_no_tls_is_not_called()
    {
        using ServerProcess server = Start(ListenForm.Tcp);
        Refused(server, Trusting with { Tls = new() { CaFile = _certificates.OtherAuthority } }, "the peer's certificate is refused: ");
        Refused(server, Trusting with { Tls = new() { CaFile = _certificates.Authority, TargetHost = "example.org" } }, "hostname mismatch");
        using ServerProcess plain = ServerProcess.Start(model, "rpc", ListenForm.Tcp);
        Refused(plain, Trusting, "the server has none: AUTH_ERROR: ");
        using RpcClient good = new(Endpoint.Parse(server.Address.Text), Trusting);
        new MultiplexV1Client(good).Echo([1]);

        static void Refused(ServerProcess server, RpcClientOptions options, string why)
        {
            RpcTlsException refusal = Assert.Throws<RpcTlsException>(() => new RpcClient(Endpoint.Parse(server.Address.Text), options).Dispose())!;
            Assert.That(refusal.Message, Does.StartWith($"TLS with {server.Address.Text}: ").And.Contain(why).IgnoreCase);
        }
    }

    [Test]
    public void A_client_without_the_certificate_that_is_asked_for_fails_at_once()
    {
        using ServerProcess server = Start(ListenForm.Tcp, asksForCertificate: true);
        TlsClientOptions alice = Trusting.Tls! with { CertificateFile = _certificates["client.pem"], KeyFile = _certificates["client.key"] };
        using (RpcClient client = new(Endpoint.Parse(server.Address.Text), Trusting with { Tls = alice }))
            new MultiplexV1Client(client).Echo([1]);

        // In TLS 1.3 the client's handshake ends before the server checks its certificate.
        RpcTlsException refusal = Assert.Throws<RpcTlsException>(() =>
        {
            using RpcClient client = new(Endpoint.Parse(server.Address.Text), Trusting);
            new MultiplexV1Client(client).Echo([1]);
        })!;
        Assert.That(refusal.Message, Does.Contain("certificate required"));
    }

    [Test]
    public void The_command_calls_over_tls()
    {
        using ServerProcess server = Start(ListenForm.Tcp, asksForCertificate: true);
        string[] certificate = ["--tls-cert", _certificates["client.pem"], "--tls-key", _certificates["client.key"]];
        ProgramRun run = ProgramRun.Successfully(
            ServerProcess.Command, ["call", server.Address.Text, "echo", "hello", "--tls", "--tls-ca", _certificates.Authority, .. certificate]);
        Assert.That(run.Lines, Is.EqualTo((string[])["hello"]));
        ProgramRun plain = ProgramRun.Multiplex("call", server.Address.Text, "null");
        Assert.That((plain.Status, plain.Errors[0]), Is.EqualTo((1, plain.Errors[0])));
        Assert.That(plain.Errors[0], Does.Contain("AUTH_TOOWEAK"));
        ProgramRun stranger = ProgramRun.Multiplex("call", server.Address.Text, "null", "--tls");
        Assert.That(stranger.Status, Is.EqualTo(1));
        Assert.That(stranger.Errors, Has.Length.EqualTo(1).And.All.Contains("the peer's certificate is refused: "));
    }

    [Test]
    public void A_server_that_dies_in_the_handshake_fails_the_calls_in_their_time()
    {
        using ServerProcess server = Start(ListenForm.Tcp);
        server.Signal(Signum.SIGSTOP);
        Eventually.Holds(() => HasStopped(server), "the server goes on");   // the handshake may still be running on another thread
        Assert.That(
            () => new RpcClient(Endpoint.Parse(server.Address.Text), Trusting with { ConnectTimeout = TimeSpan.FromMilliseconds(300) }).Dispose(),
            Throws.InstanceOf<IOException>().Or.InstanceOf<Multiplex.Interop.SyscallException>());
    }

    private static bool HasStopped(ServerProcess server) => Directory.EnumerateDirectories($"/proc/{server.Id}/task")
        .All(thread => File.ReadLines($"{thread}/status").Any(line => line.StartsWith("State:\tT", StringComparison.Ordinal)));

    private ServerProcess Start(ListenForm form, bool asksForCertificate = false) =>
        ServerProcess.Start(model, "rpc", form, _certificates.Serve(asksForCertificate: asksForCertificate));

    private RpcClient Serve(string endpoint, Func<ServerProcess, RpcClient> call)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", [endpoint], _certificates.Serve());
        return call(server);
    }
}
