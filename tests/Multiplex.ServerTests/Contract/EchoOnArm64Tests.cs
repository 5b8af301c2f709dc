using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>The echo contract on the command for ARM64, which qemu-user(1) runs: with a wrong layout or constant it would fail.</summary>
[TestFixtureSource(nameof(ModelsAndForms))]
public sealed class EchoOnArm64Tests(string model, ListenForm form) : EchoFixture(model, form)
{
    // A server executes itself anew to have these signals blocked, which the kernel cannot do with a program of another processor.
    private const string BlockedSignals = "--block-signal=TERM,INT,HUP,CHLD,USR1";

    /// <summary>Every model but uring over TCP, and one over a UNIX-domain socket: qemu-user has no io_uring(7).</summary>
    public static IEnumerable<TestFixtureData> ModelsAndForms =>
        Cells.Models.Where(model => model != "uring").Select(model => new TestFixtureData(model, ListenForm.Tcp))
            .Append(new("poll", ListenForm.UnixPath));

    private protected override ServerProcess StartServer()
    {
        string emulator = Tools.Require("qemu-aarch64-static", "qemu-aarch64");
        string command = Path.Combine(Repository.Root, "artifacts/multiplex-arm64/multiplex");
        if (!File.Exists(command))
            Tools.Missing($"{command} is not there: run ./run-all.sh build --arch arm64");
        return ServerProcess.StartProgram(
            "env", [BlockedSignals, emulator, "-L", "/usr/aarch64-linux-gnu", command, .. ServerProcess.ServeArguments(Model, "echo", Form.NewEndpoint())]);
    }
}
