using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary>A name service at any address, without privileges: <c>--listen</c> and <c>--rpcbind</c>.</summary>
public sealed class NameServiceElsewhereTests
{
    private static readonly string[] s_anyPort = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"];

    [TestCase("poll")]
    [TestCase("epoll")]
    [TestCase("reactors")]
    [TestCase("hybrid")]
    public void A_server_registers_with_it_and_is_found_through_it_on_every_model_that_serves_it(string model)
    {
        using ServerProcess names = StartNames([.. s_anyPort, ListenForm.UnixPath.NewEndpoint()], "--model", model);
        using ServerProcess server = ServerProcess.Start("poll", "rpc", s_anyPort, "--rpcbind", names.Addresses[2].Text);
        string program = $"rpc://127.0.0.1/{RpcWire.Program}";
        Assert.That(Line("call", "--rpcbind", names.Addresses[0].Text, program, "echo", "by tcp"), Is.EqualTo("by tcp"));
        Assert.That(Line("call", "--rpcbind", names.Addresses[1].Text, $"rpc+udp{program[3..]}", "echo", "by udp"), Is.EqualTo("by udp"));
        ProgramRun noList = ProgramRun.Multiplex("call", "--rpcbind", names.Addresses[1].Text, $"rpc+udp{program[3..]}", "null");
        Assert.That(noList.Errors.Single(), Does.Contain("or name the version: rpc+udp://127.0.0.1/multiplex/VERSION"));
        Assert.That(Line("call", program, "echo", "by path", "--rpcbind", names.Addresses[2].Text), Is.EqualTo("by path"));
        Assert.That(server.Stop(), Is.Zero);
        ProgramRun gone = ProgramRun.Multiplex("call", "--rpcbind", names.Addresses[0].Text, program, "null");
        Assert.That(gone.Status, Is.EqualTo(1));
        Assert.That(gone.Errors.Single(), Does.Contain($"not registered at {names.Addresses[0]}"));
        Assert.That(names.Stop(), Is.Zero);
        Assert.That(names.Output[0], Is.EqualTo($"listening {names.Addresses[0]} model={model} protocol=rpcbind pid={names.Id}"));
    }

    [Test]
    public void Every_user_may_connect_to_its_path()
    {
        using ServerProcess names = StartNames([ListenForm.UnixPath.NewEndpoint()]);
        Assert.That(Syscall.stat(names.Address.FilePath!, out Stat status), Is.Zero);
        Assert.That(status.st_mode & FilePermissions.ACCESSPERMS, Is.EqualTo(FilePermissions.DEFFILEMODE), "rw-rw-rw-");
    }

    [Test]
    public void A_list_is_too_long_for_a_datagram_unless_asked_for_and_a_registration_too_many_is_refused()
    {
        using ServerProcess usual = StartNames(["udp://127.0.0.1:0"], "--max-registrations", "3");
        ProgramRun refused = ProgramRun.Multiplex("rpcinfo", "--rpcbind", usual.Address.Text);
        Assert.That(refused.Status, Is.EqualTo(1));
        Assert.That(refused.Errors.Single(), Does.Contain("SYSTEM_ERR").And.Contains("over TCP"));
        using ServerProcess generous = StartNames(["udp://127.0.0.1:0"], "--max-registrations", "3", "--amplification", "50");
        Assert.That(ProgramRun.Multiplex("rpcinfo", "--rpcbind", generous.Address.Text).Status, Is.Zero);
        ProgramRun full = ProgramRun.Multiplex("serve", "--model", "poll", "--listen", "tcp://127.0.0.1:0", "--rpcbind", generous.Address.Text);
        Assert.That(full.Status, Is.EqualTo(1));
        Assert.That(full.Errors.Single(), Does.Contain($"{generous.Address} does not register program {RpcWire.Program} version 1 for tcp"));
    }

    [Test]
    public void Calls_for_others_are_made_where_that_is_asked_for_and_what_comes_to_nothing_is_passed_over_in_silence()
    {
        using ServerProcess names = StartNames(s_anyPort, "--indirect");
        using ServerProcess server = ServerProcess.Start("poll", "rpc", s_anyPort, "--rpcbind", names.Address.Text);
        byte[] echo = RpcWire.Opaque("for another"u8.ToArray());
        byte[] portAndResults = [.. RpcWire.UInt((uint)server.Addresses[1].Port), .. RpcWire.Opaque(echo)];
        string universal = $"127.0.0.1.{server.Addresses[1].Port >> 8}.{server.Addresses[1].Port & 255}";
        byte[] addressAndResults = [.. RpcWire.Opaque(System.Text.Encoding.ASCII.GetBytes(universal)), .. RpcWire.Opaque(echo)];
        using RpcPeer datagrams = new(names.Addresses[1]), stream = new(names.Addresses[0]);
        Assert.That(Ask(datagrams, version: 2, procedure: 5, RpcWire.Program, RpcWire.Echo, echo), Is.EqualTo(portAndResults), "CALLIT of portmap");
        Assert.That(Ask(datagrams, version: 4, procedure: 5, RpcWire.Program, RpcWire.Echo, echo), Is.EqualTo(addressAndResults), "BCAST");
        Assert.That(Ask(stream, version: 4, procedure: 10, RpcWire.Program, RpcWire.Echo, echo), Is.EqualTo(addressAndResults), "INDIRECT");
        Send(datagrams, xid: 7, version: 3, procedure: 5, program: 0x2000_9996, 0, []);
        Send(datagrams, xid: 8, version: 2, procedure: 5, program: 100000, 0, []);
        Assert.That(Ask(datagrams, version: 2, procedure: 5, RpcWire.Program, RpcWire.Null, []), Has.Length.EqualTo(8), "no reply came before this one");
        ProgramRun waits = ProgramRun.Multiplex("rpcbind", "--indirect", "--model", "epoll");
        Assert.That(waits.Status, Is.EqualTo(2));
        Assert.That(waits.Errors.Single(), Does.Contain("hybrid"));
    }

    // The results of an indirect call, CALLIT of RFC 1833: program, version 1, procedure, its arguments.
    private static byte[] Ask(RpcPeer names, uint version, uint procedure, uint program, uint called, byte[] arguments)
    {
        Send(names, xid: 9, version, procedure, program, called, arguments);
        byte[] reply = names.ReceiveRecord();
        Assert.That(reply[..24], Is.EqualTo((byte[])[.. RpcWire.UInt(9), .. RpcWire.UInt(1), .. new byte[16]]), "a success");
        return reply[24..];
    }

    private static void Send(RpcPeer names, uint xid, uint version, uint procedure, uint program, uint called, byte[] arguments)
    {
        byte[] call =
        [
            .. RpcWire.UInt(xid), .. RpcWire.UInt(0), .. RpcWire.UInt(2), .. RpcWire.UInt(100000), .. RpcWire.UInt(version), .. RpcWire.UInt(procedure),
            .. new byte[16], .. RpcWire.UInt(program), .. RpcWire.UInt(1), .. RpcWire.UInt(called), .. RpcWire.Opaque(arguments),
        ];
        names.Client.Send(names.Client.Socket.SocketType == System.Net.Sockets.SocketType.Stream ? RpcWire.Record(call) : call);
    }

    private static ServerProcess StartNames(string[] endpoints, params string[] options) => ServerProcess.StartProgram(
        ServerProcess.Command, ["rpcbind", .. endpoints.SelectMany(endpoint => new[] { "--listen", endpoint }), .. options], endpoints.Length);

    private static string Line(params string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(arguments);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return run.Lines.Single();
    }
}
