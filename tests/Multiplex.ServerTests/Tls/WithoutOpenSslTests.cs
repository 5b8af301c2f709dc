using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.ServerTests.Harness.Tls;
using NUnit.Framework;

namespace Multiplex.ServerTests.Tls;

/// <summary>A machine without libssl.so.3: commands without TLS work, and those with TLS name in one line what is missing.</summary>
public sealed class WithoutOpenSslTests
{
    private const string WhatIsMissing = "TLS needs OpenSSL 3: libssl.so.3 and libcrypto.so.3 cannot be loaded; install the package libssl3, or openssl-libs";

    // An empty file is mounted over each copy of it, in a mount namespace of the test.
    private const string Hide = """for copy in $(/sbin/ldconfig -p | sed -n 's/.*=> \(.*libssl\.so\.3\)$/\1/p'); do mount --bind /dev/null "$copy"; done; exec "$0" "$@" """;

    private readonly Certificates _certificates = new();

    [OneTimeSetUp]
    public void Require_a_namespace() => NetworkOf.RequireOne();

    [OneTimeTearDown]
    public void Delete_the_certificates() => _certificates.Dispose();

    [TestCaseSource(typeof(Cells), nameof(Cells.ModelsWithTls))]
    public void A_server_says_so_when_it_starts(string model)
    {
        ProgramRun run = Multiplex([.. ServerProcess.ServeArguments(model, "rpc", "tcp://127.0.0.1:0"), .. _certificates.Serve()]);
        Assert.That((run.Status, run.Lines.Length), Is.EqualTo((1, 0)));
        Assert.That(run.Errors, Is.EqualTo(new[] { $"multiplex: {WhatIsMissing}" }));
    }

    [Test]
    public void A_client_says_so_and_one_without_tls_calls()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp, _certificates.Serve("optional"));
        ProgramRun secured = Multiplex("call", server.Address.Text, "null", "--tls", "--tls-ca", _certificates.Authority);
        Assert.That((secured.Status, secured.Lines.Length), Is.EqualTo((1, 0)));
        Assert.That(secured.Errors, Has.Length.EqualTo(1).And.All.StartsWith($"multiplex: {WhatIsMissing}"));
        Assert.That(Multiplex("call", server.Address.Text, "null").Status, Is.Zero);
    }

    private static ProgramRun Multiplex(params string[] arguments) =>
        ProgramRun.Of(Tools.Require("unshare"), ["--mount", "sh", "-c", Hide, ServerProcess.Command, .. arguments]);
}
