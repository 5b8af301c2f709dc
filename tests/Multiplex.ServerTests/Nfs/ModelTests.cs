using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>A file is made, written, read and removed on every model.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class ModelTests(string model) : OneExport
{
    private protected override NfsExport MakeExport() => new(model);

    [Test]
    public void A_file_is_made_written_read_listed_and_removed()
    {
        NfsFh3 root = Peer.Root(), directory = Peer.Mkdir(root, "d").Resok!.Obj.Handle!, file = Peer.NewFile(directory, "file");
        byte[] content = new byte[1 << 20];
        Random.Shared.NextBytes(content);
        WRITE3resok written = Peer.Write(file, 0, content).Resok!;
        Assert.That(Peer.Nfs.Commit(new() { File = file }).Resok!.Verf, Is.EqualTo(written.Verf));
        Assert.That(Peer.Read(file, 0, 1 << 20).Resok!.Data, Is.EqualTo(content));
        Assert.That(Peer.Readdirplus(directory, 0, 4096, 8192).Resok!.Reply.Entries!.Last(entry => entry.Name.Length > 2).NameHandle.Handle, Is.EqualTo(file));
        Assert.That(Peer.Rename(directory, "file", root, "moved").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Remove(root, "moved").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Read(file, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
        Assert.That(Export.Server.Stop(), Is.Zero);
    }
}

/// <summary>Several clients at a time, on every model that serves several.</summary>
[TestFixtureSource(nameof(ServingMany))]
public sealed class ManyClientsTests(string model) : OneExport
{
    private static IEnumerable<string> ServingMany => Cells.Served.Where(model => Cells.ServesSeveralClients(model, ListenForm.Tcp));

    private protected override NfsExport MakeExport() => new(model);

    [Test]
    public void Clients_see_each_others_changes_and_the_same_verifier_and_mounts()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        byte[] verifier = Peer.Write(file, 0, "1"u8.ToArray()).Resok!.Verf;
        using NfsPeer other = Export.Connect();
        Assert.That(other.Root(), Is.EqualTo(Peer.Root()));
        Assert.That(other.Write(file, 1, "2"u8.ToArray()).Resok!.Verf, Is.EqualTo(verifier));
        Assert.That(Peer.Read(file, 0, 10).Resok!.Data, Is.EqualTo("12"u8.ToArray()));
        Assert.That(other.Remove(other.Root(), "file").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Getattr(file).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
        Assert.That(other.Mount.Dump()!.Count(), Is.EqualTo(1));
    }
}

/// <summary>The models that fork.</summary>
[TestFixtureSource(nameof(Forking))]
public sealed class ForkedTests(string model) : OneExport
{
    private static IEnumerable<string> Forking => Cells.Served.Where(Cells.Forks);

    private protected override NfsExport MakeExport() => new(model);

    [Test]
    public void A_process_that_is_forked_ends_with_its_parent_also_after_calls_of_others_than_root()
    {
        if (Mono.Unix.Native.Syscall.geteuid() != 0)
            Assert.Ignore("only root acts as others");
        Posix.Succeeds(Mono.Unix.Native.Syscall.chmod(Export.Root, Mono.Unix.Native.FilePermissions.ACCESSPERMS));
        using NfsPeer alice = Export.Connect(61_001, 61_001);
        alice.NewFile(alice.Root(), "file");
        List<Harness.Kernel.ProcessEntry> children = Export.Server.Children();
        Assert.That(children, Is.Not.Empty);
        Export.Server.Signal(Mono.Unix.Native.Signum.SIGKILL);
        Eventually.Holds(() => Export.Server.Processes().Count == 0, "children outlive their parent");
    }
}
