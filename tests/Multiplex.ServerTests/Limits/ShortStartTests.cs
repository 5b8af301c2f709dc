using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Limits;

/// <summary>A server that gets too few threads or descriptors at its start says in one line what could not be made, and leaves nothing.</summary>
public sealed class ShortStartTests
{
    [Test]
    public void Without_threads_for_all_it_fails_and_says_which_one_is_missing(
        [Values("pool --workers", "hybrid --workers", "reactors --reactors", "uring --reactors")] string model)
    {
        string[] arguments = Arguments($"{model} 200", out string name);
        ProgramRun run = FewThreads.Run(60, arguments);
        AssertFailed(run, name);
        Assert.That(run.Errors[0], Does.Match(@"^multiplex: thread \d+ of 200 could not be started: "));
    }

    // At the lower limits no loop gets its sockets or its stop; at the highest, loops that run already lack descriptors of their own.
    [Test]
    public void Without_descriptors_for_all_it_fails_and_says_what_is_missing(
        [Values("reactors", "uring")] string model, [Values(100, 200, 300, 350, 400)] int descriptors)
    {
        string[] arguments = Arguments($"{model} --reactors 100", out string name);
        ProgramRun run = ProgramRun.Of(Tools.Require("sh"), ["-c", $"ulimit -n {descriptors}; exec \"$0\" \"$@\"", ServerProcess.Command, .. arguments]);
        AssertFailed(run, name);
        Assert.That(
            run.Errors[0],
            descriptors < 200 ? Does.Match("^multiplex: .*EMFILE") : Does.Match(@"^multiplex: (reactor \d+ of 100 could not be started: .*EMFILE|thread \d+ of 100 could not be started: )"),
            "a runtime that compiles while it runs needs descriptors for a thread too");
    }

    [Test]
    public void A_start_that_cannot_be_announced_leaves_nothing([ValueSource(typeof(Cells), nameof(Cells.Served))] string model)
    {
        string[] arguments = Arguments(model, out string name);
        ProgramRun run = ProgramRun.Of(Tools.Require("sh"), ["-c", "exec \"$0\" \"$@\" >/dev/full", ServerProcess.Command, .. arguments]);
        AssertFailed(run, name);
        Assert.That(run.Errors[0], Does.Contain("ENOSPC").Or.Contain("No space left on device"));
    }

    private static string[] Arguments(string model, out string name)
    {
        string unix = ListenForm.UnixPath.NewEndpoint();
        name = unix["unix:".Length..];
        return [.. ServerProcess.ServeArguments(model, "rpc", ListenForm.Tcp.NewEndpoint(), unix)];
    }

    private static void AssertFailed(ProgramRun run, string name)
    {
        Assert.That(run.Status, Is.EqualTo(1), () => string.Join('\n', run.Errors));
        Assert.That(run.Lines, Is.Empty, "it does not say that it listens");
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(File.Exists(name), Is.False, "the name of its socket is removed");
    }
}
