using System.Text.Json;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary><c>multiplex watch</c>: the counters of a running server, from outside.</summary>
public sealed class WatchTests
{
    [Test]
    public void It_tells_what_a_server_counts_and_what_its_threads_are_at([ValueSource(typeof(Cells), nameof(Cells.ModelsThatServeMany))] string model, [Values] bool byFile)
    {
        using SharedCounters file = new();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, byFile ? file.Option : []);
        ProgramRun load = ProgramRun.Multiplex("load", "--connect", $"{server.Address}", "--protocol", "rpc", "--connections", "3", "--rate", "50", "--duration", "1s");
        Assert.That(load.Status, Is.Zero, () => string.Join('\n', load.Errors));
        ProgramRun run = ProgramRun.Multiplex("watch", byFile ? file.Path : $"{server.Id}", "--json", "--count", "2", "--interval", "50ms");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Lines, Has.Length.EqualTo(2));
        using JsonDocument now = JsonDocument.Parse(run.Lines[1]);
        Assert.That(now.RootElement.GetProperty("counters").EnumerateObject().Select(counter => counter.Name), Is.SupersetOf(Enum.GetNames<Counter>()).And.SupersetOf(new[] { "Calls", "ReplyCacheHits", "Sum" }));
        Assert.That(now.RootElement.GetProperty("counters").GetProperty("Calls").GetInt64(), Is.GreaterThanOrEqualTo(50));
        Assert.That(now.RootElement.GetProperty("processes").GetInt32(), Is.Positive);
        JsonElement[] threads = [.. now.RootElement.GetProperty("threads").EnumerateArray()];
        Assert.That(threads.Select(thread => thread.GetProperty("process").GetInt32()), Has.Member(server.Id));
        Assert.That(threads.Select(thread => thread.GetProperty("call").ValueKind), Has.Member(JsonValueKind.String), "a server without load waits in a system call");
    }

    [TestCase("echo", "EchoesRefused", "EchoesLimited")]
    [TestCase("rpc", "Calls", "ReplyCacheDrops", "Sum")]
    public void A_server_that_has_counted_nothing_lists_the_counters_of_its_protocol(string protocol, params string[] names)
    {
        using ServerProcess server = ServerProcess.Start("epoll", protocol, ListenForm.Tcp);
        ProgramRun run = ProgramRun.Multiplex("watch", $"{server.Id}", "--json", "--count", "1");
        using JsonDocument now = JsonDocument.Parse(run.Lines.Single());
        Assert.That(now.RootElement.GetProperty("counters").EnumerateObject().Select(counter => counter.Name), Is.SupersetOf(names));
    }

    [Test]
    public void It_ends_with_the_server()
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        Task<ProgramRun> watching = Task.Run(() => ProgramRun.Multiplex("watch", $"{server.Id}", "--interval", "20ms"));
        Assert.That(server.Stop(), Is.Zero);
        ProgramRun run = watching.GetAwaiter().GetResult();
        Assert.That(run.Status, Is.Zero.Or.EqualTo(1), "1 when the server had ended before it was looked at");
    }

    [TestCase("2147483647", "there is no process 2147483647")]
    [TestCase("/dev/null/none", "ENOTDIR")]
    public void What_is_no_server_is_refused_with_the_reason(string what, string reason)
    {
        ProgramRun run = ProgramRun.Multiplex("watch", what);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: ").And.Contain(reason));
    }

    [Test]
    public void A_file_of_something_else_is_refused()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, new string('x', 4096));
        ProgramRun run = ProgramRun.Multiplex("watch", file);
        File.Delete(file);
        Assert.That((run.Status, run.Errors.Single()), Is.EqualTo((1, $"multiplex: {file} is no file of counters")));
    }
}
