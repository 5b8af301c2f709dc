using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Command;

/// <summary>
/// A host with two addresses, as getaddrinfo(3) lists them: both are tried in order, to listen and to connect. The command
/// runs with a hosts(5) file of its own, in a mount namespace that ends with it.
/// </summary>
public sealed class NamesOfSeveralAddresses
{
    private const string Name = "twofold";

    private string _hosts = "";

    [OneTimeSetUp]
    public void WriteHosts()
    {
        if (!Environment.IsPrivilegedProcess)
            Tools.Missing("a mount namespace takes root");
        _hosts = Path.GetTempFileName();
        File.WriteAllText(_hosts, $"127.0.0.1 localhost {Name}\n127.0.0.2 {Name}\n");
    }

    [OneTimeTearDown]
    public void DeleteHosts() => File.Delete(_hosts);

    [Test]
    public void The_first_that_is_free_is_listened_at_and_the_first_that_answers_is_connected_to()
    {
        using ServerProcess first = Serve(port: 0);
        int port = PortOf(first);
        using ServerProcess second = Serve(port);
        Assert.That(PortOf(second), Is.EqualTo(port));
        Assert.That(HostOf(second), Is.Not.EqualTo(HostOf(first)));

        Assert.That(AddsTo(first, port), Is.EqualTo(1));
        Assert.That(first.Stop(), Is.Zero);
        Assert.That(AddsTo(second, port), Is.EqualTo(1));
        Assert.That(second.Stop(), Is.Zero);
    }

    [Test]
    public void When_none_is_free_the_failure_names_the_host()
    {
        using ServerProcess first = Serve(port: 0);
        using ServerProcess second = Serve(PortOf(first));
        ProgramRun third = ProgramRun.Of("unshare", [.. WithHosts, "serve", "--model", "poll", "--listen", $"tcp://{Name}:{PortOf(first)}"]);
        Assert.That(third.Status, Is.EqualTo(1));
        Assert.That(third.Errors, Has.Length.EqualTo(1));
        Assert.That(third.Errors[0], Does.Contain(Name).And.Contains("EADDRINUSE"));
        Assert.That(first.Stop() + second.Stop(), Is.Zero);
    }

    private string[] WithHosts =>
        ["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", _hosts, ServerProcess.Command];

    private ServerProcess Serve(int port) => ServerProcess.StartProgram(
        Tools.Require("unshare"), [.. WithHosts, "serve", "--model", "poll", "--listen", $"tcp://{Name}:{port}"]);

    // What ADD says: how often this server, and not the other one, was called.
    private int AddsTo(ServerProcess server, int port)
    {
        ProgramRun run = ProgramRun.Successfully("unshare", [.. WithHosts, "call", $"tcp://{Name}:{port}", "add", "1"]);
        Assert.That(server.HasExited, Is.False);
        return int.Parse(run.Lines.Single());
    }

    private static int PortOf(ServerProcess server) => int.Parse(Endpoint.Parse(server.Address.ToString()!).Port);

    private static string HostOf(ServerProcess server) => Endpoint.Parse(server.Address.ToString()!).Host;
}
