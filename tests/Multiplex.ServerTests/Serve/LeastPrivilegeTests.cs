using Multiplex.Interop;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>What a server that root starts has given up once it accepts, on every model.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class LeastPrivilegeTests(string model)
{
    private const string None = "0000000000000000";

    [OneTimeSetUp]
    public void Only_as_root()
    {
        if (Libc.geteuid() != 0)
            Assert.Ignore("only root has privileges to give up");
    }

    [Test]
    public void As_another_user_no_thread_and_no_process_has_root_s_rights()
    {
        string[] endpoints = [.. Cells.FormsOf(model).Where(form => form is ListenForm.Tcp or ListenForm.Udp).Select(form => form.NewEndpoint())];
        string[] beside = ["--metrics", "tcp://127.0.0.1:0", "--takeover", $"unix:@multiplex-privilege-{Guid.NewGuid():N}"];
        using ServerProcess server = ServerProcess.Start(model, "rpc", endpoints, ["--user", $"{AsUser.Nobody}:{AsUser.Nobody}", .. beside]);
        using (RpcPeer peer = new(server.Address))
        {
            peer.Null();
            string[] threads = [.. server.ProcessIds.SelectMany(id => Directory.GetDirectories($"/proc/{id}/task"))];
            Assert.That(threads, Is.Not.Empty);
            foreach (string thread in threads)
            {
                Dictionary<string, string> status = StatusOf(thread);
                Assert.That((status["Uid"], status["Gid"], status["Groups"]), Is.EqualTo((Four(AsUser.Nobody), Four(AsUser.Nobody), "")), thread);
                Assert.That((status["CapEff"], status["CapPrm"], status["CapInh"], status["CapAmb"]), Is.EqualTo((None, None, None, None)), thread);
            }

            foreach (int process in server.ProcessIds)
            {
                Dictionary<string, string> status = StatusOf($"/proc/{process}");
                Assert.That((status["NoNewPrivs"], status["CapBnd"]), Is.EqualTo(("1", None)));
            }
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors, Has.Count.EqualTo(2), "only where its metrics are, and what it counted");
    }

    [TestCase]
    [TestCase("--user", "root")]
    [TestCase("--user", "0:0")]
    public void As_root_it_says_so_and_can_gain_nothing_by_another_program(params string[] user)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, user);
        Dictionary<string, string> status = StatusOf($"/proc/{server.Id}");
        Assert.That((status["NoNewPrivs"], status["CapBnd"], status["CapAmb"]), Is.EqualTo(("1", None, None)));
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors, Has.Count.EqualTo(2));
        Assert.That(server.Errors[0], Does.Contain("runs as root").And.Contain("--user"));
    }

    private static string Four(uint id) => $"{id}\t{id}\t{id}\t{id}";

    private static Dictionary<string, string> StatusOf(string process) => File.ReadLines($"{process}/status")
        .Select(line => line.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1].Trim());
}
