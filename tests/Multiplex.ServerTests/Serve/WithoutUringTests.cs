using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>Where the kernel refuses io_uring, as under most container runtimes, <c>serve</c> says so.</summary>
public sealed class WithoutUringTests
{
    [Test]
    public void A_server_that_may_not_use_io_uring_fails_with_one_line_and_leaves_nothing()
    {
        string endpoint = ListenForm.UnixPath.NewEndpoint();
        ProgramRun run = RefusedCalls.WithoutUring("serve", "--model", "uring", "--listen", endpoint);

        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: io_uring_setup").And.Contains("EPERM").And.Contains("kernel.io_uring_disabled"));
        Assert.That(File.Exists(endpoint["unix:".Length..]), Is.False);
    }
}
