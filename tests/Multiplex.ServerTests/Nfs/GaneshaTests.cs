using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>
/// <c>multiplex nfs</c> and <c>showmount</c> against nfs-ganesha(8), another server of NFS, in a network of its own: with MOUNT and NFS on two ports, which the
/// name service tells.
/// </summary>
public sealed class GaneshaTests
{
    private string _folder = "";
    private NameServiceProcess _network = null!;
    private ServerProcess _server = null!;

    private string Tree => Path.Combine(_folder, "tree");

    private string Url => $"nfs://127.0.0.1{Tree}";

    [OneTimeSetUp]
    public void Start()
    {
        string ganesha = Tools.Require("ganesha.nfsd");
        _network = NameServiceProcess.Start(NameServiceKind.Multiplex);
        _folder = Directory.CreateTempSubdirectory("multiplex-ganesha-").FullName;
        Directory.CreateDirectory(Tree);
        string configuration = Path.Combine(_folder, "ganesha.conf");
        File.WriteAllText(
            configuration,
            $$"""
            NFS_CORE_PARAM { NFS_Port = 20490; MNT_Port = 20491; Protocols = 3; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = false; }
            EXPORT { Export_Id = 1; Path = {{Tree}}; Pseudo = /x; Access_Type = RW; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }
            """);
        _server = _network.StartProgram(
            "sh", "-c", $"mkdir -p /run/ganesha && exec {ganesha} -F -L /dev/stderr -f {configuration} -p /run/ganesha/pid");
        Eventually.Holds(() => _network.Multiplex("nfs", "ls", Url).Status == 0, () => string.Join('\n', _server.Errors));
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _server?.Dispose();
        _network?.Dispose();
        if (_folder.Length > 0)
            Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Its_exports_and_mounts_are_shown()
    {
        Assert.That(Done("showmount", "127.0.0.1").Lines[1], Does.StartWith($"{Tree} "));
        Assert.That(Done("showmount", "-a", "--no-headers", "127.0.0.1").Lines, Is.Empty, "what the verbs have mounted, they have unmounted");
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(5 << 20)]
    public void Files_come_back_byte_for_byte(int size)
    {
        string file = Path.Combine(_folder, $"file-{size}"), back = Path.Combine(_folder, $"back-{size}");
        byte[] data = RandomData.RandomBytes(size);
        File.WriteAllBytes(file, data);
        Done("nfs", "put", file, $"{Url}/");
        Assert.That(File.ReadAllBytes(Path.Combine(Tree, $"file-{size}")), Is.EqualTo(data));
        Done("nfs", "get", $"{Url}/file-{size}", back);
        Assert.That(File.ReadAllBytes(back), Is.EqualTo(data));
        Assert.That(Done("nfs", "cat", $"{Url}/file-{size}").Output, Is.EqualTo(data));
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
            ProgramRun run = _network.Multiplex("nfs", "cat", $"{Url}/{name}");
            Assert.That(run.Status, Is.EqualTo(1));
            Assert.That(run.Errors, Has.Length.EqualTo(1));
            Assert.That(run.Errors[0], Does.Contain(name.Length > 255 ? "NFS3ERR_NAMETOOLONG" : "NFS3ERR_NOENT"));
        }
    }

    private ProgramRun Done(params string[] arguments)
    {
        ProgramRun run = _network.Multiplex(arguments);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Errors, Is.Empty);
        return run;
    }
}
