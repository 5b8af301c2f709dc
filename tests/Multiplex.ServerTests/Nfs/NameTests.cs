using System.Text;
using Mono.Unix.Native;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>LOOKUP, READLINK, and what makes and removes names.</summary>
public sealed class NameTests : OneExport
{
    private static readonly byte[][] s_odd =
        [[0xFF, 0xFE, 0x80], "new\nline"u8.ToArray(), [.. Enumerable.Repeat((byte)'n', 255)], "ü"u8.ToArray(), " "u8.ToArray(), "..."u8.ToArray(), [1], "-rf"u8.ToArray(), "a\\b"u8.ToArray()];

    [Test]
    public void Names_are_bytes([ValueSource(nameof(s_odd))] byte[] name)
    {
        NfsFh3 root = Peer.Root();
        Diropargs3 where = new() { Dir = root, Name = name };
        CREATE3res made = Peer.Nfs.Create(new() { Where = where, How = new() { Mode = Createmode3.Guarded, GuardedAttributes = new() } });
        Assert.That(made.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Lookup(root, name).Resok!.Object, Is.EqualTo(made.Resok!.Obj.Handle));
        Assert.That(Peer.Readdir(root, 0, 4096).Resok!.Reply.Entries!.Select(entry => entry.Name), Has.Some.EqualTo(name));
        Assert.That(Peer.Nfs.Remove(new() { Object = where }).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Lookup(root, name).Status, Is.EqualTo(Nfsstat3.Nfs3errNoent));
    }

    private static IEnumerable<TestCaseData> Impossible =>
    [
        new("a/b"u8.ToArray(), Nfsstat3.Nfs3errInval),
        new("/"u8.ToArray(), Nfsstat3.Nfs3errInval),
        new("../tree"u8.ToArray(), Nfsstat3.Nfs3errInval),
        new("a\0b"u8.ToArray(), Nfsstat3.Nfs3errInval),
        new(Array.Empty<byte>(), Nfsstat3.Nfs3errInval),
        new(Enumerable.Repeat((byte)'n', 256).ToArray(), Nfsstat3.Nfs3errNametoolong),
        new(Enumerable.Repeat((byte)'n', 100_000).ToArray(), Nfsstat3.Nfs3errNametoolong),
    ];

    [TestCaseSource(nameof(Impossible))]
    public void Names_that_no_file_can_have_are_refused_everywhere(byte[] name, Nfsstat3 status)
    {
        Peer.NewFile(Peer.Root(), "file");
        Diropargs3 where = new() { Dir = Peer.Root(), Name = name }, file = NfsPeer.Where(Peer.Root(), "file");
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Nfs.Lookup(new() { What = where }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Create(new() { Where = where, How = new() { UncheckedAttributes = new() } }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Mkdir(new() { Where = where }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Symlink(new() { Where = where, Symlink = new() { SymlinkData = "t"u8.ToArray() } }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Mknod(new() { Where = where, What = new() { Type = Ftype3.Nf3fifo, PipeAttributes = new() } }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Remove(new() { Object = where }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Rmdir(new() { Object = where }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Rename(new() { From = where, To = file }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Rename(new() { From = file, To = where }).Status, Is.EqualTo(status));
            Assert.That(Peer.Nfs.Link(new() { File = Peer.Find("file"), Link = where }).Status, Is.EqualTo(status));
        });
        Assert.That(Directory.GetFileSystemEntries(Export.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void The_directory_itself_and_its_parent_are_looked_up_and_not_changed()
    {
        NfsFh3 root = Peer.Root(), directory = Peer.Mkdir(root, "d").Resok!.Obj.Handle!;
        Peer.NewFile(root, "file");
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Lookup(directory, "."u8.ToArray()).Resok!.Object, Is.EqualTo(directory));
            Assert.That(Peer.Lookup(directory, ".."u8.ToArray()).Resok!.Object, Is.EqualTo(root));
            Assert.That(Peer.Lookup(root, ".."u8.ToArray()).Resok!.Object, Is.EqualTo(root), "there is nothing above");
            foreach (string name in (string[])[".", ".."])
            {
                Assert.That(Peer.Create(directory, name).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
                Assert.That(Peer.Mkdir(directory, name).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
                Assert.That(Peer.Remove(directory, name).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
                Assert.That(Peer.Rename(directory, name, root, "e").Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
                Assert.That(Peer.Rename(root, "file", directory, name).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
                Assert.That(Peer.Nfs.Link(new() { File = Peer.Find("file"), Link = NfsPeer.Where(directory, name) }).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
            }

            Assert.That(Peer.Rmdir(directory, ".").Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
            Assert.That(Peer.Rmdir(directory, "..").Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
        });
    }

    [Test]
    public void A_file_is_no_directory()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Lookup(file, "x"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Create(file, "x").Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Readdir(file, 0, 4096).Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Rename(file, "x", Peer.Root(), "y").Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
        });
    }

    [Test]
    public void A_symbolic_link_is_read_and_never_followed()
    {
        Directory.CreateDirectory(Export.Outside("secrets"));
        File.WriteAllText(Export.Outside("secrets/s"), "secret");
        NfsFh3 root = Peer.Root();
        SYMLINK3res made = Peer.Nfs.Symlink(new() { Where = NfsPeer.Where(root, "out"), Symlink = new() { SymlinkData = Encoding.UTF8.GetBytes(Export.Outside("secrets")) } });
        NfsFh3 link = made.Resok!.Obj.Handle!;
        Assert.Multiple(() =>
        {
            Assert.That(made.Resok.ObjAttributes.Attributes!.Type, Is.EqualTo(Ftype3.Nf3lnk));
            Assert.That(Peer.Nfs.Readlink(new() { Symlink = link }).Resok!.Data, Is.EqualTo(Encoding.UTF8.GetBytes(Export.Outside("secrets"))));
            Assert.That(Peer.Nfs.Readlink(new() { Symlink = root }).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
            Assert.That(Peer.Lookup(root, "out"u8.ToArray()).Resok!.Object, Is.EqualTo(link));
            Assert.That(Peer.Lookup(link, "s"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Read(link, 0, 100).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
            Assert.That(Peer.Write(link, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
            Assert.That(Peer.Create(root, "out", Createmode3.Unchecked, NfsPeer.Size(0)).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
        });
        Assert.That(File.ReadAllText(Export.Outside("secrets/s")), Is.EqualTo("secret"));
    }

    [Test]
    public void Targets_of_symbolic_links_are_bytes()
    {
        NfsFh3 root = Peer.Root();
        byte[] target = [0xFF, .. Enumerable.Repeat((byte)'t', 4000), (byte)'\n'];
        SYMLINK3res made = Peer.Nfs.Symlink(new() { Where = NfsPeer.Where(root, "l"), Symlink = new() { SymlinkData = target } });
        Assert.That(Peer.Nfs.Readlink(new() { Symlink = made.Resok!.Obj.Handle! }).Resok!.Data, Is.EqualTo(target));
        Assert.That(Symlink([]), Is.EqualTo(Nfsstat3.Nfs3errNoent));
        Assert.That(Symlink("a\0b"u8.ToArray()), Is.EqualTo(Nfsstat3.Nfs3errInval));
        Assert.That(Symlink(new byte[5000]), Is.EqualTo(Nfsstat3.Nfs3errNametoolong));

        Nfsstat3 Symlink(byte[] bad) => Peer.Nfs.Symlink(new() { Where = NfsPeer.Where(root, "m"), Symlink = new() { SymlinkData = bad } }).Status;
    }

    [Test]
    public void Create_takes_its_three_modes()
    {
        NfsFh3 root = Peer.Root();
        CREATE3res made = Peer.Create(root, "f", attributes: NfsPeer.Mode(0x9E8));
        Assert.That(made.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(made.Resok!.ObjAttributes.Attributes!.Mode, Is.EqualTo(0x9E8), "the mode as asked, also the set-user-id bit");
        Assert.That(made.Resok.ObjAttributes.Attributes, Is.EqualTo(Peer.Attributes(made.Resok.Obj.Handle!)));
        Assert.That(made.Resok.DirWcc.After.Attributes, Is.EqualTo(Peer.Attributes(root)));
        Assert.That(Peer.Create(root, "f").Status, Is.EqualTo(Nfsstat3.Nfs3errExist));

        Peer.Write(made.Resok.Obj.Handle!, 0, "content"u8.ToArray());
        CREATE3res again = Peer.Create(root, "f", Createmode3.Unchecked, NfsPeer.Mode(0x1FF));
        Assert.That(again.Resok!.Obj.Handle, Is.EqualTo(made.Resok.Obj.Handle));
        Assert.That((again.Resok.ObjAttributes.Attributes!.Size, again.Resok.ObjAttributes.Attributes.Mode), Is.EqualTo((7ul, 0x9E8u)).Or.EqualTo((7ul, 0x1E8u)));
        Assert.That(Peer.Create(root, "f", Createmode3.Unchecked, NfsPeer.Size(0)).Resok!.ObjAttributes.Attributes!.Size, Is.Zero);
        Assert.That(Peer.Create(root, "g", Createmode3.Guarded, NfsPeer.Size(4096)).Resok!.ObjAttributes.Attributes!.Size, Is.EqualTo(4096));
        Peer.Mkdir(root, "d");
        Assert.That(Peer.Create(root, "d", Createmode3.Unchecked).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
    }

    [Test]
    public void Exclusive_creation_again_with_the_same_verifier_is_the_first_one()
    {
        NfsFh3 root = Peer.Root();
        byte[] verifier = [0x92, 2, 3, 4, 0xF5, 6, 7, 8];
        CREATE3res first = Peer.Create(root, "f", Createmode3.Exclusive, verifier: verifier);
        Assert.That(first.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Create(root, "f", Createmode3.Exclusive, verifier: verifier).Resok!.Obj.Handle, Is.EqualTo(first.Resok!.Obj.Handle));
        Export.KillAndStartAgain();
        Assert.That(Peer.Create(root, "f", Createmode3.Exclusive, verifier: verifier).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "also after a restart");
        verifier[3] ^= 1;
        Assert.That(Peer.Create(root, "f", Createmode3.Exclusive, verifier: verifier).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
        verifier[3] ^= 1;
        Peer.Write(first.Resok.Obj.Handle!, 0, [1]);
        Assert.That(Peer.Create(root, "f", Createmode3.Exclusive, verifier: verifier).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
    }

    [Test]
    public void Of_clients_that_create_a_file_exclusively_at_once_one_succeeds()
    {
        NfsFh3 root = Peer.Root();
        for (int round = 0; round < 20; round++)
        {
            CREATE3res[] all = new CREATE3res[4];
            Parallel.For(0, all.Length, i =>
            {
                using NfsPeer peer = Export.Connect();
                all[i] = peer.Create(root, $"f{round}", Createmode3.Exclusive, verifier: [(byte)i, 0, 0, 0, 0, 0, 0, (byte)i]);
            });
            Assert.That(all.Select(one => one.Status).Order(), Is.EqualTo((Nfsstat3[])[Nfsstat3.Nfs3Ok, .. Enumerable.Repeat(Nfsstat3.Nfs3errExist, 3)]));
        }
    }

    [Test]
    public void Other_kinds_of_files_are_made()
    {
        NfsFh3 root = Peer.Root();
        Assert.Multiple(() =>
        {
            Assert.That(Made(Ftype3.Nf3fifo, "fifo").Type, Is.EqualTo(Ftype3.Nf3fifo));
            Assert.That(Made(Ftype3.Nf3sock, "socket").Type, Is.EqualTo(Ftype3.Nf3sock));
            Assert.That(Peer.Nfs.Mknod(new() { Where = NfsPeer.Where(root, "r"), What = new() { Type = Ftype3.Nf3reg } }).Status, Is.EqualTo(Nfsstat3.Nfs3errBadtype));
            Assert.That(Peer.Nfs.Mknod(new() { Where = NfsPeer.Where(root, "d"), What = new() { Type = Ftype3.Nf3dir } }).Status, Is.EqualTo(Nfsstat3.Nfs3errBadtype));
        });
        if (Syscall.geteuid() == 0)
        {
            MKNOD3res device = Peer.Nfs.Mknod(new()
            {
                Where = NfsPeer.Where(root, "null"),
                What = new() { Type = Ftype3.Nf3chr, Device = new() { DevAttributes = NfsPeer.Mode(0x1B6), Spec = new() { Specdata1 = 259, Specdata2 = 70_000 } } },
            });
            Assert.That(device.Resok!.ObjAttributes.Attributes!.Rdev, Is.EqualTo(new Specdata3 { Specdata1 = 259, Specdata2 = 70_000 }));
            Assert.That(Peer.Read(device.Resok.Obj.Handle!, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errInval), "a device is the client's, not the server's");
        }

        Assert.That(Peer.Read(Peer.Find("fifo"), 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errInval), "and nobody waits for a writer");

        Fattr3 Made(Ftype3 type, string name) =>
            Peer.Nfs.Mknod(new() { Where = NfsPeer.Where(root, name), What = new() { Type = type, PipeAttributes = new() } }).Resok!.ObjAttributes.Attributes!;
    }

    [Test]
    public void Removal_tells_files_from_directories()
    {
        NfsFh3 root = Peer.Root(), directory = Peer.Mkdir(root, "d").Resok!.Obj.Handle!;
        Peer.NewFile(directory, "f");
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Remove(root, "d").Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
            Assert.That(Peer.Rmdir(root, "d").Status, Is.EqualTo(Nfsstat3.Nfs3errNotempty));
            Assert.That(Peer.Rmdir(directory, "f").Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Remove(directory, "none").Status, Is.EqualTo(Nfsstat3.Nfs3errNoent));
            Assert.That(Peer.Remove(directory, "f").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(Peer.Rmdir(root, "d").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(Peer.Getattr(directory).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
        });
    }

    [Test]
    public void Rename_replaces_what_it_may()
    {
        NfsFh3 root = Peer.Root(), full = Peer.Mkdir(root, "full").Resok!.Obj.Handle!, empty = Peer.Mkdir(root, "empty").Resok!.Obj.Handle!;
        NfsFh3 file = Peer.NewFile(root, "file"), other = Peer.NewFile(full, "other");
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Rename(root, "none", root, "x").Status, Is.EqualTo(Nfsstat3.Nfs3errNoent));
            Assert.That(Peer.Rename(root, "file", root, "empty").Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
            Assert.That(Peer.Rename(root, "empty", root, "file").Status, Is.EqualTo(Nfsstat3.Nfs3errNotdir));
            Assert.That(Peer.Rename(root, "empty", root, "full").Status, Is.EqualTo(Nfsstat3.Nfs3errNotempty));
            Assert.That(Peer.Rename(root, "full", full, "self").Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
            Assert.That(Peer.Rename(root, "file", root, "file").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        });
        RENAME3res moved = Peer.Rename(root, "file", full, "other");
        Assert.That(moved.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(moved.Resok!.FromdirWcc.After.Attributes, Is.EqualTo(Peer.Attributes(root)));
        Assert.That(moved.Resok.TodirWcc.After.Attributes, Is.EqualTo(Peer.Attributes(full)));
        Assert.That(Peer.Getattr(file).Status, Is.EqualTo(Nfsstat3.Nfs3Ok), "the handle is the file's, not the name's");
        Assert.That(Peer.Getattr(other).Status, Is.EqualTo(Nfsstat3.Nfs3errStale), "what was replaced is gone");
        Assert.That(Peer.Rename(root, "full", root, "empty").Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Find("empty/other"), Is.EqualTo(file));
        Assert.That(Peer.Getattr(empty).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
    }

    [Test]
    public void Links_are_names_of_one_file()
    {
        NfsFh3 root = Peer.Root(), file = Peer.NewFile(root, "file"), directory = Peer.Mkdir(root, "d").Resok!.Obj.Handle!;
        LINK3res linked = Peer.Nfs.Link(new() { File = file, Link = NfsPeer.Where(directory, "hard") });
        Assert.Multiple(() =>
        {
            Assert.That(linked.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            Assert.That(linked.Resok!.FileAttributes.Attributes!.Nlink, Is.EqualTo(2));
            Assert.That(Peer.Find("d/hard"), Is.EqualTo(file));
            Assert.That(Peer.Nfs.Link(new() { File = file, Link = NfsPeer.Where(directory, "hard") }).Status, Is.EqualTo(Nfsstat3.Nfs3errExist));
            Assert.That(Peer.Nfs.Link(new() { File = directory, Link = NfsPeer.Where(root, "x") }).Status, Is.EqualTo(Nfsstat3.Nfs3errPerm));
        });
        Peer.Remove(root, "file");
        Assert.That(Peer.Attributes(file).Nlink, Is.EqualTo(1));
        Peer.Remove(directory, "hard");
        Assert.That(Peer.Getattr(file).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
    }

    [Test]
    public void A_read_only_export_is_not_changed()
    {
        using NfsExport export = new(options: ",insecure,no_root_squash,ro");
        File.WriteAllText(export.At("file"), "content");
        using NfsPeer peer = export.Connect();
        NfsFh3 root = peer.Root(), file = peer.Find("file");
        Diropargs3 where = NfsPeer.Where(root, "new");
        Assert.Multiple(() =>
        {
            Assert.That(peer.Read(file, 0, 100).Resok!.Data, Is.EqualTo("content"u8.ToArray()));
            Assert.That(peer.Setattr(file, NfsPeer.Size(0)).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Write(file, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Create(root, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Mkdir(root, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Nfs.Symlink(new() { Where = where, Symlink = new() { SymlinkData = "t"u8.ToArray() } }).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Nfs.Mknod(new() { Where = where, What = new() { Type = Ftype3.Nf3fifo, PipeAttributes = new() } }).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Remove(root, "file").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Rmdir(root, "file").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Rename(root, "file", root, "new").Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Nfs.Link(new() { File = file, Link = where }).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Nfs.Commit(new() { File = file }).Status, Is.EqualTo(Nfsstat3.Nfs3errRofs));
            Assert.That(peer.Nfs.Access(new() { Object = file, Access = 0x3F }).Resok!.Access & 0x1C, Is.Zero);
        });
        Assert.That(Directory.GetFileSystemEntries(export.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_call_that_is_sent_again_gets_its_first_answer_also_on_another_connection()
    {
        NfsFh3 root = Peer.Root();
        Peer.NewFile(root, "file");
        byte[] arguments = [.. RpcWire.Opaque(root.Data), .. RpcWire.Opaque("file"u8.ToArray())];
        byte[] credential = RpcWire.SysCredential(0x8123_4567, "again", uid: 0);
        byte[] call = RpcWire.CallAs(77, (uint)NfsV3Procedure.Remove, RpcWire.AuthSys, credential, arguments);
        RpcWire.UInt(NfsV3.Program).CopyTo(call, 12);
        RpcWire.UInt(NfsV3.Version).CopyTo(call, 16);
        using RpcPeer first = new(Export.Server.Address), second = new(Export.Server.Address);
        byte[] reply = first.Exchange(call);
        Assert.That(reply[24..28], Is.EqualTo(new byte[4]), "NFS3_OK");
        Assert.That(first.Exchange(call), Is.EqualTo(reply));
        Assert.That(second.Exchange(call), Is.EqualTo(reply));
        call[3]++;   // another call
        Assert.That(second.Exchange(call)[24..28], Is.EqualTo(RpcWire.UInt((uint)Nfsstat3.Nfs3errNoent)));
    }
}
