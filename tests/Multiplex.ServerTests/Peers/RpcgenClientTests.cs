using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Peers;
using NUnit.Framework;

namespace Multiplex.ServerTests.Peers;

/// <summary>A C client of libtirpc, with stubs that rpcgen makes from <c>multiplex.x</c> as it is.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Models))]
public sealed class RpcgenClientTests(string model)
{
    private static readonly string[] s_results =
        ["null", "echo of nothing", "echo of five bytes", "echo of a megabyte", "sleep", "burn", "add", "whoami"];

    [OneTimeSetUp]
    public void RequireTools() => RpcgenProgram.RequireTools();

    [Test]
    public void It_calls_every_procedure_over_tcp()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp);
        ProgramRun run = ProgramRun.Successfully(RpcgenProgram.Multiplex.Client, ["tcp", $"{server.Address.Port}"]);
        Assert.That(run.Lines[..^1], Is.EqualTo(s_results));
        Assert.That(run.Lines[^1], Does.StartWith("peer tcp://127.0.0.1:"));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.FinalCount(Counter.ProtocolErrors), Is.Zero);
    }

    [Test]
    public void It_calls_every_procedure_over_a_unix_socket()
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.UnixPath);
        ProgramRun run = ProgramRun.Successfully(RpcgenProgram.Multiplex.Client, ["unix", server.Address.FilePath!]);
        Assert.That(run.Lines[..^1], Is.EqualTo(s_results));
        Assert.That(run.Lines[^1], Is.EqualTo("peer unix:"));
        Assert.That(server.Stop(), Is.Zero);
    }

    [TestCase(ListenForm.Tcp)]
    [TestCase(ListenForm.UnixPath)]
    public void After_a_call_that_timed_out_it_gets_the_replies_of_the_next_ones(ListenForm form)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", form);
        string[] arguments = form == ListenForm.Tcp ? ["tcp", $"{server.Address.Port}"] : ["unix", server.Address.FilePath!];
        ProgramRun.Successfully(RpcgenProgram.Multiplex.AfterATimeout, arguments);
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void Rpcinfo_pings_it()
    {
        string rpcinfo = Tools.Require("rpcinfo");
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp);

        // A "universal address": the port as two more bytes after those of the host.
        string address = $"127.0.0.1.{server.Address.Port / 256}.{server.Address.Port % 256}";
        ProgramRun run = ProgramRun.Successfully(rpcinfo, ["-a", address, "-T", "tcp", $"{RpcWire.Program}", "1"]);
        Assert.That(string.Join('\n', run.Lines), Does.Contain($"program {RpcWire.Program} version 1 ready and waiting"));

        ProgramRun other = ProgramRun.Of(rpcinfo, ["-a", address, "-T", "tcp", $"{RpcWire.Program}", "7"]);
        Assert.That(other.Status, Is.Not.Zero, "PROG_MISMATCH");
        Assert.That(string.Join('\n', other.Errors), Does.Contain("low version = 1, high version = 1"));
    }
}
