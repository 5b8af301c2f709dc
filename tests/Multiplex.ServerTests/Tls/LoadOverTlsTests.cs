using System.Text.Json;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Tls;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>The load generator over TLS.</summary>
public sealed class LoadOverTlsTests
{
    private const int Requests = 300;
    private readonly Certificates _certificates = new();

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCaseSource(typeof(Cells), nameof(Cells.ModelsWithTls))]
    public void Every_model_is_loaded(string model) => EveryReplyComes("--depth 16 --size 64=9,100k=1", model);

    [TestCase("--depth 1", TestName = "One call after the other")]
    [TestCase("--rate 2000", TestName = "Calls at a rate")]
    [TestCase("--calls-per-connection 20", TestName = "Connections that are made anew")]
    [TestCase("--threads 2 --idle 3", TestName = "Several threads, and idle connections")]
    [TestCase("--program 0x20004543/1", TestName = "A program by its number")]
    public void Every_reply_comes(string options) => EveryReplyComes(options);

    [Test]
    public void A_client_shows_its_certificate()
    {
        using ServerProcess server = Start(asksForCertificate: true);
        string[] trusting = ["--tls", "--tls-ca", _certificates.Authority];
        ProgramRun run = Load(server, [.. trusting, "--tls-cert", _certificates["client.pem"], "--tls-key", _certificates["client.key"]]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
        Assert.That(Load(server, trusting).Status, Is.EqualTo(1));
    }

    [Test]
    public void Without_TLS_there_is_no_load()
    {
        using ServerProcess server = Start();
        Refused(Load(server, ["--tls", "--tls-ca", _certificates.OtherAuthority]), "the peer's certificate is refused: ");
        Refused(Load(server, ["--tls", "--tls-ca", _certificates.Authority, "--tls-host", "example.org"]), "hostname mismatch");
        using ServerProcess plain = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        Refused(Load(plain, ["--tls", "--tls-ca", _certificates.Authority]), "the server has none: AUTH_ERROR: ");

        static void Refused(ProgramRun run, string why)
        {
            Assert.That(run.Status, Is.EqualTo(1));
            Assert.That(run.Errors, Has.Length.EqualTo(1).And.All.Contains(why).IgnoreCase);
        }
    }

    private void EveryReplyComes(string options, string model = "epoll")
    {
        using ServerProcess server = Start(model: model);
        ProgramRun run = Load(server, ["--tls", "--tls-ca", _certificates.Authority, .. options.Split(' ')], model);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.EqualTo(Requests));
        Assert.That(report.RootElement.GetProperty("options").GetProperty("tls").GetBoolean(), Is.True);
    }

    // A model that serves one connection at a time has the others wait.
    private static ProgramRun Load(ServerProcess server, string[] options, string model = "epoll")
    {
        int connections = Cells.ModelsThatServeMany.Contains(model) ? 5 : 1;
        return ProgramRun.Multiplex(["load", server.Address.Text, "--connections", $"{connections}", "--requests", $"{Requests}", "--json", "-", .. options]);
    }

    private ServerProcess Start(bool asksForCertificate = false, string model = "epoll") =>
        ServerProcess.Start(model, "rpc", ListenForm.Tcp, _certificates.Serve(asksForCertificate: asksForCertificate));
}
