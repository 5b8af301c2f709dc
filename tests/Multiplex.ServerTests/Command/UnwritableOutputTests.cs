using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>Every verb fails if its result cannot be written, and says why in one line.</summary>
public sealed class UnwritableOutputTests
{
    private static readonly string[] s_load = ["--connections", "1", "--duration", "100ms"];

    [TestCase("models")]
    [TestCase("--help")]
    [TestCase("--version")]
    [TestCase("rpcbind", "--listen", "tcp://127.0.0.1:0")]
    public void It_is_said(params string[] arguments) => FailsOnEveryDevice(arguments);

    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void A_server_that_cannot_say_where_it_listens_ends(string model) =>
        FailsOnEveryDevice("serve", "--model", model, "--listen", "tcp://127.0.0.1:0");

    [Test]
    public void What_a_server_answered_or_how_fast_is_a_result_too()
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        string[] load = ["load", "--connect", server.Address.Text, .. s_load];
        FailsOnEveryDevice("call", server.Address.Text, "echo", "hello");
        FailsOnEveryDevice(load);
        FailsOnEveryDevice([.. load, "--json", "-"]);
        foreach (string option in (string[])["--json", "--csv", "--html", "--hlog"])
            Fails("/dev/null", [.. load, option, "/dev/full"]);
    }

    [Test]
    public void Stubs_and_lists_of_registrations_are_results_too()
    {
        string file = Path.ChangeExtension(Path.GetTempFileName(), ".x");
        File.WriteAllText(file, "const SIX = 6;\n");
        FailsOnEveryDevice("rpcgen", file);
        File.Delete(file);
        using ServerProcess names = ServerProcess.StartProgram(ServerProcess.Command, ["rpcbind", "--listen", "tcp://127.0.0.1:0"]);
        FailsOnEveryDevice("rpcinfo", "--rpcbind", names.Address.Text);
        FailsOnEveryDevice("rpcinfo", "--rpcbind", names.Address.Text, "127.0.0.1", "100000");
    }

    // A device that is full, and a pipe that no process reads.
    private static void FailsOnEveryDevice(params string[] arguments)
    {
        Fails("/dev/full", arguments);
        string pipe = Path.GetTempFileName();
        File.Delete(pipe);
        ProgramRun run = ProgramRun.Of(
            "sh", ["-c", "mkfifo \"$0\" && exec 3<>\"$0\" 4>\"$0\" 3<&- && rm \"$0\" && exec \"$@\" >&4", pipe, ServerProcess.Command, .. arguments]);
        Check(run, "EPIPE", arguments);
    }

    private static void Fails(string output, params string[] arguments) =>
        Check(ProgramRun.Of("sh", ["-c", "exec \"$@\" > \"$0\"", output, ServerProcess.Command, .. arguments]), "No space left on device", arguments);

    private static void Check(ProgramRun run, string why, string[] arguments)
    {
        Assert.That(run.Status, Is.EqualTo(1), () => string.Join(' ', arguments));
        Assert.That(run.Errors, Has.Length.EqualTo(1), () => $"{string.Join(' ', arguments)}: {string.Join('\n', run.Errors)}");
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains(why));
    }
}
