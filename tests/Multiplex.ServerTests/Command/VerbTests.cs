using System.Text.RegularExpressions;
using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>What each verb prints, where, and its exit status.</summary>
public sealed class VerbTests
{
    [TestCase("--help")]
    [TestCase("serve", "--help")]
    [TestCase("call", "--help")]
    [TestCase("models", "--help")]
    [TestCase("--version")]
    public void Help_goes_to_standard_output_and_is_a_success(params string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(arguments);
        Assert.That(run.Status, Is.Zero);
        Assert.That(run.Lines, Is.Not.Empty);
        Assert.That(run.Errors, Is.Empty);
    }

    [Test]
    public void Models_lists_the_whole_catalog_a_line_each_and_what_each_serves()
    {
        ProgramRun run = ProgramRun.Multiplex("models");
        Assert.That(run.Status, Is.Zero);
        string[] names = [.. ServerModelCatalog.All.Select(entry => entry.Name)];
        Assert.That(run.Lines.Select(line => line.Split(' ')[0]), Is.EqualTo((string[])[.. names, "serves", .. names]));
        string[][] table = [.. run.Lines[names.Length..].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        foreach ((ServerModelEntry model, string[] row) in ServerModelCatalog.All.Zip(table.Skip(1)))
        {
            IEnumerable<string> served = table[0].Zip(row).Where(cell => cell.Second == "yes").Select(cell => cell.First);
            Assert.That(served, Is.EqualTo(model.Kinds.Select(kind => kind.Prefix())), model.Name);
        }
    }

    [TestCase("null", null, "")]
    [TestCase("echo", "häuser und bäume", "häuser und bäume")]
    [TestCase("sleep", "20", "20")]
    [TestCase("add", "42", "42")]
    public void Call_prints_the_result(string procedure, string? argument, string expected)
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        ProgramRun run = Call(server, argument is null ? [procedure] : [procedure, argument]);
        Assert.That(string.Join('\n', run.Lines), Is.EqualTo(expected));
    }

    [Test]
    public void Call_burns_and_asks_which_process_answers()
    {
        using ServerProcess server = ServerProcess.Start("pool", "rpc", ListenForm.UnixAbstract);
        Assert.That(ulong.Parse(Call(server, "burn", "1000").Lines.Single()), Is.Positive);
        Assert.That(Call(server, "whoami").Lines.Single(), Does.Match($"^pid={server.Id} thread=[0-9]+ served=2 peer=unix:$"));
    }

    [Test]
    public void Call_carries_AUTH_SYS_where_it_is_asked_to()
    {
        using ServedHere server = new(counters => new RpcProtocol(new MultiplexProgram(counters)) { Access = OnlyThisUser });
        ProgramRun nobody = ProgramRun.Multiplex("call", server.Address, "add", "2");
        Assert.That(nobody.Status, Is.EqualTo(1));
        Assert.That(nobody.Errors.Single(), Does.Contain("AUTH_TOOWEAK"));
        Assert.That(ProgramRun.Multiplex("call", "--auth", "none", server.Address, "add", "2").Status, Is.EqualTo(1));
        Assert.That(ProgramRun.Multiplex("call", "--auth", "sys", server.Address, "add", "2").Lines, Is.EqualTo((string[])["2"]));

        static AuthenticationStatus OnlyThisUser(in RpcCall call) =>
            !call.Credential.TryGetSys(out SysCredential sys) ? AuthenticationStatus.TooWeak
            : (sys.Uid, sys.Gid) == (Interop.Libc.geteuid(), Interop.Libc.getegid()) ? AuthenticationStatus.Ok
            : AuthenticationStatus.BadCredential;
    }

    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void Serve_prints_listening_lines_and_nothing_else_on_standard_output(string model)
    {
        string[] endpoints = [.. Cells.FormsOf(model).Select(form => form.NewEndpoint())];
        using ServerProcess server = ServerProcess.Start(model, "rpc", endpoints);
        Assert.That(Call(server, "add", "1").Lines, Is.EqualTo((string[])["1"]));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Output, Has.Count.EqualTo(endpoints.Length));
        foreach ((string line, ServerAddress address) in server.Output.Zip(server.Addresses))
            Assert.That(line, Is.EqualTo($"listening {address} model={model} protocol=rpc pid={server.Id}"));
        foreach ((ServerAddress address, string asked) in server.Addresses.Zip(endpoints))
        {
            // The endpoint as it was given, with the port that the kernel chose.
            if (address.IsInternet)
                Assert.That(address.Text, Does.Match($"^{Regex.Escape(asked[..^1])}[1-9][0-9]*$"));
            else
                Assert.That(address.Text, Is.EqualTo(asked));
        }

        Assert.That(server.Errors.Single(line => !line.Contains("runs as root")), Does.StartWith("stopped Accepted=1 Closed=1").And.Contain(" Calls=1 Sum=1"));
    }

    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void An_endpoint_in_use_is_a_failure_in_one_line(string model)
    {
        foreach (ListenForm form in Cells.FormsOf(model))
        {
            using ServerProcess first = ServerProcess.Start(model, "rpc", form);
            ProgramRun second = ProgramRun.Multiplex("serve", "--model", model, "--listen", $"unix:@multiplex-free-{Guid.NewGuid():N}", "--listen", first.Address.Text);
            Assert.That(second.Status, Is.EqualTo(1));
            Assert.That(second.Lines, Is.Empty);
            Assert.That(second.Errors, Has.Length.EqualTo(1));
            Assert.That(second.Errors[0], Does.Contain("EADDRINUSE").And.Contains(first.Address.Text));
            using RpcPeer peer = new(first.Address);
            peer.Null();
        }
    }

    [TestCase("tcp://127.0.0.1:1", "ECONNREFUSED")]
    [TestCase("unix:/nonexistent/socket", "ENOENT")]
    [TestCase("unix:@multiplex-nobody-listens-here", "ECONNREFUSED")]
    [TestCase("udp://127.0.0.1:1", "ECONNREFUSED")]
    [TestCase("unixpacket:@multiplex-nobody-listens-here", "ECONNREFUSED")]
    [TestCase("unixgram:@multiplex-nobody-listens-here", "ECONNREFUSED")]
    [TestCase("unix:/etc/hostname", "no socket")]
    [TestCase("tcp://no-such-host.invalid:80", "no-such-host.invalid")]
    public void A_call_without_an_answer_is_a_failure_in_one_line(string endpoint, string said)
    {
        ProgramRun run = ProgramRun.Multiplex("call", endpoint, "null");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains(said));
    }

    [TestCase("tcp://no-such-host.invalid:80", "no-such-host.invalid")]
    [TestCase("unix:/nonexistent/socket", "ENOENT")]
    [TestCase("tcp://192.0.2.1:80", "EADDRNOTAVAIL")]
    public void An_endpoint_that_cannot_be_bound_is_a_failure_in_one_line(string endpoint, string said)
    {
        ProgramRun run = ProgramRun.Multiplex("serve", "--model", "poll", "--listen", endpoint);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contains(said));
    }

    [Test]
    public void A_name_that_a_dead_server_left_is_taken_over_and_a_file_is_not()
    {
        string endpoint = ListenForm.UnixPath.NewEndpoint(), path = endpoint["unix:".Length..];
        using (ServerProcess killed = ServerProcess.Start("poll", "rpc", [endpoint]))
        {
            killed.Signal(Mono.Unix.Native.Signum.SIGKILL);
            killed.WaitForExit();
            Assert.That(File.Exists(path), Is.True);
            using ServerProcess next = ServerProcess.Start("poll", "rpc", [endpoint]);
            using RpcPeer peer = new(next.Address);
            peer.Null();
            Assert.That(next.Stop(), Is.Zero);
        }

        File.WriteAllText(path, "precious");
        ProgramRun run = ProgramRun.Multiplex("serve", "--model", "poll", "--listen", endpoint);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(File.ReadAllText(path), Is.EqualTo("precious"));
        File.Delete(path);
    }

    private static ProgramRun Call(ServerProcess server, params string[] arguments) =>
        ProgramRun.Successfully(ServerProcess.Command, ["call", server.Address.Text, .. arguments]);
}
