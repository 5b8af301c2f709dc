using Multiplex.Check;
using Multiplex.Check.Calls;
using Multiplex.Load.Comparison.Servers;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Peers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Check;

/// <summary><c>multiplex check --protocol rpc</c> finds each fault that is planted in an RPC server, and none in a sound one.</summary>
[Parallelizable(ParallelScope.Children)]
public sealed class RpcCheckTests
{
    private const int Holds = 0, Faulty = 1;
    private const string Patient = "30s";

    private static readonly CheckedProgram s_program = new(RpcWire.Program, 1, RpcWire.Echo);
    private static readonly string[] s_overStreams = [.. CheckSuite.RpcOverStreams(s_program).Checks.Select(check => check.Name)];
    private static readonly string[] s_overDatagrams = [.. CheckSuite.RpcOverDatagrams(s_program).Checks.Select(check => check.Name)];

    // Those of calls and records; what clients do to each other, the tests of echo have.
    private static readonly string s_ofCalls = string.Join(',', s_overStreams.TakeWhile(name => name != "concurrency"));

    [TestCase("epoll")]
    [TestCase("fork")]
    [TestCase("threads")]
    [TestCase("hybrid")]
    [TestCase("uring")]
    public void Nothing_is_found_in_a_model(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--pid", $"{server.Id}", "--protocol", "rpc", "--timeout", Patient);
        Assert.That(run.Named("fault"), Is.Empty);
        Assert.That(run.Named("holds"), Is.EqualTo(s_overStreams.Except(["restart"])));
        Assert.That((run.Status, run.Report.GetProperty("protocol").GetString()), Is.EqualTo((Holds, "rpc")));
    }

    [TestCase("poll")]
    [TestCase("prefork")]
    public void Nothing_is_found_in_a_model_over_datagrams(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Udp);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--protocol", "rpc", "--timeout", Patient);
        Assert.That(run.Named("holds"), Is.EqualTo(s_overDatagrams));
        Assert.That(run.Status, Is.EqualTo(Holds));
    }

    [Test]
    public void Nothing_is_found_in_a_sound_server_in_Python_that_is_started_for_each_check()
    {
        CheckRun run = CheckRun.Of("--command", HomeworkServers.OfRpc(), "--protocol", "rpc", "--checks", "null,byte-by-byte,pipelined,huge-record,restart", "--timeout", Patient);
        Assert.That(run.Named("holds"), Is.EqualTo(new[] { "null", "byte-by-byte", "pipelined", "huge-record", "restart" }));
        Assert.That(run.Status, Is.EqualTo(Holds));
    }

    // The first check is the one for the fault; further ones cannot help but see it too.
    [TestCase("wrong-xid", "null")]
    [TestCase("one-read", "byte-by-byte", "pipelined", "fragments", "half-close")]
    [TestCase("first-fragment", "fragments")]
    [TestCase("program-for-version", "unknown-version")]
    [TestCase("low-high", "unknown-version")]
    [TestCase("any-rpc-version", "rpc-version")]
    [TestCase("trusts-mark", "huge-record")]
    [TestCase("no-end", "half-close")]
    public void A_planted_fault_is_found_and_no_other(string fault, params string[] checks) => AssertFound("tcp", fault, s_ofCalls, checks);

    [TestCase("answers-once", "retransmission")]
    [TestCase("ends-on-garbage", "no-call", "many-peers")]
    public void A_planted_fault_is_found_over_datagrams(string fault, params string[] checks) => AssertFound("udp", fault, string.Join(',', s_overDatagrams), checks);

    // What it differs in: RFC 5531 section 9 demands an answer to a call of another RPC version, where libtirpc closes the connection, or drops the datagram; and
    // it reads arguments that a datagram does not have from what is left of datagrams before.
    [TestCase("tcp", "rpc-version")]
    [TestCase("unix", "rpc-version")]
    [TestCase("udp", "garbage-arguments", "rpc-version")]
    public void A_server_of_libtirpc_holds_but_for_what_it_does_otherwise(string kind, params string[] differs)
    {
        RpcgenProgram.RequireTools();
        string where = kind == "unix" ? $"unix:{Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.sock")}" : kind;
        using ServerProcess server = ServerProcess.StartProgram("/bin/sh", ["-c", $"trap '' PIPE; exec {RpcgenProgram.Multiplex.Server} {where}"]);
        string[] tried = kind == "udp" ? s_overDatagrams : [.. s_ofCalls.Split(','), "slow-reader", "one-after-another", "vanishing", "descriptors", "zombies", "idle"];
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--pid", $"{server.Id}", "--protocol", "rpc", "--checks", string.Join(',', tried), "--timeout", "15s");
        Assert.That(run.Named("fault"), Is.EqualTo(differs));
        Assert.That(run.Named("holds"), Is.EqualTo(tried.Except(differs)));
    }

    [Test]
    public void A_program_of_whose_procedures_nothing_is_known_has_that_check_skipped()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp);
        CheckRun run = CheckRun.Of("--connect", server.Address.Text, "--protocol", "rpc", "--program", $"{RpcWire.Program}/1", "--checks", "null,garbage-arguments");
        Assert.That(run.Named("holds"), Is.EqualTo(new[] { "null" }));
        Assert.That(run.Named("skipped"), Is.EqualTo(new[] { "garbage-arguments" }));
        Assert.That(run.Lines, Has.Some.Contains("it needs --procedure N"));
    }

    private static void AssertFound(string scheme, string fault, string tried, string[] checks)
    {
        using PeerServer server = PeerServer.Start("the server", HomeworkServers.OfRpc(fault));
        CheckRun run = CheckRun.Of("--connect", $"{scheme}://127.0.0.1:{server.Endpoint.Port}", "--pid", $"{server.Id}", "--protocol", "rpc", "--checks", tried, "--timeout", "15s");
        Assert.That(run.Named("fault"), Has.Member(checks[0]).And.SubsetOf(checks));
        Assert.That(run.Status, Is.EqualTo(Faulty));
    }
}
