using System.Net;
using System.Net.Sockets;
using Mono.Unix.Native;
using Multiplex.Rpc.Binding;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary>What clients and servers may expect of a name service: rpcbind(8) and <c>multiplex rpcbind</c> alike.</summary>
[TestFixture(NameServiceKind.Rpcbind)]
[TestFixture(NameServiceKind.Multiplex)]
public sealed class NameServiceContractTests(NameServiceKind kind)
{
    private const uint Program = 0x2000_9999, Spare = 0x2000_9998;
    private const string Address = "127.0.0.1.0.111";   // rpcbind removes addresses that no socket is bound to, and this one is bound

    private NameServiceProcess _service = null!;

    [OneTimeSetUp]
    public void Start() => _service = NameServiceProcess.Start(kind);

    [OneTimeTearDown]
    public void Stop() => _service?.Dispose();

    [Test]
    public void What_is_registered_is_found_and_listed_until_it_is_removed()
    {
        using NameServiceClient names = new(_service.Socket);
        Registration one = new(Program, 1, "tcp", Address, "");
        Assert.That(names.Find(Program, 1, Netid.Tcp, "127.0.0.1"), Is.Null);
        Assert.That(names.Set(one), Is.True);
        Assert.That(names.Set(one), Is.True, "the same once more");
        Assert.That(names.Set(one with { Address = "127.0.0.1.0.112" }), Is.False, "another address");
        Assert.That(names.Find(Program, 1, Netid.Tcp, "127.0.0.1"), Is.EqualTo(Endpoint.Parse("tcp://127.0.0.1:111")));
        Assert.That(names.Find(Program, 2, Netid.Tcp, "127.0.0.1"), Is.EqualTo(Endpoint.Parse("tcp://127.0.0.1:111")), "another version is");
        Assert.That(names.Find(Program, 1, Netid.Udp, "127.0.0.1"), Is.Null);
        Assert.That(names.Dump(), Has.One.EqualTo(one with { Owner = "superuser" }), "as this test is root's, or could make no network");
        Assert.That(names.Unset(one), Is.True);
        Assert.That(names.Find(Program, 1, Netid.Tcp, "127.0.0.1"), Is.Null);
        Assert.That(names.Dump().Where(each => each.Program == Program), Is.Empty);
    }

    [TestCase("tcp://127.0.0.1:111")]
    [TestCase("udp://127.0.0.1:111")]
    [TestCase("tcp://[::1]:111")]
    [TestCase("udp://[::1]:111")]
    public void It_is_asked_over_every_transport(string endpoint)
    {
        Endpoint service = Endpoint.Parse(endpoint);
        string found = _service.InItsNetwork(() =>
        {
            using NameServiceClient names = new(service);
            return $"{names.Find(NameService.Program, 4, Netid.Of(service)!, service.Host)}";
        });
        Assert.That(found, Is.EqualTo(endpoint));
    }

    [Test]
    public void A_program_without_a_version_is_found_in_the_highest_that_its_transport_has()
    {
        using NameServiceClient names = new(_service.Socket);
        Registration[] all =
        [
            .. from one in ((uint Version, Netid Netid)[])[(1, Netid.Tcp), (3, Netid.Tcp), (2, Netid.Tcp), (5, Netid.Udp), (4, Netid.Udp)]
               select new Registration(Program, one.Version, one.Netid.Name, Address, ""),
        ];
        Assert.That(all.Select(names.Set), Has.All.True);
        Assert.That(Located("rpc"), Is.EqualTo("tcp://127.0.0.1:111, version 3"));
        Assert.That(Located("rpc+udp"), Is.EqualTo("udp://127.0.0.1:111, version 5"), "whose list was asked for over TCP");
        Assert.That(() => Located("rpc+tcp6"), Throws.InnerException.With.Message.Contains("not registered"));
        Assert.That(all.Select(names.Unset), Has.All.True);

        string Located(string scheme) => _service.InItsNetwork(() =>
        {
            string host = scheme == "rpc+tcp6" ? "[::1]" : "127.0.0.1";
            (Endpoint server, uint version) = RemoteProgram.Parse($"{scheme}://{host}/{Program}").Locate();
            return $"{server}, version {version}";
        });
    }

    [Test]
    public void A_program_is_located_by_a_task([Values] bool versionIsNamed)
    {
        using NameServiceClient names = new(_service.Socket);
        Registration one = new(Program, 6, "tcp", Address, "");
        Assert.That(names.Set(one), Is.True);
        string version = versionIsNamed ? "/6" : "";
        Task<(Endpoint, uint)> found = RemoteProgram.Parse($"rpc://127.0.0.1/{Program}{version}").LocateAsync(_service.Socket, Eventually.Deadline);
        Assert.That(found.Wait(2 * Eventually.Deadline), Is.True);
        Assert.That(found.Result, Is.EqualTo((Endpoint.Parse("tcp://127.0.0.1:111"), 6u)));
        Assert.That(names.Unset(one), Is.True);
        Assert.That(
            async () => await RemoteProgram.Parse($"rpc://127.0.0.1/{Spare}{version}").LocateAsync(_service.Socket, Eventually.Deadline),
            Throws.InstanceOf<IOException>().With.Message.Contains("not registered"));
    }

    [TestCase("rpc", "tcp")]
    [TestCase("rpc+udp", "udp")]
    public void A_client_finds_a_server_that_has_come_back_on_another_port(string scheme, string kind)
    {
        using ServerProcess first = _service.Serve("epoll", $"{kind}://127.0.0.1:0");
        using ServerProcess client = _service.StartProgram(ServerProcess.TestServers, "call", $"{scheme}://127.0.0.1/{RpcWire.Program}");
        Eventually.Holds(() => client.Output.Contains($"answered by {first.Address.Text}"), () => $"no answer by the first server: {string.Join('\n', client.Errors)}");
        first.Signal(Signum.SIGKILL);   // it does not unregister
        first.WaitForExit();
        using ServerProcess second = _service.Serve("epoll", $"{kind}://127.0.0.1:0");
        Eventually.Holds(() => client.Output.Contains($"answered by {second.Address.Text}"), () => $"no answer by the second server: {string.Join('\n', client.Errors)}");
        Assert.That(client.Output, Has.Count.EqualTo(2));
        Assert.That(second.Stop(), Is.Zero);
    }

    [Test]
    public void Its_own_highest_version_is_called_when_none_is_named()
    {
        foreach (string scheme in (string[])["rpc", "rpc+udp"])
        {
            Assert.That(_service.Multiplex("call", $"{scheme}://127.0.0.1/portmapper", "null").Status, Is.Zero, scheme);
            ProgramRun lower = _service.Multiplex("call", $"{scheme}://127.0.0.1/portmapper/1", "null");
            Assert.That(lower.Errors.Single(), Does.Contain("PROG_MISMATCH: the server has versions 2 to 4"));
        }
    }

    [TestCase(ProtocolType.Tcp)]
    [TestCase(ProtocolType.Udp)]
    public void From_another_machine_nothing_is_registered_or_removed(ProtocolType protocol)
    {
        using NameServiceClient names = new(_service.Socket);
        Registration there = new(Program, 7, "tcp", Address, "");
        Assert.That(names.Set(there), Is.True);
        byte[] portmap = [.. RpcWire.UInt(Spare), .. RpcWire.UInt(1), .. RpcWire.UInt(6), .. RpcWire.UInt(111)];
        Assert.That(SucceedsFromElsewhere(protocol, version: 4, procedure: 1, Rpcb(Spare, 1)), Is.False, "set");
        Assert.That(SucceedsFromElsewhere(protocol, version: 3, procedure: 2, Rpcb(Program, 7)), Is.False, "unset");
        Assert.That(SucceedsFromElsewhere(protocol, version: 2, procedure: 1, portmap), Is.False, "set of portmap");
        Assert.That(names.Dump().Select(one => one.Program), Has.No.Member(Spare).And.Member(Program));
        Assert.That(names.Unset(there), Is.True);
    }

    [Test]
    public void Rpcinfo_lists_it()
    {
        string rpcinfo = Tools.Require("rpcinfo");
        string[] ports = [.. from protocol in (string[])["tcp", "udp"] from version in (string[])["2", "3", "4"] select $"100000 {version} {protocol} 111 portmapper"];
        Assert.That(Rows(_service.Run(rpcinfo, "-p")).Skip(1), Is.EquivalentTo(ports));
        Assert.That(Rows(_service.Run(rpcinfo, "-p", "127.0.0.1")).Skip(1), Is.EquivalentTo(ports));
        Assert.That(Rows(_service.Run(rpcinfo)).Skip(1), Is.EquivalentTo((string[])
        [
            "100000 2 tcp 0.0.0.0.0.111 portmapper superuser", "100000 3 tcp 0.0.0.0.0.111 portmapper superuser",
            "100000 4 tcp 0.0.0.0.0.111 portmapper superuser", "100000 2 udp 0.0.0.0.0.111 portmapper superuser",
            "100000 3 udp 0.0.0.0.0.111 portmapper superuser", "100000 4 udp 0.0.0.0.0.111 portmapper superuser",
            "100000 3 tcp6 ::.0.111 portmapper superuser", "100000 4 tcp6 ::.0.111 portmapper superuser",
            "100000 3 udp6 ::.0.111 portmapper superuser", "100000 4 udp6 ::.0.111 portmapper superuser",
            "100000 3 local /run/rpcbind.sock portmapper superuser", "100000 4 local /run/rpcbind.sock portmapper superuser",
        ]));
        Assert.That(string.Join('\n', Rows(_service.Run(rpcinfo, "-l", "127.0.0.1", "100000", "4"))), Does.Contain("inet/tcp/cots_ord"));
        Assert.That(string.Join('\n', Rows(_service.Run(rpcinfo, "-m"))), Does.Contain("RPCBIND (version 4) statistics"));
    }

    [TestCase("tcp", "127.0.0.1")]
    [TestCase("udp", "127.0.0.1")]
    [TestCase("tcp6", "::1")]
    [TestCase("udp6", "::1")]
    public void Rpcinfo_pings_it(string netid, string host)
    {
        string[] ready = Rows(_service.Run(Tools.Require("rpcinfo"), "-T", netid, host, "100000"));
        Assert.That(ready, Has.Member("program 100000 version 3 ready and waiting").And.Member("program 100000 version 4 ready and waiting"));
    }

    [Test]
    public void Multiplex_rpcinfo_lists_it_and_pings_it()
    {
        string[] list = Rows(_service.Multiplex("rpcinfo"));
        Assert.That(list, Has.Member("| 100000 | 4 | tcp6 | ::.0.111 | portmapper | superuser |"));
        Assert.That(Rows(_service.Multiplex("rpcinfo", "127.0.0.1")), Is.EqualTo(list));
        Assert.That(Rows(_service.Multiplex("rpcinfo", "--rpcbind", $"tcp://{NameServiceProcess.OtherAddress}:111")), Is.EqualTo(list));
        Assert.That(Rows(_service.Multiplex("rpcinfo", "127.0.0.1", "portmapper", "4")), Is.EquivalentTo((string[])
        [
            "portmapper version 4 over tcp at 0.0.0.0.0.111: ready and waiting", "portmapper version 4 over udp at 0.0.0.0.0.111: ready and waiting",
        ]));
        Assert.That(Rows(_service.Multiplex("rpcinfo", "::1", "100000")), Has.Exactly(4).Contains("over").And.All.Contains("6 at ::.0.111: ready"));
        ProgramRun absent = _service.Multiplex("rpcinfo", "127.0.0.1", "nfs");
        Assert.That(absent.Status, Is.EqualTo(1));
        Assert.That(absent.Errors.Single(), Does.Contain("nfs is not registered at tcp://127.0.0.1:111"));
        ProgramRun other = _service.Multiplex("rpcinfo", "127.0.0.1", "portmapper", "7");
        Assert.That(other.Status, Is.EqualTo(1));
        Assert.That(other.Errors.Single(), Does.Contain("version 4 over tcp"));
    }

    private static string[] Rows(ProgramRun run)
    {
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return [.. run.Lines.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Where(line => line.Length > 0)];
    }

    private static byte[] Rpcb(uint program, uint version) =>
        [.. RpcWire.UInt(program), .. RpcWire.UInt(version), .. RpcWire.Opaque("tcp"u8.ToArray()), .. RpcWire.Opaque("127.0.0.1.0.111"u8.ToArray()), .. RpcWire.UInt(0)];

    // Whether the call is accepted, and its result is TRUE. The caller's address is the one that it calls.
    private bool SucceedsFromElsewhere(ProtocolType protocol, uint version, uint procedure, byte[] arguments) => _service.InItsNetwork(() =>
    {
        byte[] call = [.. RpcWire.UInt(1), .. RpcWire.UInt(0), .. RpcWire.UInt(2), .. RpcWire.UInt(100000), .. RpcWire.UInt(version), .. RpcWire.UInt(procedure), .. new byte[16], .. arguments];
        bool isStream = protocol == ProtocolType.Tcp;
        using Socket socket = new(AddressFamily.InterNetwork, isStream ? SocketType.Stream : SocketType.Dgram, protocol);
        socket.ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds;
        socket.Connect(IPAddress.Parse(NameServiceProcess.OtherAddress), 111);
        socket.Send(isStream ? RpcWire.Record(call) : call);
        byte[] buffer = new byte[1024];
        byte[] reply = buffer[..socket.Receive(buffer)];
        return reply.AsSpan(isStream ? 4 : 0).SequenceEqual((byte[])[.. RpcWire.UInt(1), .. RpcWire.UInt(1), .. new byte[16], .. RpcWire.UInt(1)]);
    });
}
