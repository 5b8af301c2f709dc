using System.Text.Json;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Load;

/// <summary>Loads of NFS: the files are made over NFS, read and written, and removed.</summary>
public sealed class LoadFilesTests
{
    private const int Requests = 600;

    [Test]
    public void Every_call_of_the_mix_is_answered_rightly_and_nothing_is_left(
        [Values(ListenForm.Tcp, ListenForm.Udp, ListenForm.TcpOverIPv6)] ListenForm form,
        [Values("", "getattr", "lookup", "read", "write", "readdirplus", "read=2,write=1")] string mix)
    {
        using NfsExport export = new("epoll", form: form);
        string[] asked = mix.Length == 0 ? [] : ["--mix", mix];
        JsonElement report = Loaded(["--protocol", "nfs", export.Server.Address.Text, "--connections", "3", "--depth", "4", "--files", "20", "--timeout", "30s", .. asked]);
        Assert.That(report.GetProperty("options").GetProperty("tree").GetProperty("files").GetInt32(), Is.EqualTo(20));
        Assert.That(report.GetProperty("options").GetProperty("mix").GetString(), mix.Length == 0 ? Does.StartWith("getattr=40,lookup=25") : Is.EqualTo(mix));
        Assert.That(Directory.GetFileSystemEntries(export.Root), Is.Empty);
    }

    [TestCase("--size", "1,3,4k=5,1M=2")]
    [TestCase("--rate", "3000", "--arrivals", "poisson")]
    [TestCase("--calls-per-connection", "7")]
    [TestCase("--threads", "3", "--slow-readers", "1", "--idle", "2")]
    [TestCase("--mix", "readdirplus", "--files", "3000", "--directories", "1", "--file-size", "0")]
    [TestCase("--files", "1")]
    public void It_is_as_any_load_is(params string[] options)
    {
        using NfsExport export = new("pool --workers 8");
        Directory.CreateDirectory(export.At("below"));
        Loaded([$"nfs://127.0.0.1:{export.Server.Address.Port}/x/below", "--connections", "3", "--depth", "2", .. options]);
        Assert.That(Directory.GetFileSystemEntries(export.Root, "*", SearchOption.AllDirectories), Is.EqualTo((string[])[export.At("below")]));
    }

    [Test]
    public void Failures_are_counted_by_their_status()
    {
        using NfsExport export = new();
        using NfsPeer peer = export.Connect();
        using ServerProcess load = ServerProcess.StartProgram(
            ServerProcess.Command, ["load", $"nfs://127.0.0.1:{export.Server.Address.Port}/x", "--connections", "2", "--files", "4", "--mix", "getattr", "--duration", "3s", "--json", export.Outside("report")],
            endpoints: 0);
        AwaitTree(export, peer);
        foreach (string file in Directory.GetFiles(export.Root, "file-*", SearchOption.AllDirectories))
            File.Delete(file);
        Assert.That(load.WaitForExit(), Is.EqualTo(1));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(export.Outside("report")));
        JsonElement errors = report.RootElement.GetProperty("errors");
        Dictionary<string, long> statuses = errors.GetProperty("statuses").EnumerateObject().ToDictionary(status => status.Name, status => status.Value.GetInt64());
        Assert.That(statuses["NFS3ERR_STALE"], Is.Positive);
        Assert.That(statuses.Keys, Is.SubsetOf((string[])["NFS3ERR_STALE", "NFS3ERR_JUKEBOX"]), "while the inode becomes another file's, a call may be asked to come again");
        Assert.That(statuses.Values.Sum(), Is.EqualTo(errors.GetProperty("wrong_replies").GetInt64()));
        Assert.That(Directory.GetFileSystemEntries(export.Root), Is.Empty, "the directories");
    }

    [TestCase(Signum.SIGINT)]
    [TestCase(Signum.SIGTERM)]
    public void A_signal_ends_it_and_nothing_is_left(Signum signal)
    {
        using NfsExport export = new();
        using NfsPeer peer = export.Connect();
        using ServerProcess load = ServerProcess.StartProgram(
            ServerProcess.Command, ["load", $"nfs://127.0.0.1:{export.Server.Address.Port}/x", "--files", "4", "--duration", "1h"], endpoints: 0);
        AwaitTree(export, peer);
        load.Signal(signal);
        Assert.That(load.WaitForExit(), Is.EqualTo(4));
        Assert.That(Directory.GetFileSystemEntries(export.Root), Is.Empty);
    }

    [Test]
    public void What_the_server_refuses_is_one_line_and_nothing_is_left()
    {
        using NfsExport export = new(options: ",insecure,ro"), secure = new(options: ",no_root_squash");
        Refused($"nfs://127.0.0.1:{export.Server.Address.Port}/x", "NFS3ERR_ROFS");
        Refused($"nfs://127.0.0.1:{export.Server.Address.Port}/y", "MNT3ERR_NOENT");
        Refused($"nfs://127.0.0.1:{secure.Server.Address.Port}/x", "port below 1024");
        Refused("nfs://127.0.0.1:1/x", "ECONNREFUSED");
    }

    [Test]
    public void Models_are_compared_by_it()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            ProgramRun.Successfully(ServerProcess.Command,
                ["compare", "--models", "pool,epoll", "--scenarios", "files", "--connections", "2", "--rounds", "1", "--rounds-only", "--requests", "300", "--out", folder]);
            using JsonDocument report = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "report.json")));
            Assert.That(report.RootElement.GetProperty("protocol").GetString(), Is.EqualTo("nfs"));
            foreach (JsonElement result in report.RootElement.GetProperty("scenarios")[0].GetProperty("points")[0].GetProperty("results").EnumerateArray())
            {
                Assert.That(result.GetProperty("errors").GetProperty("total").GetInt64(), Is.Zero);
                Assert.That(result.GetProperty("rounds")[0].GetProperty("throughput_per_s").GetDouble(), Is.Positive);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The load's files exist, and its client has disconnected.
    private static void AwaitTree(NfsExport export, NfsPeer peer) => Eventually.Holds(
        () => Directory.GetFiles(export.Root, "file-*", SearchOption.AllDirectories).Length == 4 && peer.Mount.Dump() is null, "the load has not begun");

    private static void Refused(string url, string why)
    {
        ProgramRun run = ProgramRun.Multiplex("load", url, "--requests", "1");
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contain(why));
    }

    private static JsonElement Loaded(string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(["load", .. arguments, "--requests", $"{Requests}", "--json", "-"]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', [.. run.Lines, .. run.Errors]));
        JsonElement report = JsonDocument.Parse(run.Output).RootElement;
        Assert.That(report.GetProperty("replies").GetInt64(), Is.EqualTo(Requests));
        Assert.That(report.GetProperty("errors").GetProperty("total").GetInt64(), Is.Zero);
        return report;
    }
}
