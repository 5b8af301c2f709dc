using Multiplex.Models;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Relays;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>
/// A host with several addresses of both families, as getaddrinfo(3) lists them: a server listens on all of them, and a client connects to one that answers. The command
/// runs with a hosts(5) file of its own, in a mount namespace that ends with it.
/// </summary>
public sealed class SeveralAddressesTests
{
    private const string Name = "manifold", Elsewhere = "elsewhere";

    private string _hosts = "";

    [OneTimeSetUp]
    public void WriteHosts()
    {
        if (!Environment.IsPrivilegedProcess)
            Tools.Missing("a mount namespace takes root");
        _hosts = Path.GetTempFileName();
        File.WriteAllText(_hosts, $"127.0.0.1 localhost {Name} {Elsewhere}\n127.0.0.2 {Name}\n::1 {Name}\n192.0.2.1 {Elsewhere}\n");
    }

    [OneTimeTearDown]
    public void DeleteHosts() => File.Delete(_hosts);

    [TestCaseSource(typeof(Cells), nameof(Cells.Models))]
    public void All_of_them_are_served_at_one_port(string model)
    {
        foreach (string prefix in ServerModelCatalog.Find(model)!.Kinds.Where(kind => kind.IsInternet()).Select(kind => kind.Prefix()))
        {
            using ServerProcess server = Serve($"{prefix}//{Name}:0", model, endpoints: 3);
            Endpoint[] served = [.. server.Addresses.Select(address => Endpoint.Parse(address.Text))];
            Assert.That(served.Select(one => one.Host), Is.EquivalentTo((string[])["127.0.0.1", "127.0.0.2", "::1"]));
            Assert.That(served.Select(one => one.Port).Distinct().Count(), Is.EqualTo(1));
            for (int i = 0; i < served.Length; i++)
                Assert.That(AddsTo(served[i]), Is.EqualTo(i + 1), "one server");
            Assert.That(server.Stop(), Is.Zero);
        }
    }

    [Test]
    public void When_one_is_in_use_the_failure_names_it_and_none_is_served()
    {
        using ServerProcess first = Serve("tcp://127.0.0.2:0");
        ProgramRun second = WithHosts("serve", "--model", "poll", "--listen", $"tcp://{Name}:{PortOf(first)}");
        Assert.That(second.Status, Is.EqualTo(1));
        Assert.That(second.Lines, Is.Empty);
        Assert.That(second.Errors.Single(), Does.Contain($"tcp://127.0.0.2:{PortOf(first)}").And.Contains("EADDRINUSE"));
        Assert.That(first.Stop(), Is.Zero);
    }

    [Test]
    public void One_that_is_another_machines_is_passed_over_and_said()
    {
        using ServerProcess server = Serve($"tcp://{Elsewhere}:0", endpoints: 1);
        Assert.That(Endpoint.Parse(server.Address.Text).Host, Is.EqualTo("127.0.0.1"));
        Assert.That(server.Stop(), Is.Zero);
        Assert.That(server.Errors[0], Does.StartWith($"multiplex: tcp://{Elsewhere}:0 is served in part: ").And.Contains("EADDRNOTAVAIL"));
    }

    [Test]
    public void The_one_that_answers_is_connected_to_though_another_refuses()
    {
        using ServerProcess server = Serve("tcp://127.0.0.2:0");
        Assert.That(AddsTo(new(EndpointKind.Tcp, Name, PortOf(server), "")), Is.EqualTo(1));
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void The_one_that_answers_is_connected_to_though_another_swallows_what_is_sent_to_it()
    {
        using ServerProcess names = ServerProcess.StartProgram(ServerProcess.Command, ["rpcbind", "--listen", "tcp://127.0.0.2:0"]);
        string port = PortOf(names), service = $"tcp://{Name}:{port}";
        using SwallowingServer ipv4 = new(new(EndpointKind.Tcp, "127.0.0.1", port, "")), ipv6 = new(new(EndpointKind.Tcp, "::1", port, ""));
        Assert.That(WithHosts("rpcinfo", "--rpcbind", service).Status, Is.Zero);
        Assert.That(WithHosts("call", "--rpcbind", service, "rpc://127.0.0.1/portmapper", "null").Status, Is.Zero);
        Assert.That(names.Stop(), Is.Zero);
        using ServerProcess server = Serve($"tcp://127.0.0.2:{port}");
        Assert.That(AddsTo(new(EndpointKind.Tcp, Name, port, "")), Is.EqualTo(1));
        ProgramRun load = WithHosts("load", "--connect", service, "--connections", "2", "--duration", "200ms");
        Assert.That(load.Status, Is.Zero, () => string.Join('\n', load.Errors));
        Assert.That(server.Stop(), Is.Zero);
    }

    private string[] Wrapped(params string[] arguments) =>
        ["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", _hosts, ServerProcess.Command, .. arguments];

    private ProgramRun WithHosts(params string[] arguments) => ProgramRun.Of("unshare", Wrapped(arguments));

    private ServerProcess Serve(string endpoint, string model = "poll", int endpoints = 1) => ServerProcess.StartProgram(
        Tools.Require("unshare"), Wrapped("serve", "--model", model, "--listen", endpoint), endpoints);

    // The result of ADD: how often this server was called.
    private int AddsTo(Endpoint endpoint)
    {
        ProgramRun run = WithHosts("call", endpoint.ToString(), "add", "1");
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return int.Parse(run.Lines.Single());
    }

    private static string PortOf(ServerProcess server) => Endpoint.Parse(server.Address.Text).Port;
}
