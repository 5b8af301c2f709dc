using Multiplex.Rpc.Binding;
using Multiplex.Rpc.Xdr;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>Text that a server sent is printed so that it cannot move the cursor or begin a line.</summary>
public sealed class ServerTextTests
{
    [Test]
    public void Control_characters_of_a_result_are_printed_as_escapes()
    {
        using ServerProcess server = ServerProcess.Start("poll", "rpc", ListenForm.Tcp);
        ProgramRun run = ProgramRun.Successfully(
            ServerProcess.Command, ["call", server.Address.Text, "echo", "ä\e[31m\r\n\t\u007F\u009B2J\u202Eo\u2066"]);
        Assert.That(run.Lines, Is.EqualTo((string[])[@"ä\x1b[31m\r\n\t\x7f\x9b2J\u202eo\u2066"]));
    }

    [Test]
    public void Control_characters_of_registrations_are_printed_as_escapes()
    {
        using ServedHere names = new(_ => new RpcProtocol(new Dump()));
        ProgramRun list = ProgramRun.Successfully(ServerProcess.Command, ["rpcinfo", "--rpcbind", names.Address]);
        ProgramRun ping = ProgramRun.Multiplex("rpcinfo", "--rpcbind", names.Address, "127.0.0.1", "7");
        foreach (ProgramRun run in (ProgramRun[])[list, ping])
        {
            string text = string.Join('\n', [.. run.Lines, .. run.Errors]);
            Assert.That(text, Does.Contain(@"\x1b[2J").And.Not.Contains("\e"));
        }
    }

    /// <summary>A name service with one program, whose owner has a hostile name.</summary>
    private sealed class Dump : IRpcProgram
    {
        private const uint DumpProcedure = 4;

        public uint Number => NameService.Program;

        public uint Version => NameService.HighVersion;

        public IReadOnlyList<ProcedureEntry> Procedures => [new(DumpProcedure, WriteAll)];

        private static AcceptStatus WriteAll(in RpcCall call, ref XdrReader arguments, XdrWriter results)
        {
            results.WriteBool(true);
            results.WriteUInt32(7);
            results.WriteUInt32(1);
            foreach (string text in (string[])["tcp", "127.0.0.1.\e[2J", "root\e[2J"])
                results.WriteOpaque(System.Text.Encoding.UTF8.GetBytes(text));
            results.WriteBool(false);
            return AcceptStatus.Success;
        }
    }
}
