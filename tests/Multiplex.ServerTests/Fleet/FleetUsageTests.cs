using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Fleet;
using NUnit.Framework;

namespace Multiplex.ServerTests.Fleet;

/// <summary>Options that name an engine: what is wrong is said in one line, and the command goes on as its other binary.</summary>
public sealed class FleetUsageTests
{
    private const string Nobody = "etcd://127.0.0.1:9";

    [TestCase("--backend consul://127.0.0.1: write etcd://HOST:PORT", "rpcbind", "--backend", "consul://127.0.0.1")]
    [TestCase("is no host with a port", "rpcbind", "--backend", "etcd://")]
    [TestCase("--advertise 192.0.2.1: it is for --backend", "rpcbind", "--advertise", "192.0.2.1")]
    [TestCase("--advertise web1: write an IPv4 address", "rpcbind", "--backend", Nobody, "--advertise", "web1")]
    [TestCase("--lease 1s: write a time from 2s to 1h", "rpcbind", "--backend", Nobody, "--lease", "1s")]
    [TestCase("--register-at etcd://: '' is no host with a port: write etcd://HOST:PORT", "serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0", "--register-at", "etcd://")]
    [TestCase("--register-at etcd://h:0: 'h:0' is no host with a port", "serve", "--model", "fork", "--listen", "tcp://127.0.0.1:0", "--register-at", "etcd://h:0")]
    [TestCase("--nats nats://…@h: it is for --agents", "load", "tcp://127.0.0.1:9", "--nats", "nats://u:secret@h")]
    [TestCase("leave out --register and --rpcbind", "serve", "--model", "epoll", "--listen", "tcp://127.0.0.1:0", "--register", "--register-at", Nobody)]
    [TestCase("echo is no program", "serve", "--model", "epoll", "--protocol", "echo", "--listen", "tcp://127.0.0.1:0", "--register-at", Nobody)]
    [TestCase("others reach no server by a path", "serve", "--model", "epoll", "--listen", "unix:@fleet-usage", "--register-at", Nobody)]
    [TestCase("'x' is no version", "call", "rpc+etcd://127.0.0.1:9/multiplex/x", "null")]
    [TestCase("write rpc://HOST/PROGRAM", "call", "rpc+nothing", "null")]
    [TestCase("--rpcbind tcp://127.0.0.1:9: rpc+etcd://127.0.0.1:9/multiplex names where to ask", "call", "--rpcbind", "tcp://127.0.0.1:9", "rpc+etcd://127.0.0.1:9/multiplex", "null")]
    public void Wrong_usage_is_one_line(string line, params string[] arguments) => Fails(2, line, arguments);

    [Test]
    public void Where_no_etcd_answers_a_server_does_not_start_and_a_call_fails()
    {
        Fails(1, "etcd at 127.0.0.1:9: Connection refused", "call", "rpc+etcd://127.0.0.1:9/multiplex", "null");
        ProgramRun serve = ProgramRun.Multiplex("serve", "--model", "fork", "--listen", "tcp://127.0.0.1:0", "--register-at", Nobody);
        Assert.That((serve.Status, serve.Lines.Length), Is.EqualTo((1, 0)), "it does not listen");
        Assert.That(serve.Errors.Single(), Does.Match(@"^multiplex: --register-at etcd://127\.0\.0\.1:9: etcd at 127\.0\.0\.1:9: Connection refused[^:]*(:9\))?$"));
    }

    [Test]
    public void A_check_of_a_configuration_finds_a_URL_that_is_none()
    {
        FleetCommand.Require();
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "model = \"epoll\"\nlisten = [\"tcp://127.0.0.1:0\"]\nregister-at = \"etcd://h:0\"\n");
        Fails(2, "'h:0' is no host with a port", "check-config", file);
        File.Delete(file);
    }

    [Test]
    public void Without_the_other_binary_one_line_says_what_has_it()
    {
        FleetCommand.Require();
        DirectoryInfo alone = Directory.CreateTempSubdirectory();
        try
        {
            string command = Path.Combine(alone.FullName, "multiplex");
            File.Copy(ServerProcess.Command, command);
            foreach (string[] arguments in (string[][])[["rpcbind", "--backend", Nobody], ["call", "rpc+etcd://127.0.0.1:9/multiplex", "null"]])
            {
                ProgramRun run = ProgramRun.Of(Tools.Require("env"), ["PATH=/usr/bin", command, .. arguments]);
                Assert.That(run.Status, Is.EqualTo(1));
                Assert.That(run.Errors.Single(), Does.Contain("this is done by multiplex-fleet, which is neither in").And.Contains("./run-all.sh build"));
            }
        }
        finally
        {
            alone.Delete(recursive: true);
        }
    }

    [Test]
    public void The_other_binary_is_the_same_command()
    {
        string fleet = FleetCommand.Require();
        foreach (string[] arguments in (string[][])[["--help"], ["--version"], ["rpcbind", "--help"], ["models"]])
            Assert.That(ProgramRun.Of(fleet, arguments).Lines, Is.EqualTo(ProgramRun.Multiplex(arguments).Lines));
    }

    private static void Fails(int status, string line, params string[] arguments)
    {
        FleetCommand.Require();
        ProgramRun run = ProgramRun.Multiplex(arguments);
        Assert.That(run.Status, Is.EqualTo(status), () => string.Join('\n', run.Errors));
        Assert.That(run.Errors.Single(), Does.Contain(line));
    }
}
