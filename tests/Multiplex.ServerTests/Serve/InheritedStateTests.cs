using Mono.Unix.Native;
using Multiplex.ServerTests.Contract;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>What a server inherits from the process that starts it: signals, limits and environment, on every model.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Models))]
public sealed class InheritedStateTests(string model)
{
    // The limit does not hold for root.
    private const string AsNobody = """
        test "$(id -u)" != 0 || exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"
        exec "$0" "$@"
        """;

    [Test]
    public void A_parent_that_ignores_SIGCHLD_changes_nothing()
    {
        using SharedCounters counters = new();
        using ServerProcess server = StartFrom("trap '' CHLD", [.. counters.Option, "--workers", "2"]);
        using (RpcPeer peer = new(server.Address))
            peer.Null();
        counters.Await(Counter.Closed, 1);   // a parent that forks is notified of the end
        if (Cells.HasProcessesAhead(model))
            AssertTheDeadAreReplaced(server);
        Assert.That(server.Stop(), Is.Zero);
        StopContractTests.AssertNothingIsLeft(server);
    }

    [Test]
    public void A_parent_that_ignores_SIGHUP_keeps_it_from_stopping()
    {
        using ServerProcess server = StartFrom("trap '' HUP");
        server.Signal(Signum.SIGHUP);
        using (RpcPeer peer = new(server.Address))
            peer.Null();
        Assert.That(server.HasExited, Is.False);
        Assert.That(server.Stop(), Is.Zero);   // as the first signal, not the second
    }

    [Test]
    public void At_the_limit_on_processes_it_stops_in_order()
    {
        using ServerProcess server = ServerProcess.StartProgram(
            Tools.Require("sh"), ["-c", AsNobody, ServerProcess.Command, "serve", "--model", model, "--listen", "tcp://127.0.0.1:0"]);
        using RpcPeer peer = new(server.Address);
        peer.Null();
        ProgramRun.Successfully(Tools.Require("sh"), ["-c", AsNobody, Tools.Require("prlimit"), "--pid", $"{server.Id}", "--nproc=1:1"]);
        server.Signal(Signum.SIGTERM);
        Assert.That(server.WaitForExit(), Is.Zero, () => string.Join('\n', server.Errors));
        Assert.That(server.FinalCount(Counter.Closed), Is.EqualTo(1));
    }

    [Test]
    public void With_too_few_descriptors_it_fails_with_one_line()
    {
        ProgramRun run = ProgramRun.Of(
            Tools.Require("sh"), ["-c", "ulimit -n 64; exec \"$0\" \"$@\"", ServerProcess.Command, "serve", "--model", model, "--listen", "tcp://127.0.0.1:0"]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains("64 descriptors").And.Contains("ulimit -n"));
    }

    [TestCase("MULTIPLEX_FORK_RUNTIME=1")]
    [TestCase("MULTIPLEX_STARTED_ANEW=1")]
    public void What_a_server_leaves_in_an_environment_means_nothing_to_another(string variable)
    {
        using ServerProcess server = StartFrom($"export {variable}");
        using (RpcPeer peer = new(server.Address))
            peer.Null();
        Assert.That(server.Stop(), Is.Zero);
    }

    private ServerProcess StartFrom(string preparation, params string[] options) => ServerProcess.StartProgram(
        Tools.Require("sh"),
        ["-c", $"{preparation}; exec \"$0\" \"$@\"", ServerProcess.Command, "serve", "--model", model, "--listen", "tcp://127.0.0.1:0", .. options]);

    private static void AssertTheDeadAreReplaced(ServerProcess server)
    {
        int first = server.Children()[0].Id;
        ServerProcess.Signal(first, Signum.SIGKILL);
        Eventually.Holds(() => server.Children() is { Count: 2 } now && now.TrueForAll(child => child.Id != first), "the dead worker is not replaced");
    }
}
