using Mono.Unix.Native;
using Multiplex.Nfs;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>
/// File handles: what they outlive, and what they never reach. The server is root and opens files by the kernel's handles, or
/// is another user and searches for inodes.
/// </summary>
[TestFixture(null)]
[TestFixture(AsUser.Nobody)]
public sealed class HandleTests(uint? user) : OneExport
{
    private protected override NfsExport MakeExport()
    {
        if (user is not null && Syscall.geteuid() != 0)
            Assert.Ignore("only root may become another user");
        return new(options: user is null ? ",insecure,no_root_squash,async" : $",insecure,all_squash,anonuid={user},anongid={user},async", user: user);
    }

    [Test]
    public void A_handle_outlives_the_server()
    {
        NfsFh3 directory = Peer.Mkdir(Peer.Root(), "d").Resok!.Obj.Handle!, root = Peer.Root(), file = Peer.NewFile(directory, "file");
        Peer.Write(file, 0, "content"u8.ToArray());
        Export.KillAndStartAgain();
        Assert.That(Peer.Read(file, 0, 100).Resok!.Data, Is.EqualTo("content"u8.ToArray()));
        Assert.That(Peer.Lookup(directory, "file"u8.ToArray()).Resok!.Object, Is.EqualTo(file));
        Assert.That(Peer.Root(), Is.EqualTo(root));
    }

    [Test]
    public void A_handle_outlives_renames_by_clients_and_by_others_also_of_directories_above()
    {
        NfsFh3 root = Peer.Root(), a = Peer.Mkdir(root, "a").Resok!.Obj.Handle!, b = Peer.Mkdir(a, "b").Resok!.Obj.Handle!, file = Peer.NewFile(b, "file");
        Peer.Write(file, 0, "content"u8.ToArray());
        Assert.That(Peer.Rename(b, "file", root, "new").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Read(), Is.EqualTo("content"));
        File.Move(Export.At("new"), Export.At("a/b/newer"));
        Directory.Move(Export.At("a"), Export.At("c"));
        Assert.That(Read(), Is.EqualTo("content"));
        Export.KillAndStartAgain();
        Assert.That(Read(), Is.EqualTo("content"));
        Assert.That(Peer.Lookup(b, "newer"u8.ToArray()).Resok!.Object, Is.EqualTo(file));

        string Read() => System.Text.Encoding.UTF8.GetString(Peer.Read(file, 0, 100).Resok!.Data);
    }

    [Test]
    public void The_handle_of_a_file_that_is_gone_is_stale_and_never_another_files([Values] bool restarted)
    {
        NfsFh3 root = Peer.Root();
        NfsFh3[] files = [.. Enumerable.Range(0, 50).Select(i => Peer.NewFile(root, $"file{i}"))];
        for (int i = 0; i < files.Length; i++)
            File.Delete(Export.At($"file{i}"));
        for (int i = 0; i < files.Length; i++)
            File.WriteAllText(Export.At($"new{i}"), "of another");   // inodes are reused
        if (restarted)
            Export.KillAndStartAgain();
        Assert.That(files.Select(file => Peer.Getattr(file).Status), Is.All.EqualTo(Nfsstat3.Nfs3errStale));
        Assert.That(files.Select(file => Peer.Read(file, 0, 10).Status), Is.All.EqualTo(Nfsstat3.Nfs3errStale));
    }

    [Test]
    public void The_handle_of_a_file_that_is_gone_is_stale_while_its_inode_becomes_other_files()
    {
        NfsFh3 root = Peer.Root();
        NfsFh3[] files = [.. Enumerable.Range(0, 16).Select(i => Peer.NewFile(root, $"file{i}"))];
        for (int i = 0; i < files.Length; i++)
            File.Delete(Export.At($"file{i}"));
        bool isOver = false;
        Task[] makers = [.. Enumerable.Range(0, 2).Select(maker => Task.Factory.StartNew(
            () =>
            {
                string path = Export.Outside($"maker{maker}");
                while (!Volatile.Read(ref isOver))
                {
                    File.WriteAllText(path, "");
                    File.Delete(path);
                }
            },
            TaskCreationOptions.LongRunning))];
        Nfsstat3[] statuses = [.. Enumerable.Range(0, 4000).Select(i => Peer.Getattr(files[i % files.Length]).Status).Distinct()];
        Volatile.Write(ref isOver, true);
        Task.WaitAll(makers);
        Assert.That(statuses, Is.EqualTo(new[] { Nfsstat3.Nfs3errStale }));
    }

    [Test]
    public void A_handle_of_another_servers_key_is_stale()
    {
        using NfsExport other = new();
        using NfsPeer stranger = other.Connect();
        Assert.That(Peer.Getattr(stranger.Root()).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
    }

    [Test]
    public void A_directory_that_is_moved_out_of_the_export_is_stale_and_leads_nowhere()
    {
        NfsFh3 root = Peer.Root(), out_ = Peer.Mkdir(root, "out").Resok!.Obj.Handle!, below = Peer.Mkdir(out_, "below").Resok!.Obj.Handle!;
        Directory.CreateDirectory(Export.Outside("elsewhere"));
        Directory.Move(Export.At("out"), Export.Outside("elsewhere/out"));
        Assert.That(Peer.Lookup(out_, ".."u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3errStale), "the way up is looked at each time");
        foreach (NfsFh3 directory in (NfsFh3[])[out_, below])
            Eventually.Holds(() => Peer.Readdir(directory, 0, 4096).Status == Nfsstat3.Nfs3errStale, "the directory is listed from outside the export");
        Assert.That(Peer.Create(out_, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
        Assert.That(File.Exists(Export.Outside("elsewhere/out/new")), Is.False);
    }

    [Test]
    public void Nobody_climbs_out_while_directories_are_moved()
    {
        NfsFh3 root = Peer.Root(), a = Peer.Mkdir(root, "a").Resok!.Obj.Handle!, b = Peer.Mkdir(a, "b").Resok!.Obj.Handle!;
        ulong[] inside = [Peer.Attributes(root).Fileid, Peer.Attributes(a).Fileid, Peer.Attributes(b).Fileid];
        Directory.CreateDirectory(Export.Outside("p/q"));
        using CancellationTokenSource enough = new();
        Task moving = Task.Run(() =>
        {
            while (!enough.IsCancellationRequested)
            {
                Directory.Move(Export.At("a/b"), Export.Outside("p/q/b"));
                Directory.Move(Export.Outside("p/q/b"), Export.At("a/b"));
            }
        });
        for (int i = 0; i < 2000; i++)
        {
            LOOKUP3res up = Peer.Lookup(b, ".."u8.ToArray());
            if (up.Status == Nfsstat3.Nfs3Ok)
                Assert.That(inside, Has.Some.EqualTo(up.Resok!.ObjAttributes.Attributes!.Fileid));
            else
                Assert.That(up.Status, Is.EqualTo(Nfsstat3.Nfs3errStale).Or.EqualTo(Nfsstat3.Nfs3errAcces));
        }

        enough.Cancel();
        Assert.That(moving.Wait(Eventually.Deadline), Is.True);
    }

    [Test]
    public void A_name_that_is_a_directory_now_and_a_symbolic_link_then_leads_nowhere()
    {
        File.WriteAllText(Export.Outside("secret"), "secret");
        Directory.CreateDirectory(Export.At("real"));
        File.WriteAllText(Export.At("real/secret"), "open");
        Posix.Succeeds(Syscall.symlink("..", Export.At("link")));
        NfsFh3 root = Peer.Root();
        using CancellationTokenSource enough = new();
        Task swapping = Task.Run(() =>
        {
            while (!enough.IsCancellationRequested)
            {
                _ = Syscall.rename(Export.At("real"), Export.At("was"));
                _ = Syscall.rename(Export.At("link"), Export.At("real"));
                _ = Syscall.rename(Export.At("real"), Export.At("link"));
                _ = Syscall.rename(Export.At("was"), Export.At("real"));
            }
        });
        for (int i = 0; i < 2000; i++)
        {
            LOOKUP3res found = Peer.Lookup(root, "real"u8.ToArray());
            if (found.Status != Nfsstat3.Nfs3Ok)
                continue;
            LOOKUP3res secret = Peer.Lookup(found.Resok!.Object, "secret"u8.ToArray());
            if (secret.Status == Nfsstat3.Nfs3Ok)
                Assert.That(Peer.Read(secret.Resok!.Object, 0, 100).Resok?.Data ?? "open"u8.ToArray(), Is.EqualTo("open"u8.ToArray()));
        }

        enough.Cancel();
        Assert.That(swapping.Wait(Eventually.Deadline), Is.True);
    }

    [Test]
    public void Files_are_right_when_fewer_are_held_open_than_are_used()
    {
        using NfsExport export = new(options: Syscall.geteuid() == 0 ? ",insecure,no_root_squash,async" : ",insecure,async", more: ["--open-files", "2"]);
        using NfsPeer peer = export.Connect(Syscall.geteuid());
        NfsFh3[] files = [.. Enumerable.Range(0, 20).Select(i => peer.NewFile(peer.Root(), $"file{i}"))];
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            byte[] content = BitConverter.GetBytes(i % 20);
            Assert.That(peer.Write(files[i % 20], 0, content).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(peer.Read(files[i % 20], 0, 10).Resok!.Data, Is.EqualTo(content));
        });
        Assert.That(Directory.GetFiles($"/proc/{export.Server.Id}/fd").Count(one => new FileInfo(one).LinkTarget?.StartsWith(export.At("file"), StringComparison.Ordinal) == true), Is.LessThanOrEqualTo(6));
        Assert.That(export.Server.Stop(), Is.Zero);
        Assert.That(export.Server.FinalCount(Counter.NfsFilesEvicted), Is.Positive);
    }
}
