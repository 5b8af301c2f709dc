using System.Text;
using Mono.Unix.Native;
using Multiplex.Nfs;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>READDIRPLUS of directories that did not change: what is cached, and that it is never older than the export allows, or than what a client was sent.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class ListingCacheModelTests(string model) : ListingTests
{
    private protected override NfsExport MakeExport() => new(model, options: ",insecure,no_root_squash,async,attr-cache=3600", more: Count());

    [Test]
    public void What_the_server_changes_is_in_the_next_listing()
    {
        NfsFh3 root = Peer.Root(), directory = Peer.Mkdir(root, "d").Resok!.Obj.Handle!, other = Peer.Mkdir(root, "other").Resok!.Obj.Handle!;
        NfsFh3 file = Peer.NewFile(directory, "file"), linked = Peer.NewFile(directory, "linked");
        Assert.That(Peer.Nfs.Link(new() { File = linked, Link = NfsPeer.Where(other, "second") }).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Nfs.Link(new() { File = linked, Link = NfsPeer.Where(other, "third") }).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        NfsFh3 below = Peer.Mkdir(directory, "below").Resok!.Obj.Handle!;
        Keep(directory, "d");
        Peer.Write(file, 0, new byte[100]);
        Assert.That(In(directory, "file").Size, Is.EqualTo(100), "WRITE");
        Peer.Setattr(file, NfsPeer.Mode(0x180));
        Assert.That(In(directory, "file").Mode, Is.EqualTo(0x180), "SETATTR");
        Peer.Setattr(file, NfsPeer.Size(7));
        Assert.That(In(directory, "file").Size, Is.EqualTo(7), "SETATTR of the size");
        Peer.Remove(other, "second");
        Assert.That(In(directory, "linked").Nlink, Is.EqualTo(2), "REMOVE of another name");
        Peer.Rename(other, "third", other, "fourth");
        Assert.That(In(directory, "linked").Ctime, Is.EqualTo(Peer.Attributes(linked).Ctime), "RENAME of another name");
        Peer.NewFile(other, "replacing");
        Peer.Rename(other, "replacing", other, "fourth");
        Assert.That(In(directory, "linked").Nlink, Is.EqualTo(1), "RENAME over another name");
        Peer.Mkdir(below, "new");
        Assert.That(In(directory, "below").Nlink, Is.EqualTo(3), "MKDIR below");
        Peer.Rename(directory, "file", directory, "renamed");
        Assert.That(Names(directory), Does.Contain("renamed").And.Not.Contain("file"));
    }
}

/// <summary>The same on one model: changes by local programs, users, limits.</summary>
public sealed class ListingCacheTests : ListingTests
{
    private protected override NfsExport MakeExport() => new(options: ",insecure,no_root_squash,async,attr-cache=3600", more: Count());

    [Test]
    public void A_listing_from_memory_is_the_one_from_the_file_system_in_replies_of_any_length()
    {
        for (int i = 0; i < 500; i++)
            File.WriteAllText(Export.At($"file{i}"), $"{i}");
        List<Entryplus3> read = All(Peer.Root(), 1 << 20);
        Keep(Peer.Root(), "");
        foreach (uint maxcount in (uint[])[1 << 20, 32768, 4096, 600])
        {
            for (int again = 0; again < 2; again++)
                Assert.That(All(Peer.Root(), maxcount).Select(Shape), Is.EqualTo(read.Select(Shape)), $"{maxcount}");
        }

        Assert.That(read.Single(entry => Encoding.UTF8.GetString(entry.Name) == "file7").NameHandle.Handle, Is.EqualTo(Peer.Find("file7")));

        // atime may differ.
        static object Shape(Entryplus3 entry) =>
            (Convert.ToHexString(entry.Name), entry.Fileid, entry.Cookie, entry.NameAttributes.Attributes?.Size, entry.NameAttributes.Attributes?.Ctime, entry.NameHandle.Handle);
    }

    [Test]
    public void Names_that_local_programs_make_and_remove_are_in_the_next_listing()
    {
        File.WriteAllText(Export.At("old"), "");
        Keep(Peer.Root(), "");
        File.WriteAllText(Export.At("new"), "");
        Assert.That(Names(Peer.Root()), Does.Contain("new"));
        File.Delete(Export.At("old"));
        Assert.That(Names(Peer.Root()), Does.Not.Contain("old"));
        File.Delete(Export.At("new"));
        Directory.CreateDirectory(Export.At("new"));
        Assert.That(In(Peer.Root(), "new").Type, Is.EqualTo(Ftype3.Nf3dir));
    }

    [Test]
    public void A_change_that_the_server_has_reported_is_in_the_next_listing()
    {
        File.WriteAllText(Export.At("file"), "");
        Keep(Peer.Root(), "");
        File.WriteAllText(Export.At("file"), "longer");
        Assert.That(Peer.Attributes(Peer.Find("file")).Size, Is.EqualTo(6));
        Assert.That(In(Peer.Root(), "file").Size, Is.EqualTo(6), "a client must not see time go back");
    }

    [Test]
    public void A_caller_that_may_not_search_a_directory_gets_no_attributes_of_its_entries()
    {
        if (Syscall.geteuid() != 0)
            Assert.Ignore("only root acts as others");
        File.WriteAllText(Export.At("file"), "");
        Posix.Succeeds(Syscall.chmod(Export.Root, FilePermissions.S_IRWXU | FilePermissions.S_IROTH));
        Keep(Peer.Root(), "");
        using NfsPeer other = Export.Connect(61_001, 61_001);
        Entryplus3 entry = other.Readdirplus(other.Root(), 0, 8192, 32768).Resok!.Reply.Entries!.Single(entry => entry.Name.AsSpan().SequenceEqual("file"u8));
        Assert.That((entry.NameAttributes.Attributes, entry.NameHandle.Handle), Is.EqualTo(((Fattr3?)null, (NfsFh3?)null)));
        Assert.That(In(Peer.Root(), "file").Size, Is.Zero, "nor does that change what others get");
    }

    [Test]
    public void What_local_programs_change_is_in_the_next_listing_once_the_time_is_over([Values("0", "0.5")] string seconds)
    {
        using NfsExport export = new(options: $",insecure,no_root_squash,async,attr-cache={seconds}", more: OtherCounters.Option);
        using NfsPeer peer = export.Connect();
        File.WriteAllText(export.At("file"), "");
        Keep(peer, OtherCounters, peer.Root(), export.Root);
        File.WriteAllText(export.At("file"), "longer");
        if (seconds == "0")
            Assert.That(In(peer, peer.Root(), "file").Size, Is.EqualTo(6));
        else
            Eventually.Holds(() => In(peer, peer.Root(), "file").Size == 6, "the listing stays as it was");
    }

    [Test]
    public void No_more_is_kept_than_allowed()
    {
        using NfsExport export = new(more: ["--listing-cache", "8k", .. OtherCounters.Option]);
        using NfsPeer peer = export.Connect();
        for (int d = 0; d < 20; d++)
        {
            Directory.CreateDirectory(export.At($"d{d}"));
            for (int i = 0; i < 5; i++)
                File.WriteAllText(export.At($"d{d}/file{i}"), "");
        }

        AwaitSettled(export.At("d19"));
        for (int round = 0; round < 2; round++)
        {
            for (int d = 0; d < 20; d++)
                Assert.That(All(peer, peer.Find($"d{d}"), 8192), Has.Count.EqualTo(7));
        }

        Assert.That(OtherCounters[Counter.NfsListingsEvicted], Is.GreaterThan(20));
    }

    [Test]
    public void Without_memory_for_them_none_are_kept()
    {
        using NfsExport export = new(more: ["--listing-cache", "0", .. OtherCounters.Option]);
        using NfsPeer peer = export.Connect();
        File.WriteAllText(export.At("file"), "");
        AwaitSettled(export.Root);
        for (int i = 0; i < 3; i++)
            Assert.That(All(peer, peer.Root(), 8192), Has.Count.EqualTo(3));
        Assert.That(OtherCounters[Counter.NfsListingsReused], Is.Zero);
    }
}

/// <summary>Listings, and the wait until a directory is cached.</summary>
public abstract class ListingTests : OneExport
{
    private protected SharedCounters Counters { get; private set; } = null!;

    private protected SharedCounters OtherCounters { get; private set; } = null!;

    [TearDown]
    public void RemoveCounters()
    {
        Counters.Dispose();
        OtherCounters.Dispose();
    }

    // For the server of the test.
    private protected string[] Count()
    {
        (Counters, OtherCounters) = (new(), new());
        return Counters.Option;
    }

    private protected void Keep(NfsFh3 directory, string path) => Keep(Peer, Counters, directory, Export.At(path));

    // Lists a directory until the server has its entries cached. Each process of the server has its own cache.
    private protected static void Keep(NfsPeer peer, SharedCounters counters, NfsFh3 directory, string path)
    {
        AwaitSettled(path);
        long before = counters[Counter.NfsListingsReused];
        Eventually.Holds(
            () =>
            {
                All(peer, directory, 1 << 20);
                return counters[Counter.NfsListingsReused] > before;
            },
            "the directory is read each time");
    }

    internal static void AwaitSettled(string path) => Eventually.Holds(
        () =>
        {
            Posix.Succeeds(Syscall.stat(path, out Stat status));
            return DateTimeOffset.UtcNow.ToUnixTimeSeconds() - status.st_ctime > 2;
        },
        "a directory's ctime stays recent");

    private protected Fattr3 In(NfsFh3 directory, string name) => In(Peer, directory, name);

    private protected static Fattr3 In(NfsPeer peer, NfsFh3 directory, string name) =>
        All(peer, directory, 1 << 20).Single(entry => Encoding.UTF8.GetString(entry.Name) == name).NameAttributes.Attributes!;

    private protected IEnumerable<string> Names(NfsFh3 directory) => All(directory, 1 << 20).Select(entry => Encoding.UTF8.GetString(entry.Name));

    private protected List<Entryplus3> All(NfsFh3 directory, uint maxcount) => All(Peer, directory, maxcount);

    private protected static List<Entryplus3> All(NfsPeer peer, NfsFh3 directory, uint maxcount)
    {
        List<Entryplus3> entries = [];
        bool eof = false;
        while (!eof)
        {
            READDIRPLUS3resok reply = peer.Readdirplus(directory, entries.Count == 0 ? 0 : entries[^1].Cookie, maxcount, maxcount).Resok!;
            eof = reply.Reply.Eof;
            entries.AddRange(reply.Reply.Entries!.Select(entry => entry with { Nextentry = null }));
        }

        return entries;
    }
}
