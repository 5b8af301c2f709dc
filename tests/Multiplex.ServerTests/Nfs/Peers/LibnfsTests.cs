using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Peers;

/// <summary>The programs of libnfs (Debian's libnfs-utils) as clients.</summary>
public sealed class LibnfsTests : OneExport
{
    [Test]
    public void A_tree_is_listed_as_it_is()
    {
        string[] names = ["a", "a/b", "a/b/deep", "a/new\tname", "ü", "z"];
        Directory.CreateDirectory(Export.At("a/b"));
        foreach (string name in names.Where(name => !Directory.Exists(Export.At(name))))
            File.WriteAllText(Export.At(name), name);
        ProgramRun run = ProgramRun.Successfully(Tools.Require("nfs-ls"), ["-R", Url("")]);
        Assert.That(run.Lines, Has.Length.EqualTo(names.Length));
        foreach (string name in names)
            Assert.That(run.Lines, Has.Some.EndsWith($" {name}"));
    }

    [Test]
    public void A_file_is_copied_there_and_back()
    {
        byte[] content = new byte[(5 << 20) + 7];
        Random.Shared.NextBytes(content);
        File.WriteAllBytes(Export.Outside("here"), content);
        ProgramRun.Successfully(Tools.Require("nfs-cp"), [Export.Outside("here"), Url("/there")]);
        Assert.That(File.ReadAllBytes(Export.At("there")), Is.EqualTo(content));
        ProgramRun.Successfully(Tools.Require("nfs-cp"), [Url("/there"), Export.Outside("back")]);
        Assert.That(File.ReadAllBytes(Export.Outside("back")), Is.EqualTo(content));
        Assert.That(ProgramRun.Successfully(Tools.Require("nfs-cat"), [Url("/there")]).Output, Is.EqualTo(content));
    }

    private string Url(string path)
    {
        int port = Export.Server.Address.Port;
        return $"nfs://127.0.0.1{NfsExport.Name}{path}?nfsport={port}&mountport={port}";
    }
}
