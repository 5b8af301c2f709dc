using System.Text.Json;
using System.Text.RegularExpressions;
using Mono.Unix.Native;
using Multiplex.Models;
using Multiplex.ServerTests.Check;
using Multiplex.ServerTests.Handover;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary><c>--spin</c>: a loop that polls for requests before it sleeps serves like any other, and sleeps when none come.</summary>
public sealed partial class SpinTests
{
    private const int Calls = 40;

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

    [TestCaseSource(nameof(Spinning))]
    public void A_loop_looks_for_requests_with_the_option_and_never_without(string model)
    {
        Assert.That(LooksForNothing(model), Is.Zero);
        Assert.That(LooksForNothing(model, "--spin", "1ms"), Is.Positive);
    }

    // Calls that take longer than the time to look: the wait for each reply finds nothing.
    [Test]
    public void A_load_looks_for_replies_with_the_option_and_sleeps_at_once_where_that_finds_nothing()
    {
        const int Looks = 8 + ((Calls - 8) / 16);   // at the least: there are more after one that finds a reply
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        string[] waits = WaitsOfLoad("--connect", server.Address.Text, "--connections", "1", "--requests", $"{Calls}", "--mix", "sleep:20=1", "--spin", "1ms");
        bool[] looks = [.. waits.Select(wait => Look().IsMatch(wait))];
        Assert.That(looks.Count(isLook => isLook), Is.AtLeast(Looks));
        Assert.That(looks.Zip(looks.Skip(1)).Count(pair => pair is (false, false)), Is.Positive, "a wait that sleeps at once");
        Assert.That(server.Stop(), Is.Zero);
    }

    // How often a server of a few calls has asked what is ready, has not waited for it, and has found nothing.
    private static int LooksForNothing(string model, params string[] options)
    {
        DirectoryInfo records = Directory.CreateTempSubdirectory("multiplex-spin-");
        string[] command = [ServerProcess.Command, .. ServerProcess.ServeArguments(model, "rpc", ListenForm.Tcp.NewEndpoint()), .. options];
        using (ServerProcess server = ServerProcess.StartProgram(Tools.Require("strace"), Recording(records, command)))
        {
            using (RpcPeer peer = new(server.Address))
            {
                for (int i = 0; i < Calls; i++)
                    peer.Null();
            }

            ServerProcess.Signal(Manager.ProcessOf(server, run: 1), Signum.SIGTERM);
            Assert.That(server.WaitForExit(2 * Eventually.Deadline), Is.Zero);
        }

        int looks = records.GetFiles().Sum(file => File.ReadLines(file.FullName).Count(wait => LookForNothing().IsMatch(wait)));
        records.Delete(recursive: true);
        return looks;
    }

    // The waits of the thread of a load, in order.
    private static string[] WaitsOfLoad(params string[] arguments)
    {
        DirectoryInfo records = Directory.CreateTempSubdirectory("multiplex-spin-");
        ProgramRun.Successfully(Tools.Require("strace"), Recording(records, [ServerProcess.Command, "load", .. arguments]));
        string[] waits = records.GetFiles().Select(file => File.ReadLines(file.FullName).Where(line => Wait().IsMatch(line)).ToArray()).MaxBy(waits => waits.Length)!;
        records.Delete(recursive: true);
        return waits;
    }

    // The waits of each thread in a file of its own, so that none is divided where another thread makes a call meanwhile.
    private static string[] Recording(DirectoryInfo records, string[] command) =>
        ["-ff", "-o", Path.Combine(records.FullName, "waits"), "-e", "trace=/^(poll|p?select6?|epoll_p?wait2?|io_uring_enter)$", .. command];

    [GeneratedRegex(@"^epoll_p?wait2?\(.* = [0-9]+$")]
    private static partial Regex Wait();

    [GeneratedRegex(@"^epoll_wait\(.*, 0\) += [0-9]+$")]
    private static partial Regex Look();

    // Of poll(2) of several descriptors: of one by itself a connection asks whether it has failed.
    [GeneratedRegex(@"^(poll\(\[{.*}, {.*}\], [0-9]+, 0\) += 0|p?select6?\(.*tv_[un]sec=0}(, NULL)?\) += 0|epoll_wait\(.*, 0\) += 0|io_uring_enter\([0-9]+, [0-9]+, 0, IORING_ENTER_GETEVENTS)")]
    private static partial Regex LookForNothing();
}
