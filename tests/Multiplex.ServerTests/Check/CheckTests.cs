using Multiplex.Check;
using Multiplex.Load.Comparison.Servers;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Check;

/// <summary><c>multiplex check</c> finds each fault that is planted in a server, and none in a sound one.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class CheckTests
{
    private const int Holds = 0, Faulty = 1;

    private static readonly string[] s_needConcurrency = ["many-at-once", "isolation", "beside-slow-reader"];

    public static IEnumerable<TestCaseData> Sound =>
    [
        Case("a process for each connection, in C", () => HomeworkServers.InC("fork")),
        Case("a thread for each connection, in C", () => HomeworkServers.InC("threads")),
        Case("poll, in C", () => HomeworkServers.InC("poll")),
        Case("asyncio, in Python", () => HomeworkServers.InPython()),
    ];

    // The first name after the server is the check made for its fault; the others inevitably fail of it too.
    public static IEnumerable<TestCaseData> Broken =>
    [
        Case("one client after the other", () => HomeworkServers.InC("fork", "WITHOUT_FORK"), "concurrency"),
        Case("children are not waited for", () => HomeworkServers.InC("fork", "WITHOUT_WAIT"), "zombies"),
        Case("the parent keeps the connection open", () => HomeworkServers.InC("fork", "WITHOUT_CLOSE_IN_PARENT"), "half-close", "descriptors"),
        Case("no SO_REUSEADDR", () => HomeworkServers.InC("fork", "WITHOUT_REUSEADDR"), "restart"),
        Case("bytes are taken for a string", () => HomeworkServers.InC("fork", "WITH_STRINGS"), "any-byte"),
        Case("bytes are taken for lines", () => HomeworkServers.InC("fork", "WITH_LINES"), "byte-by-byte", "half-close"),   // the client may block within a line
        Case("connections are not closed", () => HomeworkServers.InC("threads", "WITHOUT_CLOSE"), "descriptors"),
        Case("SIGPIPE ends the server", () => HomeworkServers.InC("threads", "WITH_SIGPIPE"), "vanishing"),
        Case("threads share a buffer", () => HomeworkServers.InC("threads", "WITH_ONE_BUFFER"), "isolation", "many-at-once", "vanishing", "concurrency", "beside-slow-reader"),
        Case("a write that blocks", () => HomeworkServers.InC("poll", "WITH_BLOCKING_WRITES"), "beside-slow-reader"),
        Case("what a write did not take is lost", () => HomeworkServers.InC("poll", "WITHOUT_THE_REST"), "slow-reader", "half-close", "large", "isolation"),
        Case("what is unwritten at the end of file is lost", () => HomeworkServers.InC("poll", "WITHOUT_THE_LAST"), "half-close"),
        Case("POLLOUT is always asked for", () => HomeworkServers.InC("poll", "WITH_POLLOUT_ALWAYS"), "idle"),
        Case("memory holds what a client does not read, in C", () => HomeworkServers.InC("poll", "WITHOUT_LIMIT"), "slow-reader"),
        Case("memory holds what a client does not read, in Python", () => HomeworkServers.InPython("without-drain"), "slow-reader"),
    ];

    [TestCaseSource(nameof(Sound))]
    public void Nothing_is_found_in_a_sound_server(Func<string> server, string[] none)
    {
        CheckRun run = CheckRun.Of("--command", server(), "--timeout", "30s");
        Assert.That(run.Named("fault"), Is.EqualTo(none));
        Assert.That(run.Named("holds"), Is.EqualTo(CheckSuite.Echo.Checks.Select(check => check.Name)));
        Assert.That(run.Status, Is.EqualTo(Holds));
    }

    // Its queue of listen(2) holds one connection, and connect(2) on a non-blocking UNIX-domain socket does not wait for room in it.
    [Test]
    public void Nothing_is_found_in_a_sound_server_on_a_UNIX_socket_with_a_short_queue()
    {
        string path = Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.sock");
        try
        {
            using ServerProcess server = ServerProcess.StartProgram(HomeworkServers.Compiled("threads"), [path]);
            CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--pid", $"{server.Id}", "--timeout", "30s");
            Assert.That(run.Named("fault"), Is.Empty);
            Assert.That(run.Named("holds"), Is.EqualTo(CheckSuite.Echo.Checks.Select(check => check.Name).Except(["restart"])));
            Assert.That(run.Status, Is.EqualTo(Holds));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCaseSource(nameof(Broken))]
    public void A_planted_fault_is_found_and_no_other(Func<string> server, string[] checks)
    {
        CheckRun run = CheckRun.Of("--command", server(), "--timeout", "15s");
        string[] faults = [.. run.Named("fault")];

        // A fault that depends on timing may show when the first two clients meet; then the checks of many clients are left out.
        string found = checks.Contains("concurrency") && faults.Contains("concurrency") ? "concurrency" : checks[0];
        Assert.That(faults, Has.Member(found).And.SubsetOf(checks));
        Assert.That(run.Named("skipped"), Is.EqualTo(found == "concurrency" ? s_needConcurrency : []));
        Assert.That(run.Status, Is.EqualTo(Faulty));

        // What is wrong is said in the course's words, and where the tour has them.
        ServerCheck planted = CheckSuite.Echo.Checks.Single(check => check.Name == found);
        int row = Array.FindIndex(run.Lines, line => line.StartsWith($"{planted.Name} ", StringComparison.Ordinal));
        Assert.That(run.Lines[row], Does.Contain("FAULT").And.Contain(planted.Tried));
        Assert.That(run.Lines[(row + 1)..(row + 3)].Select(line => line.Trim()), Is.EqualTo(new[] { planted.Word, $"see multiplex tour {planted.Lesson}" }));
    }

    [Test]
    public void A_model_of_one_client_at_a_time_lacks_concurrency_alone()
    {
        using ServerProcess server = ServerProcess.Start("iterative", "echo", ListenForm.Tcp);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--pid", $"{server.Id}");
        Assert.That(run.Named("fault"), Is.EqualTo(new[] { "concurrency" }));
        Assert.That(run.Named("skipped"), Is.EqualTo((string[])[.. s_needConcurrency, "restart"]));
    }

    [Test]
    public void A_server_that_ends_has_no_further_checks_and_is_said_to_have_ended()
    {
        using PeerServer server = PeerServer.Start("the server", HomeworkServers.InC("threads", "WITH_SIGPIPE"));
        CheckRun run = CheckRun.Of("--connect", $"{server.Endpoint}", "--pid", $"{server.Id}");
        Assert.That(run.Named("fault"), Is.EqualTo(new[] { "vanishing" }));
        Assert.That(run.Named("skipped"), Is.EqualTo(new[] { "descriptors", "zombies", "idle", "restart" }));
        Assert.That(run.Lines, Has.Some.EndsWith("the server accepts no connections since vanishing"));
        Eventually.Holds(() => server.Ended is not null, "the server has not ended");
        Assert.That(server.Ended, Does.Contain("signal 13"), "SIGPIPE");
    }

    [Test]
    public void What_is_not_known_of_the_server_is_skipped_and_no_fault()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "echo", ListenForm.Tcp);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--checks", "restart,echo,zombies");
        Assert.That(run.Named("holds"), Is.EqualTo(new[] { "echo" }));
        Assert.That(run.Named("skipped"), Is.EqualTo(new[] { "zombies", "restart" }));
        Assert.That(run.Status, Is.EqualTo(Holds));
    }

    [Test]
    public void A_server_that_is_not_there_is_a_failure_in_one_line()
    {
        ProgramRun nobody = ProgramRun.Multiplex("check", "--connect", "tcp://127.0.0.1:1"), none = ProgramRun.Multiplex("check", "--command", "exit 3 # {port}");
        Assert.That((nobody.Status, nobody.Errors.Length, none.Status, none.Errors.Length), Is.EqualTo((1, 1, 1, 1)));
        Assert.That(nobody.Errors[0], Does.Contain("ECONNREFUSED"));
        Assert.That(none.Errors[0], Does.Contain("status 3"));
        Assert.That(nobody.Lines.Concat(none.Lines), Is.Empty);
    }

    private static TestCaseData Case(string name, Func<string> server, params string[] checks) => new TestCaseData(server, checks).SetArgDisplayNames(name);
}
