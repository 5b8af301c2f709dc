using System.Text;
using NUnit.Framework;

namespace Multiplex.ServerTests.Harness.Packages;

/// <summary>A command from a package does what the built command does.</summary>
internal static class PackagedCommand
{
    /// <summary>Asserts that it is a native program that serves calls, with a process for each connection, and echoes.</summary>
    public static void AssertServes(string command)
    {
        Assert.That(ProgramRun.Successfully(command, ["--version"]).Lines.Single(), Does.StartWith($"multiplex {Packages.Version}"));
        using (ServerProcess server = ServerProcess.StartProgram(command, ["serve", "--model", "fork", "--listen", "tcp://127.0.0.1:0"]))
        {
            Assert.That(File.ReadAllText($"/proc/{server.Id}/maps"), Does.Not.Contain("clrjit"));
            Assert.That(ProgramRun.Successfully(command, ["call", server.Address.Text, "echo", "hello"]).Lines, Is.EqualTo(new[] { "hello" }));
            Assert.That(server.Stop(), Is.Zero);
            Assert.That(server.FinalCount(Counter.ChildrenMade), Is.EqualTo(1));
        }

        using (ServerProcess server = ServerProcess.StartProgram(command, ["serve", "--model", "epoll", "--protocol", "echo", "--listen", "tcp://127.0.0.1:0"]))
        using (TestClient client = new(server.Address))
        {
            client.Send("hello"u8);
            Assert.That(Encoding.ASCII.GetString(client.Receive(5)), Is.EqualTo("hello"));
        }
    }
}
