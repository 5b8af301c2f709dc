using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Binding;

/// <summary>Programs written by others: the C library's clients, and a network analyser.</summary>
public sealed class ForeignProgramTests
{
    private static readonly string[] s_everyTransport = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", "tcp://[::1]:0", "udp://[::1]:0"];

    [TestCase(NameServiceKind.Rpcbind)]
    [TestCase(NameServiceKind.Multiplex)]
    public void Libtirpc_registers_looks_up_and_makes_clients_by_host_program_and_version(NameServiceKind kind)
    {
        string gcc = Tools.Require("gcc");
        if (!Directory.Exists("/usr/include/tirpc"))
            Tools.Missing("the headers of libtirpc are not installed");
        string program = Path.Combine(Path.GetTempPath(), $"multiplex-names-{Guid.NewGuid():N}");
        ProgramRun.Successfully(gcc, ["-I/usr/include/tirpc", "-o", program, Path.Combine(AppContext.BaseDirectory, "Binding", "names.c"), "-ltirpc"]);
        using NameServiceProcess service = NameServiceProcess.Start(kind);
        using ServerProcess server = service.Serve("poll", s_everyTransport);
        ProgramRun run = service.Run(program, $"{RpcWire.Program}");
        File.Delete(program);
        Assert.That(run.Lines, Is.EqualTo((string[])
        [
            "rpcb_set yes", "rpcb_getaddr yes", "rpcb_unset yes", "rpcb_getaddr no", "rpcb_gettime yes",
            "pmap_set yes", "pmap_getport yes", "pmap_unset yes", "pmap_getport no",
            "clnt_create tcp yes", "clnt_create udp yes", "clnt_tp_create tcp6 yes", "clnt_tp_create udp6 yes",
        ]), () => string.Join('\n', run.Errors));
    }

    [Test]
    public void Tshark_decodes_a_session_without_a_malformed_packet()
    {
        string tshark = Tools.Require("tshark");
        string file = Path.Combine(Path.GetTempPath(), $"multiplex-{Guid.NewGuid():N}.pcapng");
        using NameServiceProcess service = NameServiceProcess.Start(NameServiceKind.Multiplex);
        using (ServerProcess capture = service.StartProgram(tshark, "-i", "lo", "-w", file, "-P", "-l"))
        {
            Eventually.Holds(() => capture.HasExited || capture.Errors.Any(line => line.Contains("Capture started")), "tshark does not begin");
            if (capture.HasExited)
                Assert.Ignore($"no capturing here: {string.Join(' ', capture.Errors)}");
            using ServerProcess server = service.Serve("poll", s_everyTransport);
            ProgramRun.Successfully(Tools.Require("nsenter"), service.Inside([Tools.Require("rpcinfo"), "127.0.0.1"]));
            foreach (string scheme in (string[])["rpc", "rpc+udp"])
            {
                foreach (string[] call in (string[][])[["null"], ["echo", "hello"], ["sleep", "1"], ["burn", "1"], ["add", "1"], ["whoami"]])
                    Assert.That(service.Multiplex(["call", $"{scheme}://127.0.0.1/multiplex", .. call]).Status, Is.Zero);
            }

            Assert.That(service.Multiplex("call", "rpc://[::1]/multiplex/7", "null").Status, Is.EqualTo(1), "PROG_MISMATCH");

            // The last packet that is waited for: a datagram without a receiver.
            service.Multiplex("call", "udp://127.0.0.1:9", "null");
            Eventually.Holds(() => capture.Output.Any(line => line.Contains("Destination unreachable")), "tshark does not see the last packet");
            capture.Signal(Signum.SIGINT);
            capture.WaitForExit();
        }

        // A random xid may look like the head of an RTCP packet.
        string[] Packets(string filter) => ProgramRun.Successfully(
            tshark, ["-r", file, "--disable-protocol", "rtcp", "-o", "rpc.dissect_unknown_programs:TRUE", "-Y", filter, "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info"]).Lines;
        Assert.That(Packets("_ws.malformed || _ws.expert.severity == error"), Is.Empty);
        Assert.That(Packets("portmap && rpc.msgtyp == 1"), Has.Length.AtLeast(14), "replies of the name service: a list, and where the server is");
        Assert.That(Packets($"rpc.program == {RpcWire.Program} && rpc.msgtyp == 1 && rpc.state_accept == 0"), Has.Length.AtLeast(12), "replies of the server");
        Assert.That(Packets($"rpc.program == {RpcWire.Program} && rpc.state_accept == 2"), Has.Length.EqualTo(1), "PROG_MISMATCH");
        File.Delete(file);
    }
}
