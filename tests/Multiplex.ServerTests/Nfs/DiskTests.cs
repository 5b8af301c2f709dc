using Mono.Unix.Native;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>A disk that does not answer, on the models that serve other clients meanwhile.</summary>
[TestFixture("pool")]
[TestFixture("threads")]
[TestFixture("fork")]
[TestFixture("prefork")]
[TestFixture("hybrid")]
[TestFixture("uring")]
public sealed class SlowDiskTests(string model)
{
    [Test]
    public void Calls_that_wait_for_a_disk_do_not_keep_other_clients_waiting()
    {
        LoopDisk disk = null!;
        using NfsExport export = new(model, prepare: root => disk = new($"{root}.image", root));
        using NfsPeer writer = export.Connect(), other = export.Connect();
        NfsFh3 root = writer.Root(), file = writer.NewFile(root, "file"), quiet = writer.NewFile(root, "quiet");
        byte[] data = RandomData.RandomBytes(300_000);
        Assert.That(writer.Write(quiet, 0, data).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(writer.Write(file, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(other.Read(quiet, 0, 1 << 20).Resok!.Data, Is.EqualTo(data));
        disk.Freeze();
        Task<WRITE3res> write = Task.Run(() => writer.Write(file, 1, data, StableHow.FileSync));
        for (int i = 0; i < 20; i++)
        {
            Assert.That(other.Attributes(quiet).Size, Is.EqualTo(data.Length));
            Assert.That(other.Read(quiet, 0, 1 << 20).Resok!.Data, Is.EqualTo(data));
            Assert.That(other.Readdirplus(root, 0, 8192, 32768).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        }

        Assert.That(write.IsCompleted, Is.False, "the disk is frozen");
        disk.Thaw();
        Assert.That(write.Result.Resok!.Count, Is.EqualTo(data.Length));
        Assert.That(other.Read(file, 1, 1 << 20).Resok!.Data, Is.EqualTo(data));
        Assert.That(export.Server.Stop(), Is.Zero);
    }
}

/// <summary>A disk that fails, on every model.</summary>
[TestFixtureSource(typeof(Cells), nameof(Cells.Served))]
public sealed class FailingDiskTests(string model)
{
    [Test]
    public void Data_that_do_not_reach_the_disk_fail_the_commit_and_change_the_verifier()
    {
        const int Piece = 1 << 20, Pieces = 12;
        string backing = Directory.CreateTempSubdirectory("multiplex-backing-").FullName;
        LoopDisk.RequireOne();

        // The file system has room for the data, and the disk below it does not.
        using (new TmpfsMounts(backing))
        {
            using NfsExport export = new(model, prepare: root => new LoopDisk($"{backing}/image", root));
            using NfsPeer peer = export.Connect();
            NfsFh3 file = peer.NewFile(peer.Root(), "file"), small = peer.NewFile(peer.Root(), "small");
            byte[] data = RandomData.RandomBytes(Piece), verifier = [];
            Nfsstat3 status = Nfsstat3.Nfs3Ok;
            for (int i = 0; i < Pieces && status == Nfsstat3.Nfs3Ok; i++)
            {
                WRITE3res written = peer.Write(file, (ulong)(i * Piece), data);
                status = written.Status;
                verifier = written.Resok?.Verf ?? verifier;
            }

            Assert.That(status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            COMMIT3res commit = peer.Nfs.Commit(new() { File = file });
            Assert.That(commit.Status, Is.AnyOf(Nfsstat3.Nfs3errIo, Nfsstat3.Nfs3errNospc));
            Assert.That(peer.Write(small, 0, [1]).Resok!.Verf, Is.Not.EqualTo(verifier), "other clients write again too");
        }

        Directory.Delete(backing);
    }
}

/// <summary>A file system that is mounted below an export.</summary>
public sealed class MountBelowTests
{
    [Test]
    public void A_file_system_below_an_export_is_refused_and_listed_without_attributes()
    {
        using NfsExport export = new(prepare: root => new LoopDisk($"{root}.image", Directory.CreateDirectory(Path.Combine(root, "below")).FullName));
        File.WriteAllText(export.At("below/secret"), "");
        using NfsPeer peer = export.Connect();
        NfsFh3 root = peer.Root();
        Assert.That(peer.Lookup(root, "below"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Assert.That(peer.MountStatus($"{NfsExport.Name}/below"), Is.EqualTo(Mountstat3.Mnt3errAcces));
        Assert.That(peer.Rmdir(root, "below").Status, Is.EqualTo(Nfsstat3.Nfs3errAcces), "EBUSY");
        peer.NewFile(root, "file");
        for (int again = 0; again < 2; again++)
        {
            Entryplus3[] entries = [.. peer.Readdirplus(root, 0, 8192, 32768).Resok!.Reply.Entries!];
            Entryplus3 below = entries.Single(entry => entry.Name.AsSpan().SequenceEqual("below"u8)), file = entries.Single(entry => entry.Name.AsSpan().SequenceEqual("file"u8));
            Assert.That((below.NameAttributes.Attributes, below.NameHandle.Handle), Is.EqualTo(((Fattr3?)null, (NfsFh3?)null)));
            Assert.That(file.NameHandle.Handle, Is.EqualTo(peer.Find("file")));
            ListingTests.AwaitSettled(export.Root);   // once it may be kept
        }
    }

    [Test]
    public void A_listing_that_is_kept_is_read_anew_when_something_is_mounted_on_an_entry()
    {
        using NfsExport export = new(options: ",insecure,no_root_squash,async,attr-cache=0");
        Directory.CreateDirectory(export.At("below"));
        File.WriteAllText(export.At("file"), "");
        using NfsPeer peer = export.Connect();
        NfsFh3 root = peer.Root();
        ListingTests.AwaitSettled(export.Root);
        string[] before = Names();
        using TmpfsMounts mounted = new(export.At("below"));   // which does not change the directory's ctime
        Assert.That(Names(), Is.EqualTo(before));

        string[] Names() => [.. peer.Readdirplus(root, 0, 8192, 32768).Resok!.Reply.Entries!.Select(entry => System.Text.Encoding.UTF8.GetString(entry.Name))];
    }

    [Test]
    public void File_systems_below_an_export_that_crosses_mounts_are_served_each_as_its_own()
    {
        using NfsExport export = new(
            options: ",insecure,no_root_squash,async,crossmnt", prepare: root => new TmpfsMounts($"{root}/be low", $"{root}/be low/deep"));
        File.WriteAllText(export.At("be low/deep/file"), "content");
        using NfsPeer peer = export.Connect();
        NfsFh3 root = peer.Root(), below = peer.Find("be low"), deep = peer.Find("be low/deep"), file = peer.Find("be low/deep/file");
        Assert.That(new[] { root, below, deep }.Select(one => peer.Attributes(one).Fsid), Is.Unique);
        Assert.That(peer.Attributes(file).Fsid, Is.EqualTo(peer.Attributes(deep).Fsid));
        Assert.That(peer.Read(file, 0, 100).Resok!.Data, Is.EqualTo("content"u8.ToArray()));
        Assert.That(peer.Mounted($"{NfsExport.Name}/be low/deep"), Is.EqualTo(deep));
        Assert.That(peer.Mount.Export(), Has.Exactly(1).Items, "they are not listed");
        Assert.That(peer.Lookup(deep, ".."u8.ToArray()).Resok!.Object, Is.EqualTo(deep));
        Assert.That(peer.Rename(deep, "file", root, "file").Status, Is.EqualTo(Nfsstat3.Nfs3errXdev));
        peer.NewFile(below, "new");
        Assert.That(File.Exists(export.At("be low/new")));
        Assert.That(ProgramRun.Successfully(ServerProcess.Command, ["nfs", "find", $"nfs://127.0.0.1:{export.Server.Address.Port}/x", "--type", "f"]).Lines,
            Is.EquivalentTo((string[])["/x/be low/new", "/x/be low/deep/file"]));
        export.KillAndStartAgain();
        Assert.That(peer.Read(file, 0, 100).Resok!.Data, Is.EqualTo("content"u8.ToArray()), "handles outlive the server");
    }

    [Test]
    public void An_export_of_what_is_mounted_below_another_has_its_own_options()
    {
        string[] more = ["--export", ""];
        using NfsExport export = new(options: ",insecure,no_root_squash,async,crossmnt", more: more, prepare: root =>
        {
            more[1] = $"{root}/below={NfsExport.Name}/below,ro,insecure,no_root_squash";
            return new TmpfsMounts($"{root}/below");
        });
        using NfsPeer peer = export.Connect();
        Assert.That(peer.Create(peer.Find("below"), "new").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
    }
}

/// <summary>READ and WRITE that the kernel completes later.</summary>
public sealed class RingFilesTests : OneExport
{
    private protected override NfsExport MakeExport() => new("uring");

    [Test]
    public void What_is_not_in_memory_is_read_whole_and_up_to_the_end()
    {
        byte[] data = RandomData.RandomBytes((2 << 20) + 12_345);
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        for (int at = 0; at < data.Length; at += 1 << 20)
        {
            byte[] piece = data[at..Math.Min(at + (1 << 20), data.Length)];
            Assert.That(Peer.Write(file, (ulong)at, piece, StableHow.FileSync).Resok!.Count, Is.EqualTo(piece.Length));
        }

        DropFromMemory("file");
        for (int at = 0; at < data.Length; at += 1 << 20)
        {
            READ3resok read = Peer.Read(file, (ulong)at, 1 << 20).Resok!;
            Assert.That(read.Data, Is.EqualTo(data[at..Math.Min(at + (1 << 20), data.Length)]));
            Assert.That(read.Eof, Is.EqualTo(at + (1 << 20) >= data.Length));
        }

        DropFromMemory("file");
        Assert.That(Peer.Read(file, (ulong)data.Length - 5, 100).Resok!.Data, Is.EqualTo(data[^5..]));
        Assert.That(Peer.Read(file, (ulong)data.Length, 100).Resok!.Data, Is.Empty);
    }

    [Test]
    public void Calls_that_wait_for_the_disk_do_not_run_in_the_loops_thread()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        string log = Export.Outside("strace");
        string[] command = ["-f", "-q", "-e", "trace=pread64,pwrite64,fsync,fdatasync,io_uring_enter", "-o", log, "-p", $"{Export.Server.Id}"];
        using (ServerProcess trace = ServerProcess.StartProgram(Tools.Require("strace"), command, endpoints: 0))
        {
            Eventually.Holds(() => Directory.GetDirectories($"/proc/{Export.Server.Id}/task").All(IsTraced), "strace attaches to each thread");
            Peer.Write(file, 0, new byte[5000]);
            Peer.Write(file, 0, new byte[5000], StableHow.FileSync);
            Peer.Nfs.Commit(new() { File = file });
            DropFromMemory("file");
            Assert.That(Peer.Read(file, 0, 5000).Resok!.Count, Is.EqualTo(5000));
            trace.Signal(Signum.SIGINT);
            trace.WaitForExit();
        }

        string[] calls = File.ReadAllLines(log);
        Assert.That(calls, Has.Some.Contains("io_uring_enter("));
        Assert.That(calls.Where(line => line.Contains("pread64(") || line.Contains("pwrite64(") || line.Contains("sync(")), Is.Empty);

        static bool IsTraced(string thread)
        {
            const string Tracer = "TracerPid:";
            return int.Parse(File.ReadLines($"{thread}/status").First(line => line.StartsWith(Tracer, StringComparison.Ordinal)).AsSpan(Tracer.Length)) != 0;
        }
    }

    [Test]
    public void Writes_that_overlap_say_nothing_of_the_file_before_them()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        WRITE3res[] results = [.. Enumerable.Range(0, 50).Select(i => Peer.Nfs.WriteAsync(
            new() { File = file, Offset = (ulong)i * 4096, Count = 4096, Stable = StableHow.FileSync, Data = new byte[4096] }).AsTask()).ToArray().Select(task => task.Result)];
        Assert.That(results.Select(result => result.Status), Is.All.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Attributes(file).Size, Is.EqualTo(50 * 4096));
        WRITE3res alone = Peer.Write(file, 0, [1]);
        Assert.That(alone.Resok!.FileWcc.Before.Attributes?.Size, Is.EqualTo(50 * 4096));
    }

    private void DropFromMemory(string name)
    {
        int fd = Syscall.open(Export.At(name), OpenFlags.O_RDONLY);
        Posix.Succeeds(Syscall.fsync(fd));
        Posix.Succeeds(Syscall.posix_fadvise(fd, 0, 0, PosixFadviseAdvice.POSIX_FADV_DONTNEED));
        Posix.Succeeds(Syscall.close(fd));
    }
}
