using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>Name services of two machines that share an etcd: <c>rpcbind --backend</c>; and servers that register there themselves: <c>serve --register-at</c>.</summary>
public sealed class FleetNamesTests
{
    private static readonly string[] s_all = [FleetNetwork.First, FleetNetwork.Second];

    private FleetNetwork _fleet = null!;

    [OneTimeSetUp]
    public void Start()
    {
        _fleet = new();
        _fleet.StartNames("30s");   // none ends while the machine is slow
    }

    [OneTimeTearDown]
    public void Stop() => _fleet?.Dispose();

    [Test]
    public void A_server_of_one_machine_is_found_by_the_name_service_of_the_other_until_it_is_killed()
    {
        using ServerProcess server = _fleet.Serve("epoll", "--rpcbind", $"tcp://{FleetNetwork.First}:111");
        string[] universal = [.. server.Addresses.Select(address => $"{FleetNetwork.First}.{address.Port >> 8}.{address.Port & 255}")];
        _fleet.AwaitServers(FleetNetwork.Second, universal);
        Assert.That(_fleet.Multiplex("call", "--rpcbind", $"tcp://{FleetNetwork.Second}:111", $"rpc://{FleetNetwork.Second}/multiplex", "echo", "found").Lines, Is.EqualTo((string[])["found"]));
        ProgramRun ping = _fleet.Run(Tools.Require("rpcinfo"), "-T", "tcp", FleetNetwork.Second, $"{RpcWire.Program}", "1");
        Assert.That(ping.Lines, Is.EqualTo((string[])[$"program {RpcWire.Program} version 1 ready and waiting"]), () => string.Join('\n', ping.Errors));
        string client = Compiled();
        Assert.That(_fleet.Run(client, FleetNetwork.Second, $"{RpcWire.Program}", "tcp").Lines, Is.EqualTo((string[])[$"tcp {server.Addresses[0].Port}"]));
        Assert.That(_fleet.Run(client, FleetNetwork.Second, $"{RpcWire.Program}", "udp").Lines, Is.EqualTo((string[])[$"udp {server.Addresses[1].Port}"]));
        Assert.That(_fleet.Run(Tools.Require("rpcinfo"), "-p", FleetNetwork.Second).Lines, Has.None.Contains($"{RpcWire.Program}"), "a port of portmap is one of the machine that is asked");
        Eventually.Holds(() => File.ReadAllLines(_fleet.ZoneFile).Contains($"_rpc-{RpcWire.Program}-1._tcp 30 IN SRV 0 0 {server.Addresses[0].Port} h-127-0-0-1"), () => File.ReadAllText(_fleet.ZoneFile));

        server.Signal(Signum.SIGKILL);
        server.WaitForExit();
        _fleet.AwaitServers(FleetNetwork.First);
        _fleet.AwaitServers(FleetNetwork.Second);
        Assert.That(_fleet.Names[0].Errors, Has.Some.Contains($"program {RpcWire.Program} version 1 is removed"));
    }

    [TestCase("epoll")]
    [TestCase("prefork")]
    public void A_server_registers_itself_and_is_gone_when_it_stops_or_is_killed(string model)
    {
        string program = $"rpc+{_fleet.Etcd.Url}/multiplex/1";
        foreach (Signum end in (Signum[])[Signum.SIGTERM, Signum.SIGKILL])
        {
            using ServerProcess server = _fleet.Serve(model, "--register-at", _fleet.Etcd.Url);
            Assert.That(_fleet.MultiplexByEtcd("call", program, "echo", "found").Lines, Is.EqualTo((string[])["found"]));
            Assert.That(_fleet.MultiplexByEtcd("load", program, "--requests", "100", "--connections", "2").Status, Is.Zero);
            _fleet.AwaitServers(FleetNetwork.Second, [.. server.Addresses.Select(address => $"{FleetNetwork.First}.{address.Port >> 8}.{address.Port & 255}")]);
            server.Signal(end);
            server.WaitForExit();
            _fleet.AwaitServers(FleetNetwork.Second);
        }

        ProgramRun none = _fleet.MultiplexByEtcd("call", program, "null");
        Assert.That(none.Status, Is.EqualTo(1));
        Assert.That(none.Errors.Single(), Does.Contain($"{program}: not registered in etcd at 127.0.0.1:2379"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void While_etcd_is_down_the_name_services_answer_from_what_they_know_and_write_later(bool losesAll)
    {
        using ServerProcess itself = _fleet.Serve("epoll", "--register-at", _fleet.Etcd.Url);
        string known = $"{FleetNetwork.First}.{itself.Addresses[0].Port >> 8}.{itself.Addresses[0].Port & 255}";
        Eventually.Holds(() => s_all.All(host => _fleet.Servers(host).Contains(known)), "it is not found");
        int[] said = [.. _fleet.Names.Select(OutageLines.CountWithout)];   // etcd may have been slow before
        _fleet.Etcd.Kill();
        Eventually.Holds(() => _fleet.Names.Select(OutageLines.Count).Zip(said).All(both => both.First > both.Second), "an outage is not said");
        Assert.That(s_all.All(host => _fleet.Servers(host).Contains(known)), Is.True, "it is answered from what is known");
        using ServerProcess meanwhile = _fleet.Serve("epoll", "--rpcbind", $"tcp://{FleetNetwork.First}:111");
        string added = $"{FleetNetwork.First}.{meanwhile.Addresses[0].Port >> 8}.{meanwhile.Addresses[0].Port & 255}";
        Assert.That(_fleet.Servers(FleetNetwork.First), Has.Member(added), "a machine finds its own server");
        Assert.That(_fleet.Servers(FleetNetwork.Second), Has.No.Member(added));

        _fleet.Etcd.StartAgain(losesAll);
        Eventually.Holds(() => s_all.All(host => _fleet.Servers(host) is var all && all.Contains(known) && all.Contains(added)), () => $"found: {string.Join(' ', _fleet.Servers(FleetNetwork.Second))}");
        foreach (ServerProcess names in _fleet.Names)
            OutageLines.EachIsSaidOnce(names);
        Assert.That(meanwhile.Stop(), Is.Zero);
        Assert.That(itself.Stop(), Is.Zero);
        _fleet.AwaitServers(FleetNetwork.Second);
    }

    private static string Compiled()
    {
        string gcc = Tools.Require("gcc");
        if (!File.Exists("/usr/include/tirpc/rpc/rpc.h"))
            Tools.Missing("libtirpc-dev is not installed");
        string program = Path.Combine(TestContext.CurrentContext.WorkDirectory, "fleet-client");
        ProgramRun.Successfully(gcc, ["-I/usr/include/tirpc", "-o", program, Path.Combine(AppContext.BaseDirectory, "Fleet", "fleet.c"), "-ltirpc"]);
        return program;
    }
}
