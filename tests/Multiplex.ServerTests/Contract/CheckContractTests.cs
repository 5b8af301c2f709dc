using Multiplex.ServerTests.Check;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>Every model passes all the checks of <c>multiplex check</c>.</summary>
[ModelSource(typeof(Cells), nameof(Cells.Served))]
public sealed class CheckContractTests(string model)
{
    private const string Timeout = "30s";

    [Test]
    [SeveralClients]
    public void Every_check_holds()
    {
        string serve = string.Join(' ', ServerProcess.ServeArguments(model, "echo", "tcp://127.0.0.1:{port}"));
        CheckRun run = CheckRun.Of("--command", $"exec {ServerProcess.Command} {serve}", "--timeout", Timeout);
        Assert.That(run.Named("fault").Concat(run.Named("skipped")), Is.Empty);
        Assert.That(run.Status, Is.Zero);
    }

    [Test]
    [SeveralClients]
    public void Every_check_holds_of_a_server_that_runs_already_at_a_path()
    {
        using ServerProcess server = ServerProcess.Start(model, "echo", ListenForm.UnixPath);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--pid", $"{server.Id}", "--timeout", Timeout);
        Assert.That(run.Named("fault"), Is.Empty);
        Assert.That(run.Named("skipped"), Is.EqualTo(new[] { "restart" }));
        Assert.That(run.Status, Is.Zero);
    }
}
