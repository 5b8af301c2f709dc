using Mono.Unix.Native;
using Multiplex.Nfs;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>The user whose rights a call has in the file system.</summary>
public sealed class UserTests
{
    private const uint Alice = 61_001, Bob = 61_002, Staff = 61_100;

    [SetUp]
    public void RequireRoot()
    {
        if (Syscall.geteuid() != 0)
            Assert.Ignore("only root serves others than itself");
    }

    [Test]
    public void The_file_system_decides_by_the_caller_its_group_and_its_further_groups()
    {
        using NfsExport export = new();
        File.WriteAllText(export.At("mine"), "a");
        Own("mine", Alice, Alice, FilePermissions.S_IRUSR);
        File.WriteAllText(export.At("ours"), "b");
        Own("ours", 0, Staff, FilePermissions.S_IRGRP | FilePermissions.S_IWGRP);
        using NfsPeer alice = export.Connect(Alice, Alice), bob = export.Connect(Bob, Bob), grouped = export.Connect(Bob, Bob, 5, Staff), primary = export.Connect(Bob, Staff);
        NfsFh3 mine = alice.Find("mine"), ours = alice.Find("ours");
        Assert.Multiple(() =>
        {
            Assert.That(alice.Read(mine, 0, 9).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(bob.Read(mine, 0, 9).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
            Assert.That(bob.Write(mine, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
            Assert.That(bob.Setattr(mine, NfsPeer.Mode(0x1FF)).Status, Is.EqualTo(Nfsstat3.Nfs3errPerm));
            Assert.That(bob.Setattr(mine, NfsPeer.Size(0)).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
            Assert.That(bob.Read(ours, 0, 9).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
            Assert.That(grouped.Read(ours, 0, 9).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(primary.Write(ours, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(bob.Getattr(mine).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "everybody may know attributes");
            Assert.That(Access(alice, mine), Is.EqualTo(1));
            Assert.That(Access(bob, mine), Is.Zero);
            Assert.That(Access(grouped, ours), Is.EqualTo(0x0D));
            Assert.That(alice.Write(mine, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "an owner writes what it opened before it was read-only");
            Assert.That(alice.Setattr(mine, NfsPeer.Owner(Bob, null)).Status, Is.EqualTo(Nfsstat3.Nfs3errPerm));
        });

        void Own(string name, uint uid, uint gid, FilePermissions mode)
        {
            Posix.Succeeds(Syscall.chown(export.At(name), uid, gid));
            Posix.Succeeds(Syscall.chmod(export.At(name), mode));
        }

        static uint Access(NfsPeer peer, NfsFh3 file) => peer.Nfs.Access(new() { Object = file, Access = 0x3F }).Resok!.Access;
    }

    [Test]
    public void Directories_are_searched_listed_and_changed_as_their_modes_allow()
    {
        using NfsExport export = new();
        using NfsPeer root = export.Connect(), bob = export.Connect(Bob, Bob);
        NfsFh3 directory = root.Mkdir(root.Root(), "d").Resok!.Obj.Handle!;
        root.NewFile(directory, "file");
        Assert.That(bob.Create(directory, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Assert.That(bob.Remove(directory, "file").Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Assert.That(bob.Rename(directory, "file", directory, "other").Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        root.Setattr(directory, NfsPeer.Mode(0x1C4));   // rwx---r--
        Assert.That(bob.Lookup(directory, "file"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Assert.That(bob.Readdir(directory, 0, 4096).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        root.Setattr(directory, NfsPeer.Mode(0x1C1));   // rwx-----x
        Assert.That(bob.Lookup(directory, "file"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(bob.Readdir(directory, 0, 4096).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
    }

    [Test]
    public void New_files_are_the_callers()
    {
        using NfsExport export = new();
        Posix.Succeeds(Syscall.chmod(export.Root, FilePermissions.ACCESSPERMS));
        using NfsPeer alice = export.Connect(Alice, Staff);
        NfsFh3 root = alice.Root();
        Fattr3[] made =
        [
            alice.Create(root, "f", attributes: NfsPeer.Owner(Bob, 0)).Resok!.ObjAttributes.Attributes!,
            alice.Mkdir(root, "d").Resok!.ObjAttributes.Attributes!,
            alice.Nfs.Symlink(new() { Where = NfsPeer.Where(root, "l"), Symlink = new() { SymlinkData = "t"u8.ToArray() } }).Resok!.ObjAttributes.Attributes!,
        ];
        Assert.That(made.Select(one => (one.Uid, one.Gid)), Is.All.EqualTo((Alice, Staff)), "only root gives files away");
        NfsFh3 file = alice.Find("f");
        Assert.That(alice.Setattr(file, NfsPeer.Mode(0x1A0)).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(alice.Nfs.Link(new() { File = file, Link = NfsPeer.Where(root, "hard") }).Resok?.FileAttributes.Attributes?.Nlink, Is.EqualTo(2));
        using NfsPeer superuser = export.Connect();
        Assert.That(superuser.Create(root, "given", attributes: NfsPeer.Owner(Bob, Staff)).Resok!.ObjAttributes.Attributes!.Uid, Is.EqualTo(Bob));
        Assert.That(superuser.Create(root, "own").Resok!.ObjAttributes.Attributes!.Uid, Is.Zero);
    }

    [TestCase(",insecure", 0u, 65534u, TestName = "By default root is nobody")]
    [TestCase(",insecure", Alice, Alice, TestName = "By default others are themselves")]
    [TestCase(",insecure,anonuid=61002,anongid=61100", 0u, Bob, TestName = "Root is whom the export says")]
    [TestCase(",insecure,no_root_squash", 0u, 0u, TestName = "Root is root where the export says so")]
    [TestCase(",insecure,all_squash,anonuid=61002", Alice, Bob, TestName = "All are one where the export says so")]
    public void Callers_are_squashed(string options, uint caller, uint owner)
    {
        using NfsExport export = new(options: options);
        Posix.Succeeds(Syscall.chmod(export.Root, FilePermissions.ACCESSPERMS));
        using NfsPeer peer = export.Connect(caller, caller);
        Assert.That(peer.Create(peer.Root(), "file").Resok!.ObjAttributes.Attributes!.Uid, Is.EqualTo(owner));
    }

    [Test]
    public void Squashed_root_brings_no_group_and_no_right()
    {
        using NfsExport export = new(options: ",insecure");
        File.WriteAllText(export.At("roots"), "");
        Posix.Succeeds(Syscall.chmod(export.At("roots"), FilePermissions.S_IRUSR | FilePermissions.S_IRGRP));
        using NfsPeer root = export.Connect(0, 0, 0), sly = export.Connect(Alice, 0, 0);
        Assert.That(root.Read(root.Find("roots"), 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Assert.That(sly.Read(sly.Find("roots"), 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
    }

    [TestCase(",manage_gids", true)]
    [TestCase("", false)]
    public void A_user_in_twenty_groups_has_them_all_where_the_export_looks_them_up(string option, bool has)
    {
        using UserDatabase users = new();
        users.Add(Alice, "alice", Enumerable.Range((int)Staff, 20));
        using NfsExport export = new(options: $",insecure,no_root_squash,async{option}", under: users.Command);
        for (uint group = Staff; group < Staff + 20; group++)
        {
            string file = export.At($"{group}");
            File.WriteAllText(file, "x");
            Posix.Succeeds(Syscall.chown(file, 0, group));
            Posix.Succeeds(Syscall.chmod(file, FilePermissions.S_IRGRP));
        }

        using NfsPeer alice = export.Connect(Alice, Alice), bob = export.Connect(Bob, Bob, Staff), sly = export.Connect(Alice, Alice, Staff + 30);
        NfsFh3[] files = [.. Enumerable.Range((int)Staff, 20).Select(group => alice.Find($"{group}"))];
        Assert.That(files.Select(file => alice.Read(file, 0, 1).Status), Is.All.EqualTo(has ? Nfsstat3.Nfs3Ok : Nfsstat3.Nfs3errAcces));
        Assert.That(bob.Read(files[0], 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "a user that the database lacks has the groups of its call");
        Assert.That(bob.Read(files[1], 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
        Posix.Succeeds(Syscall.chown(export.At($"{Staff}"), 0, Staff + 30));
        Assert.That(sly.Read(files[0], 0, 1).Status, Is.EqualTo(has ? Nfsstat3.Nfs3errAcces : Nfsstat3.Nfs3Ok), "a user of the database has no others");
    }

    [Test]
    public void Groups_that_were_looked_up_are_looked_up_again_when_their_time_is_over()
    {
        using UserDatabase users = new();
        users.Add(Alice, "alice", [(int)Staff]);
        using NfsExport export = new(options: ",insecure,no_root_squash,async,manage_gids=0.2", under: users.Command);
        File.WriteAllText(export.At("file"), "x");
        Posix.Succeeds(Syscall.chown(export.At("file"), 0, Staff));
        Posix.Succeeds(Syscall.chmod(export.At("file"), FilePermissions.S_IRGRP));
        using NfsPeer alice = export.Connect(Alice, Alice);
        NfsFh3 file = alice.Find("file");
        Assert.That(alice.Read(file, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        users.Add(Alice, "alice", []);
        Eventually.Holds(() => alice.Read(file, 0, 1).Status == Nfsstat3.Nfs3errAcces, "the user still has the group");
    }

    [Test]
    public void The_users_whose_groups_are_remembered_are_bounded()
    {
        using UserDatabase users = new();
        users.Add(Alice, "alice", [(int)Staff]);
        using NfsExport export = new(options: ",insecure,no_root_squash,async,manage_gids", under: users.Command, more: ["--known-users", "2"]);
        File.WriteAllText(export.At("file"), "x");
        Posix.Succeeds(Syscall.chown(export.At("file"), 0, Staff));
        Posix.Succeeds(Syscall.chmod(export.At("file"), FilePermissions.S_IRGRP));
        foreach (uint user in (uint[])[Alice, Bob, Bob, Bob + 1, Alice])
        {
            using NfsPeer peer = export.Connect(user, user);
            Assert.That(peer.Read(peer.Find("file"), 0, 1).Status, Is.EqualTo(user == Alice ? Nfsstat3.Nfs3Ok : Nfsstat3.Nfs3errAcces));
        }

        Assert.That(export.Server.Stop(), Is.Zero);
        Assert.That(export.Server.FinalCount(Counter.NfsUsersForgotten), Is.EqualTo(2), "Alice for the third, Bob for Alice");
    }

    [Test]
    public void Groups_that_were_looked_up_are_squashed_as_those_of_a_call()
    {
        using UserDatabase users = new();
        users.Add(Alice, "alice", [0]);
        using NfsExport export = new(options: ",insecure,async,manage_gids", under: users.Command);
        File.WriteAllText(export.At("roots"), "x");
        Posix.Succeeds(Syscall.chmod(export.At("roots"), FilePermissions.S_IRUSR | FilePermissions.S_IRGRP));
        using NfsPeer alice = export.Connect(Alice, Alice);
        Assert.That(alice.Read(alice.Find("roots"), 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
    }

    [Test]
    public void A_caller_that_says_nothing_of_itself_is_nobody()
    {
        using NfsExport export = new();
        Posix.Succeeds(Syscall.chmod(export.Root, FilePermissions.ACCESSPERMS));
        using RpcClient client = new(Sockets.Endpoint.Parse(export.Server.Address.Text));
        NfsFh3 root = new() { Data = new MountV3Client(client).Mnt("/x"u8).Mountinfo!.Fhandle };
        CREATE3res made = new NfsV3Client(client).Create(new() { Where = NfsPeer.Where(root, "f"), How = new() { Mode = Createmode3.Guarded, GuardedAttributes = new() } });
        Assert.That(made.Resok!.ObjAttributes.Attributes!.Uid, Is.EqualTo(65534));
    }

    [Test]
    public void Callers_that_alternate_on_the_same_threads_keep_apart()
    {
        using NfsExport export = new(more: ["--workers", "2"]);
        Posix.Succeeds(Syscall.chmod(export.Root, FilePermissions.ACCESSPERMS));
        Parallel.For(0, 4, i =>
        {
            uint uid = 62_000 + (uint)i;
            for (int round = 0; round < 20; round++)
            {
                using NfsPeer peer = export.Connect(uid, uid, uid + 100);
                NfsFh3 file = peer.NewFile(peer.Root(), $"{i}-{round}", mode: 0x180);
                Fattr3 attributes = peer.Attributes(file);
                if ((attributes.Uid, attributes.Gid) != (uid, uid) || peer.Write(file, 0, [1]).Status != Nfsstat3.Nfs3Ok)
                    throw new AssertionException($"{uid} got a file of {attributes.Uid}");
            }
        });
    }

    [Test]
    public void A_server_without_privileges_serves_its_own_user_and_refuses_others()
    {
        using NfsExport export = new(options: ",insecure,async", user: Alice);
        using NfsPeer alice = export.Connect(Alice, Alice), bob = export.Connect(Bob, Bob), root = export.Connect();
        NfsFh3 directory = alice.Root(), file = alice.NewFile(directory, "file", mode: 0x124);
        Assert.Multiple(() =>
        {
            Assert.That(alice.Write(file, 0, "x"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "a file that was made read-only is written by the client that made it");
            foreach (NfsPeer other in (NfsPeer[])[bob, root])
            {
                Assert.That(other.Getattr(file).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
                Assert.That(other.Nfs.Fsinfo(new() { Fsroot = directory }).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
                Assert.That(other.Read(file, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
                Assert.That(other.Create(directory, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
                Assert.That(other.Readdir(directory, 0, 4096).Status, Is.EqualTo(Nfsstat3.Nfs3errAcces));
            }
        });
        Assert.That(export.Server.Errors, Has.Some.Contains("all_squash,anonuid=61001"));
    }
}
