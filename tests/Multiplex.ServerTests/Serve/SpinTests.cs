using System.Text.Json;
using Multiplex.Models;
using Multiplex.ServerTests.Check;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary><c>--spin</c>: a loop that polls for requests before it sleeps serves like any other, and sleeps when none come.</summary>
public sealed class SpinTests
{
    private static IEnumerable<string> Spinning => ServerModelCatalog.All.Where(model => model.Spins).Select(model => model.Name);

    [Test]
    public void Every_model_with_a_loop_has_it() =>
        Assert.That(Spinning, Is.EquivalentTo(Cells.Models.Where(Cells.AnswersOnLoops)));

    [TestCaseSource(nameof(Spinning))]
    public void Every_check_holds_also_that_of_an_idle_server(string model)
    {
        string serve = string.Join(' ', ServerProcess.ServeArguments(model, "echo", "tcp://127.0.0.1:{port}"));
        CheckRun run = CheckRun.Of("--command", $"exec {ServerProcess.Command} {serve} --spin 1ms", "--timeout", "30s");
        Assert.That(run.Named("fault").Concat(run.Named("skipped")), Is.Empty);
    }

    [TestCaseSource(nameof(Spinning))]
    public void Calls_in_the_rhythm_of_a_load_that_spins_too_are_all_answered(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, "--spin", "50us");
        ProgramRun run = ProgramRun.Multiplex(
            "load", server.Address.Text, "--connections", "1", "--requests", "2000", "--spin", "50us", "--json", "-");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.EqualTo(2000));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.Calls), Is.EqualTo(2000));
    }
}
