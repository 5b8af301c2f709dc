using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>Where the kernel refuses io_uring, as most container runtimes have it do, <c>serve</c> says so.</summary>
public sealed class WithoutUring
{
    [Test]
    public void A_server_that_may_not_use_io_uring_fails_with_one_line_and_leaves_nothing()
    {
        string folder = Directory.CreateTempSubdirectory("multiplex-seccomp-").FullName;
        string program = Path.Combine(folder, "without_io_uring");
        ProgramRun.Successfully(
            Tools.Require("gcc"), ["-o", program, Path.Combine(AppContext.BaseDirectory, "Command", "without_io_uring.c")]);
        string endpoint = ListenForm.UnixPath.NewEndpoint();
        ProgramRun run = ProgramRun.Of(program, [ServerProcess.Command, "serve", "--model", "uring", "--listen", endpoint]);
        Directory.Delete(folder, recursive: true);

        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: io_uring_setup").And.Contains("EPERM").And.Contains("kernel.io_uring_disabled"));
        Assert.That(File.Exists(endpoint["unix:".Length..]), Is.False);
    }
}
