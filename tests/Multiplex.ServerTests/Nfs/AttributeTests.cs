using Mono.Unix.Native;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>GETATTR, SETATTR, ACCESS, FSSTAT, FSINFO, PATHCONF.</summary>
public sealed class AttributeTests : OneExport
{
    [Test]
    public void Attributes_are_those_of_the_file()
    {
        File.WriteAllText(Export.At("file"), "seven b");
        Posix.Succeeds(Syscall.chmod(Export.At("file"), FilePermissions.S_ISUID | FilePermissions.S_IRWXU | FilePermissions.S_IRGRP));
        Posix.Succeeds(Syscall.link(Export.At("file"), Export.At("other")));
        Posix.Succeeds(Syscall.stat(Export.At("file"), out Stat stat));
        Fattr3 attributes = Peer.Attributes(Peer.Find("file"));
        Assert.Multiple(() =>
        {
            Assert.That(attributes.Type, Is.EqualTo(Ftype3.Nf3reg));
            Assert.That(attributes.Mode, Is.EqualTo(0x9E0));
            Assert.That(attributes.Nlink, Is.EqualTo(2));
            Assert.That((attributes.Uid, attributes.Gid), Is.EqualTo((stat.st_uid, stat.st_gid)));
            Assert.That((attributes.Size, attributes.Used), Is.EqualTo((7ul, (ulong)stat.st_blocks * 512)));
            Assert.That(attributes.Fileid, Is.EqualTo(stat.st_ino));
            Assert.That((attributes.Mtime.Seconds, attributes.Mtime.Nseconds), Is.EqualTo(((uint)stat.st_mtime, (uint)stat.st_mtime_nsec)));
            Assert.That((attributes.Ctime.Seconds, attributes.Ctime.Nseconds), Is.EqualTo(((uint)stat.st_ctime, (uint)stat.st_ctime_nsec)));
            Assert.That(attributes.Fsid, Is.EqualTo(Peer.Attributes(Peer.Root()).Fsid));
        });
    }

    [Test]
    public void Each_type_is_said()
    {
        Directory.CreateDirectory(Export.At("dir"));
        File.CreateSymbolicLink(Export.At("link"), "anywhere");
        Posix.Succeeds(Syscall.mkfifo(Export.At("fifo"), FilePermissions.S_IRWXU));
        Assert.Multiple(() =>
        {
            Assert.That(Peer.Attributes(Peer.Find("dir")).Type, Is.EqualTo(Ftype3.Nf3dir));
            Assert.That(Peer.Attributes(Peer.Find("link")).Type, Is.EqualTo(Ftype3.Nf3lnk));
            Assert.That(Peer.Attributes(Peer.Find("fifo")).Type, Is.EqualTo(Ftype3.Nf3fifo));
        });
    }

    [Test]
    public void Attributes_are_set_one_by_one_and_what_is_not_set_stays()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Set(NfsPeer.Mode(0x180));
        Set(NfsPeer.Size(10_000));
        Set(new() { Atime = new() { SetIt = TimeHow.SetToClientTime, Atime = new() { Seconds = 1000, Nseconds = 5 } } });
        Set(new() { Mtime = new() { SetIt = TimeHow.SetToClientTime, Mtime = new() { Seconds = uint.MaxValue, Nseconds = 999_999_999 } } });
        Fattr3 after = Peer.Attributes(file);
        Assert.Multiple(() =>
        {
            Assert.That((after.Mode, after.Size), Is.EqualTo((0x180u, 10_000ul)));
            Assert.That(after.Atime, Is.EqualTo(new Nfstime3 { Seconds = 1000, Nseconds = 5 }));
            Assert.That(after.Mtime, Is.EqualTo(new Nfstime3 { Seconds = uint.MaxValue, Nseconds = 999_999_999 }));
        });
        Set(new() { Mtime = new() { SetIt = TimeHow.SetToServerTime } });
        Assert.That(Peer.Attributes(file).Mtime.Seconds, Is.EqualTo((uint)DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Within(60));
        Set(NfsPeer.Size(3));
        Assert.That(new FileInfo(Export.At("file")).Length, Is.EqualTo(3));

        void Set(Sattr3 attributes)
        {
            Fattr3 before = Peer.Attributes(file);
            SETATTR3res result = Peer.Setattr(file, attributes);
            Assert.That(result.Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
            WccAttr was = result.Resok!.ObjWcc.Before.Attributes!;
            Assert.That((was.Size, was.Mtime, was.Ctime), Is.EqualTo((before.Size, before.Mtime, before.Ctime)));
            Assert.That(result.Resok.ObjWcc.After.Attributes, Is.EqualTo(Peer.Attributes(file)));
        }
    }

    [Test]
    public void Nanoseconds_that_are_none_are_refused()
    {
        foreach (uint nanoseconds in (uint[])[1_000_000_000, 0x3FFF_FFFF, 0x3FFF_FFFE, uint.MaxValue])   // UTIME_NOW and UTIME_OMIT of the kernel among them
        {
            Sattr3 wanted = new() { Mtime = new() { SetIt = TimeHow.SetToClientTime, Mtime = new() { Seconds = 1, Nseconds = nanoseconds } } };
            Assert.That(Peer.Setattr(Peer.Root(), wanted).Status, Is.EqualTo(Nfsstat3.Nfs3errInval), $"{nanoseconds}");
            Assert.That(Peer.Create(Peer.Root(), "file", attributes: wanted).Status, Is.EqualTo(Nfsstat3.Nfs3errInval), $"{nanoseconds}");
        }

        Assert.That(File.Exists(Export.At("file")), Is.False);
    }

    [Test]
    public void A_guard_that_is_another_time_changes_nothing()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Nfstime3 changed = Peer.Attributes(file).Ctime;
        Assert.That(Peer.Setattr(file, NfsPeer.Size(5), changed with { Nseconds = changed.Nseconds ^ 1 }).Status, Is.EqualTo(Nfsstat3.Nfs3errNotSync));
        Assert.That(Peer.Attributes(file).Size, Is.Zero);
        Assert.That(Peer.Setattr(file, NfsPeer.Size(5), changed).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Assert.That(Peer.Attributes(file).Size, Is.EqualTo(5));
    }

    [Test]
    public void Only_a_regular_file_has_a_size_that_can_be_set()
    {
        File.CreateSymbolicLink(Export.At("link"), "file");
        File.WriteAllText(Export.At("file"), "content");
        Assert.That(Peer.Setattr(Peer.Root(), NfsPeer.Size(0)).Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
        Assert.That(Peer.Setattr(Peer.Find("link"), NfsPeer.Size(0)).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
        Assert.That(Peer.Setattr(Peer.Find("file"), NfsPeer.Size(ulong.MaxValue)).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
        Assert.That(File.ReadAllText(Export.At("file")), Is.EqualTo("content"));
    }

    [Test]
    public void The_mode_of_a_symbolic_link_is_not_that_of_what_it_leads_to()
    {
        File.WriteAllText(Export.Outside("secret"), "");
        Posix.Succeeds(Syscall.chmod(Export.Outside("secret"), FilePermissions.S_IRUSR));
        File.CreateSymbolicLink(Export.At("link"), Export.Outside("secret"));
        Peer.Setattr(Peer.Find("link"), NfsPeer.Mode(0x1FF));
        Peer.Setattr(Peer.Find("link"), new() { Mtime = new() { SetIt = TimeHow.SetToClientTime, Mtime = new() { Seconds = 5 } } });
        Posix.Succeeds(Syscall.stat(Export.Outside("secret"), out Stat stat));
        Assert.That(stat.st_mode & FilePermissions.ALLPERMS, Is.EqualTo(FilePermissions.S_IRUSR));
        Assert.That(stat.st_mtime, Is.Not.EqualTo(5));
    }

    [Test]
    public void Access_says_what_there_is_to_be_allowed()
    {
        const uint All = 0x3F;
        File.WriteAllText(Export.At("file"), "");
        Assert.Multiple(() =>
        {
            Assert.That(Access(Peer.Root(), All), Is.EqualTo(0x1F), "all but execute");
            Assert.That(Access(Peer.Find("file"), All) & ~0x20u, Is.EqualTo(0x0D), "read, modify, extend");
            Assert.That(Access(Peer.Root(), 0x03), Is.EqualTo(0x03), "no more than is asked");
        });

        uint Access(NfsFh3 file, uint asked) => Peer.Nfs.Access(new() { Object = file, Access = asked }).Resok!.Access;
    }

    [Test]
    public void The_file_system_is_described()
    {
        FSSTAT3resok space = Peer.Nfs.Fsstat(new() { Fsroot = Peer.Root() }).Resok!;
        Posix.Succeeds(Syscall.statvfs(Export.Root, out Statvfs statvfs));
        FSINFO3resok information = Peer.Nfs.Fsinfo(new() { Fsroot = Peer.Root() }).Resok!;
        PATHCONF3resok limits = Peer.Nfs.Pathconf(new() { Object = Peer.Root() }).Resok!;
        Assert.Multiple(() =>
        {
            Assert.That((space.Tbytes, space.Tfiles), Is.EqualTo((statvfs.f_blocks * statvfs.f_frsize, statvfs.f_files)));
            Assert.That(space.Abytes, Is.LessThanOrEqualTo(space.Fbytes));
            Assert.That((information.Rtmax, information.Wtmax), Is.EqualTo((1u << 20, 1u << 20)));
            Assert.That(information.Properties, Is.EqualTo(0x1B));
            Assert.That((limits.NameMax, limits.NoTrunc, limits.CaseInsensitive, limits.CasePreserving), Is.EqualTo((255u, true, false, true)));
        });
    }

    [Test]
    public void What_is_no_handle_is_answered_so()
    {
        byte[] good = Peer.Root().Data;
        Assert.Multiple(() =>
        {
            foreach (byte[] bad in (byte[][])[[], new byte[64], good[..16], [.. good, 0]])
            {
                Nfsstat3 status = Peer.Getattr(new() { Data = bad }).Status;
                Assert.That(status, Is.EqualTo(Nfsstat3.Nfs3errBadhandle).Or.EqualTo(Nfsstat3.Nfs3errStale), Convert.ToHexString(bad));
            }

            for (int i = 0; i < good.Length; i++)
            {
                byte[] forged = [.. good];
                forged[i] ^= 0x10;
                Assert.That(Peer.Getattr(new() { Data = forged }).Status, Is.EqualTo(Nfsstat3.Nfs3errBadhandle).Or.EqualTo(Nfsstat3.Nfs3errStale), $"byte {i}");
            }
        });
    }
}
