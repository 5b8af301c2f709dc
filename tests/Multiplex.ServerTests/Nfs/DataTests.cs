using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>READ, WRITE, COMMIT.</summary>
public sealed class DataTests : OneExport
{
    private const ulong FarAway = 5ul << 30;

    [Test]
    public void What_was_written_is_read_at_every_length_and_offset()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        byte[] content = RandomBytes(1 << 20);
        Assert.That(Peer.Write(file, 0, content).Resok!.Count, Is.EqualTo(1 << 20));
        Assert.That(File.ReadAllBytes(Export.At("file")), Is.EqualTo(content));
        foreach ((int offset, int count) in ((int, int)[])[(0, 1 << 20), (0, 0), (0, 1), (1, 2), (3, 3), (4095, 4097), (1_000_000, 1 << 20), ((1 << 20) - 1, 9)])
        {
            READ3resok read = Peer.Read(file, (ulong)offset, (uint)count).Resok!;
            byte[] expected = content[offset..Math.Min(offset + count, content.Length)];
            Assert.That(read.Data, Is.EqualTo(expected), $"{count} at {offset}");
            Assert.That((read.Count, read.Eof), Is.EqualTo(((uint)expected.Length, offset + count >= content.Length)));
        }

        READ3resok beyond = Peer.Read(file, 2 << 20, 100).Resok!;
        Assert.That((beyond.Count, beyond.Eof, beyond.Data), Is.EqualTo((0u, true, Array.Empty<byte>())));
        Assert.That(Peer.Read(file, ulong.MaxValue, 100).Resok!.Eof, Is.True);
    }

    [Test]
    public void More_than_a_read_can_have_is_cut_and_not_refused()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Peer.Setattr(file, NfsPeer.Size(3 << 20));
        READ3resok read = Peer.Read(file, 0, uint.MaxValue).Resok!;
        Assert.That((read.Count, read.Eof), Is.EqualTo((1u << 20, false)));
    }

    [Test]
    public void A_file_may_have_holes_and_be_long()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Assert.That(Peer.Write(file, FarAway, "end"u8.ToArray()).Status, Is.EqualTo(Nfsstat3.Nfs3Ok));
        Fattr3 attributes = Peer.Attributes(file);
        Assert.That(attributes.Size, Is.EqualTo(FarAway + 3));
        Assert.That(attributes.Used, Is.LessThan(1 << 20));
        Assert.That(Peer.Read(file, FarAway - 2, 100).Resok!.Data, Is.EqualTo((byte[])[0, 0, .. "end"u8]));
    }

    [Test]
    public void Offsets_that_no_file_has_are_too_far()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Assert.That(Peer.Write(file, ulong.MaxValue, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errFbig));
        Assert.That(Peer.Write(file, long.MaxValue, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errFbig));
        Assert.That(Peer.Attributes(file).Size, Is.Zero);
    }

    [Test]
    public void A_write_says_before_and_after_and_how_stable_it_is([Values] StableHow stable)
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Fattr3 before = Peer.Attributes(file);
        WRITE3resok written = Peer.Write(file, 0, "hello"u8.ToArray(), stable).Resok!;
        Assert.That(written.Committed, Is.EqualTo(stable));
        Assert.That((written.FileWcc.Before.Attributes!.Size, written.FileWcc.Before.Attributes.Mtime), Is.EqualTo((0ul, before.Mtime)));
        Assert.That(written.FileWcc.After.Attributes, Is.EqualTo(Peer.Attributes(file)));
        COMMIT3resok committed = Peer.Nfs.Commit(new() { File = file }).Resok!;
        Assert.That(committed.Verf, Is.EqualTo(written.Verf).And.Length.EqualTo(8));
        Assert.That(Peer.Write(file, 5, []).Resok!.Count, Is.Zero);
    }

    [Test]
    public void A_count_that_is_not_that_of_the_data_is_refused()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Assert.That(Peer.Nfs.Write(new() { File = file, Count = 4, Data = [1, 2, 3] }).Status, Is.EqualTo(Nfsstat3.Nfs3errInval));
        Assert.That(Peer.Attributes(file).Size, Is.Zero);
    }

    [Test]
    public void A_directory_is_not_read_or_written()
    {
        NfsFh3 root = Peer.Root();
        Assert.That(Peer.Read(root, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
        Assert.That(Peer.Write(root, 0, [1]).Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
        Assert.That(Peer.Nfs.Commit(new() { File = root }).Status, Is.EqualTo(Nfsstat3.Nfs3errIsdir));
    }

    [Test]
    public void A_server_that_is_killed_before_a_commit_loses_nothing_stable_and_says_that_the_rest_is_to_be_written_again()
    {
        NfsFh3 stable = Peer.NewFile(Peer.Root(), "stable"), unstable = Peer.NewFile(Peer.Root(), "unstable");
        byte[] content = RandomBytes(300_000);
        Peer.Write(stable, 0, content, StableHow.FileSync);
        byte[] verifier = Peer.Write(unstable, 0, content).Resok!.Verf;
        Export.KillAndStartAgain();
        COMMIT3resok committed = Peer.Nfs.Commit(new() { File = unstable }).Resok!;
        Assert.That(committed.Verf, Is.Not.EqualTo(verifier), "another verifier");
        Assert.That(File.ReadAllBytes(Export.At("stable")), Is.EqualTo(content));
        verifier = Peer.Write(unstable, 0, content).Resok!.Verf;
        Assert.That(Peer.Nfs.Commit(new() { File = unstable }).Resok!.Verf, Is.EqualTo(verifier));
        Assert.That(File.ReadAllBytes(Export.At("unstable")), Is.EqualTo(content));
    }

    [Test]
    public void A_program_that_was_written_and_committed_can_be_run()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "true", mode: 0x1ED);
        Peer.Write(file, 0, File.ReadAllBytes("/bin/true"));
        Peer.Nfs.Commit(new() { File = file });
        Assert.That(ProgramRun.Of(Export.At("true"), []).Status, Is.Zero);
        Peer.Write(file, 0, File.ReadAllBytes("/bin/true"), StableHow.FileSync);
        Assert.That(ProgramRun.Of(Export.At("true"), []).Status, Is.Zero);
    }

    [Test]
    public void A_removed_file_gives_its_room_back()
    {
        NfsFh3 file = Peer.NewFile(Peer.Root(), "file");
        Peer.Write(file, 0, RandomBytes(1 << 20));
        Peer.Read(file, 0, 100);
        Peer.Remove(Peer.Root(), "file");
        string[] open = [.. Directory.GetFiles($"/proc/{Export.Server.Id}/fd").Select(one => new FileInfo(one).LinkTarget ?? "")];
        open = [.. open.Where(one => one != Export.Root)];
        Assert.That(open, Has.None.StartsWith(Export.Root));
        Assert.That(Peer.Read(file, 0, 1).Status, Is.EqualTo(Nfsstat3.Nfs3errStale));
    }

    [Test]
    public void Datagrams_carry_what_fits()
    {
        using NfsExport export = new(model: "epoll", form: ListenForm.Udp);
        using NfsPeer peer = export.Connect();
        Assert.That(peer.Nfs.Fsinfo(new() { Fsroot = peer.Root() }).Resok!.Rtmax, Is.EqualTo(32 * 1024));
        NfsFh3 file = peer.NewFile(peer.Root(), "file");
        byte[] content = RandomBytes(32 * 1024);
        Assert.That(peer.Write(file, 0, content).Resok!.Count, Is.EqualTo(content.Length));
        Assert.That(peer.Read(file, 0, 1 << 20).Resok!.Data, Is.EqualTo(content));
    }

    private static byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }
}
