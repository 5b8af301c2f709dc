using System.Text.Json;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Peers;

/// <summary><c>multiplex nfs</c>, <c>showmount</c>, <c>load</c> and <c>compare</c> against nfs-ganesha(8), another server of NFS.</summary>
public sealed class GaneshaTests
{
    private GaneshaServer _ganesha = null!;

    private string Tree => _ganesha.Tree;

    private string Url => _ganesha.Url;

    [OneTimeSetUp]
    public void Start() => _ganesha = new();

    [OneTimeTearDown]
    public void Stop() => _ganesha?.Dispose();

    [Test]
    public void Its_exports_and_mounts_are_shown()
    {
        Assert.That(Done("showmount", "127.0.0.1").Lines[1], Does.StartWith($"{Tree} "));
        Assert.That(Done("showmount", "-a", "--no-headers", "127.0.0.1").Lines, Is.Empty, "what the verbs have mounted, they have unmounted");
        Assert.That(Done("showmount", "--udp", "127.0.0.1").Lines[1], Does.StartWith($"{Tree} "));
        Assert.That(_ganesha.Run(Tools.Require("showmount"), "-e", "127.0.0.1").Lines, Has.Some.StartsWith($"{Tree} "), "the other client");
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(5 << 20)]
    public void Files_come_back_byte_for_byte(int size)
    {
        string file = Path.Combine(_ganesha.Folder, $"file-{size}"), back = Path.Combine(_ganesha.Folder, $"back-{size}");
        byte[] data = RandomData.RandomBytes(size);
        File.WriteAllBytes(file, data);
        Done("nfs", "put", file, $"{Url}/");
        Assert.That(File.ReadAllBytes(Path.Combine(Tree, $"file-{size}")), Is.EqualTo(data));
        Done("nfs", "get", $"{Url}/file-{size}", back);
        Assert.That(File.ReadAllBytes(back), Is.EqualTo(data));
        Assert.That(Done("nfs", "cat", $"{Url}/file-{size}").Output, Is.EqualTo(data));
    }

    [Test]
    public void Files_come_back_over_datagrams_too()
    {
        string file = Path.Combine(_ganesha.Folder, "datagrams"), back = Path.Combine(_ganesha.Folder, "datagrams-back");
        byte[] data = RandomData.RandomBytes((1 << 20) + 1);
        File.WriteAllBytes(file, data);
        Done("nfs", "put", "--udp", file, $"{Url}/");
        Assert.That(File.ReadAllBytes(Path.Combine(Tree, "datagrams")), Is.EqualTo(data));
        Done("nfs", "get", "--udp", $"{Url}/datagrams", back);
        Assert.That(File.ReadAllBytes(back), Is.EqualTo(data));
        Assert.That(Done("nfs", "find", "--udp", Url, "--name", "datagrams").Lines, Has.Length.EqualTo(1));
    }

    [TestCase]
    [TestCase("--size", "1,4k=3,64k", "--rate", "2000", "--depth", "4")]
    [TestCase("--mix", "readdirplus", "--files", "3000", "--directories", "1", "--file-size", "0")]
    public void A_load_asks_a_mix_and_leaves_nothing(params string[] options)
    {
        ProgramRun run = Done(["load", Url, "--connections", "3", "--requests", "600", "--json", "-", .. options]);
        using JsonDocument report = JsonDocument.Parse(run.Output);
        Assert.That(report.RootElement.GetProperty("replies").GetInt64(), Is.EqualTo(600));
        Assert.That(Directory.GetDirectories(Tree, "multiplex-load-*"), Is.Empty);
    }

    [Test]
    public void It_is_compared_with_the_models()
    {
        // Its servers unregister their programs when they end.
        using GaneshaServer other = new();
        string folder = Path.Combine(other.Folder, "compared");
        ProgramRun run = other.Multiplex(
            "compare", "--models", "epoll", "--peer", $"ganesha=exec sh {other.Script} {{port}} {{mountport}} {{export}}", "--scenarios", "files", "--connections", "2",
            "--rounds", "1", "--rounds-only", "--requests", "300", "--out", folder);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "report.json")));
        JsonElement[] results = [.. report.RootElement.GetProperty("scenarios")[0].GetProperty("points")[0].GetProperty("results").EnumerateArray()];
        Assert.That(results.Select(one => one.GetProperty("server").GetString()), Is.EqualTo((string[])["epoll", "ganesha"]));
        foreach (JsonElement result in results)
            Assert.That(result.GetProperty("rounds")[0].GetProperty("throughput_per_s").GetDouble(), Is.Positive, $"{result}");
    }

    [Test]
    public void A_tree_is_walked_whole()
    {
        const int Count = 2000;
        string tree = Path.Combine(Tree, "many");
        Directory.CreateDirectory(tree);
        for (int i = 0; i < Count; i++)
            File.WriteAllBytes(Path.Combine(tree, $"f{i:D4}"), []);
        File.CreateSymbolicLink(Path.Combine(tree, "link"), "f0000");
        Assert.That(Done("nfs", "ls", $"{Url}/many").Lines, Is.EqualTo((string[])[.. Enumerable.Range(0, Count).Select(i => $"f{i:D4}"), "link"]));
        Assert.That(Done("nfs", "find", $"{Url}/many", "--type", "l").Lines, Is.EqualTo((string[])[$"{tree}/link"]));
        Assert.That(Done("nfs", "stat", $"{Url}/many/link").Lines, Does.Contain($"path:   {tree}/link -> f0000"));
        Assert.That(Done("nfs", "df", Url).Lines, Has.Some.Contains(Url));
    }

    [Test]
    public void Its_refusals_are_one_line()
    {
        foreach (string name in (string[])["missing", new string('n', 256)])
        {
            ProgramRun run = _ganesha.Multiplex("nfs", "cat", $"{Url}/{name}");
            Assert.That(run.Status, Is.EqualTo(1));
            Assert.That(run.Errors, Has.Length.EqualTo(1));
            Assert.That(run.Errors[0], Does.Contain(name.Length > 255 ? "NFS3ERR_NAMETOOLONG" : "NFS3ERR_NOENT"));
        }
    }

    private ProgramRun Done(params string[] arguments)
    {
        ProgramRun run = _ganesha.Multiplex(arguments);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Errors, Is.Empty);
        return run;
    }
}
