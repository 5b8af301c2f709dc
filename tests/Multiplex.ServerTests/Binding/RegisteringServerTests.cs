using Mono.Unix.Native;
using Multiplex.Rpc.Binding;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary><c>serve --register</c>, and clients that find the server by its program's number: dynamic binding.</summary>
[TestFixture(NameServiceKind.Rpcbind)]
[TestFixture(NameServiceKind.Multiplex)]
public sealed class RegisteringServerTests(NameServiceKind kind)
{
    private NameServiceProcess _service = null!;

    [OneTimeSetUp]
    public void Start() => _service = NameServiceProcess.Start(kind);

    [OneTimeTearDown]
    public void Stop() => _service?.Dispose();

    [TestCase("poll")]
    [TestCase("fork")]
    [TestCase("prefork")]
    public void A_server_is_registered_while_it_serves_and_again_after_a_crash(string model)
    {
        using (ServerProcess server = _service.Serve(model, "tcp://127.0.0.1:0", "tcp://[::1]:0"))
        {
            Assert.That(Registered(), Is.EquivalentTo((string[])[$"tcp {Universal(server.Addresses[0])}", $"tcp6 {Universal(server.Addresses[1])}"]));
            string peer = $"pid={(model == "poll" ? server.Id : "[0-9]+")} thread=[0-9]+ served=[0-9]+ peer=tcp://127.0.0.1:[0-9]+";
            Assert.That(Call("rpc://127.0.0.1/0x20004543/1", "whoami"), Does.Match($"^{peer}$"));
            Assert.That(Call("rpc://[::1]/multiplex", "echo", "hello"), Is.EqualTo("hello"));
            ProgramRun ping = _service.Run(Tools.Require("rpcinfo"), "-T", "tcp", "127.0.0.1", $"{RpcWire.Program}", "1");
            Assert.That(ping.Lines, Is.EqualTo((string[])[$"program {RpcWire.Program} version 1 ready and waiting"]));

            server.Signal(Signum.SIGKILL);
            server.WaitForExit();
        }

        Assert.That(Registered(), Has.Length.EqualTo(2), "no server is left to remove them");
        using (ServerProcess next = _service.Serve(model, "tcp://127.0.0.1:0"))
        {
            Assert.That(Registered(), Is.EqualTo((string[])[$"tcp {Universal(next.Address)}"]), "nothing of the dead server is left");
            Assert.That(next.Stop(), Is.Zero);
        }

        Assert.That(Registered(), Is.Empty);
    }

    [Test]
    public void Every_kind_of_endpoint_that_has_a_netid_is_registered_and_found()
    {
        string path = ListenForm.UnixPath.NewEndpoint();
        using ServerProcess server = _service.Serve("poll", "tcp://[::]:0", "udp://127.0.0.1:0", "udp://[::1]:0", path);
        Assert.That(Registered(), Is.EquivalentTo((string[])
        [
            $"tcp6 {Universal(server.Addresses[0])}", $"tcp 0.0.0.0{Universal(server.Addresses[0])["::".Length..]}",
            $"udp {Universal(server.Addresses[1])}", $"udp6 {Universal(server.Addresses[2])}", $"local {path["unix:".Length..]}",
        ]));
        foreach (string program in (string[])["rpc://127.0.0.1/multiplex", "rpc+tcp6://[::1]/multiplex", $"rpc://{NameServiceProcess.OtherAddress}/multiplex",
            "rpc+udp://127.0.0.1/multiplex", "rpc+udp6://[::1]/multiplex", "rpc+local:///multiplex"])
        {
            Assert.That(Call(program, "echo", program), Is.EqualTo(program));
        }

        Assert.That(_service.Multiplex("rpcinfo", "127.0.0.1", "multiplex").Lines, Has.Length.EqualTo(2).And.All.Contains("ready and waiting"));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(Registered(), Is.Empty);
    }

    [TestCase("poll")]
    [TestCase("fork")]
    [TestCase("prefork")]
    public void A_server_registers_again_when_the_name_service_was_started_anew(string model)
    {
        using ServerProcess server = _service.Serve(model, ["tcp://127.0.0.1:0", "tcp://[::1]:0"], ["--register-interval", "50ms"]);
        string[] before = Registered();
        _service.StartAnew();
        Eventually.Holds(() => Registered().Order().SequenceEqual(before.Order()), () => $"registered: {string.Join(", ", Registered())}");
        Assert.That(Call("rpc://127.0.0.1/multiplex", "echo", "again"), Is.EqualTo("again"));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(Registered(), Is.Empty);
        Assert.That(server.Errors, Has.One.Contains("the name service had forgotten 2 registrations: made again"));
    }

    [Test]
    public void What_another_has_registered_meanwhile_stays_and_what_is_missing_is_made_again()
    {
        const uint Own = 0x2000_9995;
        Sockets.Endpoint bound = Sockets.Endpoint.Parse("tcp://127.0.0.1:111");   // by the name service, which removes an address that no socket is bound to
        ServerRegistrations registrations = ServerRegistrations.Make(_service.Socket, [(Own, 1), (Own, 2)], [bound]);
        Registration taken = new(Own, 1, "tcp", "0.0.0.0.0.111", ""), lost = new(Own, 2, "tcp", "127.0.0.1.0.111", "");
        Assert.That(_service.Ask(names => names.Unset(taken) && names.Set(taken) && names.Unset(lost)), Is.True);
        Assert.That(registrations.Restore(), Is.EqualTo(1));
        Assert.That(Addresses(), Is.EquivalentTo((string[])[taken.Address, lost.Address]));
        Assert.That(registrations.Restore(), Is.Zero);
        registrations.Remove();
        Assert.That(Addresses(), Is.EqualTo((string[])[taken.Address]));
        Assert.That(_service.Ask(names => names.Unset(taken)), Is.True);

        string[] Addresses() => _service.Ask(names => names.Dump().Where(one => one.Program == Own).Select(one => one.Address).ToArray());
    }

    [TestCase("fork")]
    [TestCase("prefork")]
    public void The_process_that_registers_is_no_child_that_serves_and_may_die(string model)
    {
        using ServerProcess server = _service.Serve(model, ["tcp://127.0.0.1:0"], ["--workers", "1"]);
        int[] besides = [.. server.Children().Select(child => child.Id).Order()];
        Assert.That(besides, Has.Length.EqualTo(model == "fork" ? 1 : 2));
        ServerProcess.Signal(besides[0], Signum.SIGKILL);   // the first that was forked
        Eventually.Holds(() => server.Children().All(child => child.Id != besides[0]), "it is not collected");
        Assert.That(Call("rpc://127.0.0.1/multiplex", "echo", "hello"), Is.EqualTo("hello"));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(Registered(), Is.Empty);
        Assert.That(server.FinalCount(Counter.ChildrenLost), Is.Zero);
        Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(1));
    }

    [Test]
    public void A_server_that_answers_is_not_replaced()
    {
        using ServerProcess server = _service.Serve("poll", "tcp://127.0.0.1:0");
        string[] before = Registered();
        ProgramRun second = _service.Multiplex("serve", "--model", "poll", "--register", "--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0");
        Assert.That(second.Status, Is.EqualTo(1));
        Assert.That(second.Lines, Is.Empty);
        Assert.That(second.Errors.Single(), Does.Contain($"another server answers at {server.Address}: stop it first"));
        Assert.That(Registered(), Is.EqualTo(before));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void A_version_or_a_program_that_is_not_there_is_a_failure_in_one_line()
    {
        using ServerProcess server = _service.Serve("poll", "tcp://127.0.0.1:0");
        Fails("PROG_MISMATCH: the server has versions 1 to 1", "call", "rpc://127.0.0.1/multiplex/7", "null");
        Fails("rpc://127.0.0.1/nfs: not registered at tcp://127.0.0.1:111", "call", "rpc://127.0.0.1/nfs", "null");
        Fails("rpc+udp://127.0.0.1/multiplex/1: not registered at udp://127.0.0.1:111", "call", "rpc+udp://127.0.0.1/multiplex", "whoami");
        Fails("rpc+udp://127.0.0.1/multiplex: not registered at tcp://127.0.0.1:111", "call", "rpc+udp://127.0.0.1/multiplex", "null");
        Fails("no name service at tcp://127.0.0.1:9", "call", "--rpcbind", "tcp://127.0.0.1:9", "rpc://127.0.0.1/multiplex", "null");
        Fails("no name service at udp://127.0.0.1:9", "rpcinfo", "--rpcbind", "udp://127.0.0.1:9");
        Fails("no name service at tcp://127.0.0.1:9", "serve", "--model", "fork", "--listen", "tcp://127.0.0.1:0", "--rpcbind", "tcp://127.0.0.1:9");
    }

    private void Fails(string said, params string[] arguments)
    {
        ProgramRun run = _service.Multiplex(arguments);
        Assert.That(run.Status, Is.EqualTo(1), () => string.Join('\n', run.Errors));
        Assert.That(run.Lines, Is.Empty);
        Assert.That(run.Errors.Single(), Does.StartWith("multiplex: ").And.Contains(said));
    }

    private string Call(params string[] arguments)
    {
        ProgramRun run = _service.Multiplex(["call", .. arguments]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return run.Lines.Single();
    }

    private string[] Registered() => _service.Ask(names => names.Dump().Where(one => one.Program == RpcWire.Program).Select(one => $"{one.Netid} {one.Address}").ToArray());

    private static string Universal(ServerAddress address) => UniversalAddress.Of(Sockets.Endpoint.Parse(address.Text));
}
