using System.Runtime.Versioning;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Nfs.Peers;

/// <summary>
/// What libnfs' test programs check of a server, by the same calls of the library: docs/nfs.md maps these tests to those programs. Paths are absolute
/// in the export, relative to its root, in a directory, and from another directory; paths that lead out of the export fail.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class LibnfsBehaviourTests : OneExport
{
    private const int ReadOk = 4, WriteOk = 2, ExecuteOk = 1;

    private static readonly string[] s_paths = ["/one", "two", "/subdir/three", "subdir/four"], s_files = ["one", "two", "subdir/three", "subdir/four", "subdir/five"];

    private LibnfsClient _client = null!;

    [SetUp]
    public void Mount()
    {
        Directory.CreateDirectory(Export.At("subdir"));
        Directory.CreateDirectory(Export.At("subdir2"));
        _client = new(Export.Server.Address.Port);
        Assert.That(_client.MountStatus, Is.Zero, () => _client.Error);
    }

    [TearDown]
    public void Unmount() => _client?.Dispose();

    [Test]
    public void Attributes_are_told_by_path_and_by_handle()
    {
        File.WriteAllBytes(Export.At("file"), new byte[32768]);
        File.SetUnixFileMode(Export.At("file"), (UnixFileMode)0x1A4);
        (int status, LibnfsStat told) = _client.Stat("/file");
        Assert.That(status, Is.Zero);
        Assert.That((told.Size, told.Mode, told.Nlink), Is.EqualTo((32768ul, 0x81A4ul, 1ul)));
        Assert.That((told.Uid, told.Gid), Is.EqualTo(((ulong)geteuid(), (ulong)getegid())));
        Assert.That(_client.Stat("/").Stat.Mode >> 12, Is.EqualTo(4), "a directory");
        using LibnfsFile file = Opened("/file", O_RDONLY);
        Assert.That(file.Stat().Stat, Is.EqualTo(told));
        Assert.That(_client.Stat("/missing").Status, Is.EqualTo(-ENOENT));
    }

    [Test]
    public void Files_are_found_by_every_form_of_path()
    {
        foreach (string path in s_files)
            File.WriteAllText(Export.At(path), path);
        Everywhere(path => _client.Stat(path).Status);
        Everywhere(path => _client.Lstat(path).Status);
        Everywhere(path => Opening(path, O_RDONLY));
        Everywhere(path => _client.Truncate(path, 7));
    }

    [Test]
    public void A_symbolic_link_is_followed_or_told_itself()
    {
        File.WriteAllText(Export.At("file"), "hello");
        File.CreateSymbolicLink(Export.At("link"), "file");
        File.CreateSymbolicLink(Export.At("dangling"), "nowhere");
        Assert.That(_client.Stat("/link").Stat.Size, Is.EqualTo(5));
        Assert.That(_client.Lstat("/link").Stat.Mode >> 12, Is.EqualTo(10), "a symbolic link");
        Assert.That(_client.Stat("/dangling").Status, Is.EqualTo(-ENOENT));
        Assert.That(_client.Lstat("/dangling").Status, Is.Zero);
    }

    [Test]
    public void Opening_creates_truncates_and_appends()
    {
        byte[] text = "LordOfCinder"u8.ToArray(), longer = [.. Enumerable.Repeat((byte)'x', 40)];
        Assert.That(Writing("/new", O_RDWR | O_CREAT | O_EXCL, text), Is.EqualTo(text.Length));
        Assert.That(Writing("/new", O_RDWR | O_CREAT | O_EXCL, text), Is.EqualTo(-EEXIST));
        File.SetUnixFileMode(Export.At("new"), (UnixFileMode)0x199);   // 0631
        Assert.That(Writing("/new", O_RDWR | O_CREAT, text), Is.EqualTo(text.Length));
        Assert.That(File.GetUnixFileMode(Export.At("new")), Is.EqualTo((UnixFileMode)0x199), "an old file keeps its mode");
        File.WriteAllBytes(Export.At("new"), longer);
        Writing("/new", O_RDWR, text);
        Assert.That(File.ReadAllBytes(Export.At("new")), Is.EqualTo((byte[])[.. text, .. longer[text.Length..]]));
        Writing("/new", O_WRONLY | O_TRUNC, text);
        Assert.That(File.ReadAllBytes(Export.At("new")), Is.EqualTo(text));
        Writing("/new", O_WRONLY | LibnfsClient.Append, text);
        Assert.That(File.ReadAllBytes(Export.At("new")), Is.EqualTo((byte[])[.. text, .. text]));
        Assert.That(Opening("/missing", O_RDONLY), Is.EqualTo(-ENOENT));
    }

    [Test]
    public void Files_are_created_and_removed_by_every_form_of_path()
    {
        Everywhere(Creating);
        Everywhere(path => _client.Unlink(path));
        Assert.That(Directory.GetFiles(Export.Root, "*", SearchOption.AllDirectories), Is.Empty);
        Assert.That(_client.Unlink("/one"), Is.EqualTo(-ENOENT));
        int Creating(string path)
        {
            (int status, LibnfsFile file) = _client.Creat(path, 0x1A4);
            file.Dispose();
            return status;
        }
    }

    [Test]
    public void Directories_are_made_and_removed_by_every_form_of_path()
    {
        Everywhere(path => _client.Mkdir(path));
        Assert.That(_client.Mkdir("/one"), Is.EqualTo(-EEXIST));
        Everywhere(path => _client.Rmdir(path));
        File.WriteAllText(Export.At("subdir/file"), "");
        Assert.That(_client.Rmdir("/subdir"), Is.EqualTo(-ENOTEMPTY));
        Assert.That(_client.Rmdir("/missing"), Is.EqualTo(-ENOENT));
    }

    [Test]
    public void Hard_links_symbolic_links_and_renames_are_made_by_every_form_of_path()
    {
        File.WriteAllText(Export.At("file"), "kept");
        Everywhere(path => _client.Link("/file", path));
        Assert.That(_client.Stat("/one").Stat.Nlink, Is.EqualTo(1 + s_files.Length));
        Everywhere(path => _client.Rename(path, $"/moved{path.Replace('/', '-')}"));
        Assert.That(File.ReadAllText(Export.At("moved-one")), Is.EqualTo("kept"));
        Assert.That(s_files.Where(file => File.Exists(Export.At(file))), Is.Empty);
        Everywhere(path => _client.Symlink("the target", path));
        Assert.That(_client.ReadLink("/subdir/three"u8.ToArray()), Is.EqualTo("the target"u8.ToArray()));
        Assert.That(new FileInfo(Export.At("two")).LinkTarget, Is.EqualTo("the target"));
        Assert.That(_client.Rename("/missing", "/other"), Is.EqualTo(-ENOENT));
        Assert.That(_client.Link("/missing", "/other"), Is.EqualTo(-ENOENT));
    }

    [Test]
    public void Nodes_are_made_by_root_of_every_form_of_path()
    {
        if (geteuid() != 0)
            Assert.Ignore("only root makes devices");
        Everywhere(path => _client.Mknod(path, 0x2000 | 0x1ED, 0x1234));   // 020755
        LibnfsStat told = _client.Stat("/one").Stat;
        Assert.That((told.Mode, told.Rdev), Is.EqualTo((0x21EDul, 0x1234ul)));
    }

    [Test]
    public void Reading_and_writing_moves_the_position_as_lseek_says()
    {
        using LibnfsFile file = Opened("/file", O_RDWR | O_CREAT);
        byte[] part = new byte[4];
        Assert.That(file.Write("0123456789"u8.ToArray()), Is.EqualTo(10));
        Assert.That(file.Seek(0, SeekOrigin.Current), Is.EqualTo((0, 10ul)));
        Assert.That(file.Seek(2, SeekOrigin.Begin), Is.EqualTo((0, 2ul)));
        Assert.That((file.Read(part), Text(part)), Is.EqualTo((4, "2345")));
        Assert.That(file.Seek(0, SeekOrigin.Current), Is.EqualTo((0, 6ul)));
        Assert.That(file.Seek(-3, SeekOrigin.End), Is.EqualTo((0, 7ul)));
        Assert.That(file.Read(part), Is.EqualTo(3), "to the end");
        Assert.That(file.Read(part), Is.Zero, "at the end");
        Assert.That(file.Seek(-1, SeekOrigin.Begin).Status, Is.EqualTo(-EINVAL));
        Assert.That(file.Seek(100, SeekOrigin.End), Is.EqualTo((0, 110ul)));
        Assert.That(file.ReadAt(4, part), Is.EqualTo(4));
        Assert.That(file.Seek(0, SeekOrigin.Current), Is.EqualTo((0, 110ul)), "a read at an offset moves nothing");
        Assert.That(file.Write([1]), Is.EqualTo(1));
        Assert.That(file.Sync(), Is.Zero);
        Assert.That(new FileInfo(Export.At("file")).Length, Is.EqualTo(111));
    }

    [TestCase(1)]
    [TestCase(512)]
    [TestCase(4097)]
    [TestCase(1 << 20)]
    [TestCase((3 << 20) + 1)]
    public void What_is_written_is_read(int size)
    {
        byte[] data = RandomData.RandomBytes(size);
        using LibnfsFile file = Opened("/file", O_RDWR | O_CREAT);
        for (int done = 0; done < size;)
            done += file.WriteAt((ulong)done, data[done..]);
        Assert.That(file.Sync(), Is.Zero);
        Assert.That(File.ReadAllBytes(Export.At("file")), Is.EqualTo(data));
        Assert.That(file.ReadAll(), Is.EqualTo(data));
    }

    [TestCase(0u)]
    [TestCase(12377u)]
    [TestCase(1u << 20)]
    public void Files_are_cut_and_grown(uint length)
    {
        File.WriteAllBytes(Export.At("file"), RandomData.RandomBytes(32768));
        Assert.That(_client.Truncate("/file", length), Is.Zero);
        Assert.That(new FileInfo(Export.At("file")).Length, Is.EqualTo(length));
        using LibnfsFile file = Opened("/file", O_RDWR);
        Assert.That(file.Truncate(length + 1), Is.Zero);
        Assert.That(new FileInfo(Export.At("file")).Length, Is.EqualTo(length + 1));
    }

    [Test]
    public void Modes_are_changed_by_path_by_handle_and_not_through_a_link()
    {
        File.WriteAllText(Export.At("file"), "");
        File.CreateSymbolicLink(Export.At("link"), "file");
        Assert.That(_client.Chmod("/file", 0x108), Is.Zero);   // 0410
        Assert.That(File.GetUnixFileMode(Export.At("file")), Is.EqualTo((UnixFileMode)0x108));
        Assert.That(_client.Chmod("/link", 0x1A4), Is.Zero);
        Assert.That(File.GetUnixFileMode(Export.At("file")), Is.EqualTo((UnixFileMode)0x1A4), "followed");
        _client.Lchmod("/link", 0x1FF);
        Assert.That(File.GetUnixFileMode(Export.At("file")), Is.EqualTo((UnixFileMode)0x1A4), "not followed, whether there is such a mode or not");
        using LibnfsFile file = Opened("/file", O_RDWR);
        Assert.That(file.Chmod(0x1C0), Is.Zero);
        Assert.That(File.GetUnixFileMode(Export.At("file")), Is.EqualTo((UnixFileMode)0x1C0));
    }

    [Test]
    public void Owners_are_changed_by_path_by_handle_and_of_a_link()
    {
        if (geteuid() != 0)
            Assert.Ignore("only root gives files away");
        File.WriteAllText(Export.At("file"), "");
        File.CreateSymbolicLink(Export.At("link"), "file");
        Assert.That(_client.Chown("/file", 1000, 2000), Is.Zero);
        Assert.That(OwnerOf("/file"), Is.EqualTo((1000, 2000)));
        Assert.That(_client.Lchown("/link", 3000, 4000), Is.Zero);
        Assert.That((OwnerOf("/link"), OwnerOf("/file")), Is.EqualTo(((3000, 4000), (1000, 2000))));
        using LibnfsFile file = Opened("/file", O_RDWR);
        Assert.That(file.Chown(5, 6), Is.Zero);
        Assert.That(OwnerOf("/file"), Is.EqualTo((5, 6)));
        (int, int) OwnerOf(string path) => ((int)_client.Lstat(path).Stat.Uid, (int)_client.Lstat(path).Stat.Gid);
    }

    [TestCase("/file")]
    [TestCase("/subdir")]
    public void Times_are_set(string path)
    {
        File.WriteAllText(Export.At("file"), "");
        Assert.That(_client.Utimes(path, 12345, 23456), Is.Zero);
        LibnfsStat told = _client.Stat(path).Stat;
        Assert.That((told.Atime, told.Mtime), Is.EqualTo((12345ul, 23456ul)));
    }

    [TestCase(0x100, ReadOk, 0)]
    [TestCase(0x80, WriteOk, 0)]
    [TestCase(0x40, ExecuteOk, 0)]
    [TestCase(0xC0, ReadOk, -EACCES)]
    [TestCase(0x140, WriteOk, -EACCES)]
    [TestCase(0x180, ExecuteOk, -EACCES)]
    public void Access_is_as_the_mode_says(int mode, int asked, int expected)
    {
        if (geteuid() != 0)
            Assert.Ignore("another user takes root");
        File.WriteAllText(Export.At("file"), "");
        File.SetUnixFileMode(Export.At("file"), (UnixFileMode)mode);
        using LibnfsClient other = new(Export.Server.Address.Port, options: "&uid=1000&gid=1000");
        Posix.Succeeds(Mono.Unix.Native.Syscall.chown(Export.At("file"), 1000, 1000));
        Assert.That(other.Access("/file", asked), Is.EqualTo(expected));
        Assert.That((other.Access2("/file") & asked) != 0, Is.EqualTo(expected == 0));
    }

    [Test]
    public void The_file_system_is_described()
    {
        (int status, ulong blockSize, ulong blocks, ulong nameMax) = _client.Statvfs("/");
        Assert.That(status, Is.Zero);
        Assert.That(nameMax, Is.AtLeast(255), "the library's own");
        Assert.That(blockSize * blocks, Is.EqualTo((ulong)new DriveInfo(Export.Root).TotalSize));
    }

    [Test]
    public void Directories_are_listed_also_by_dots()
    {
        Directory.CreateDirectory(Export.At("subdir/below"));
        File.WriteAllText(Export.At("subdir/below/file"), "");
        Assert.That(_client.List("."), Is.EqualTo((string[])["subdir", "subdir2"]));
        Assert.That(_client.List("subdir"), Is.EqualTo((string[])["below"]));
        Assert.That(_client.Chdir("/subdir"), Is.Zero);
        Assert.That(_client.List("."), Is.EqualTo((string[])["below"]));
        Assert.That(_client.List("below"), Is.EqualTo((string[])["file"]));
        Assert.That(_client.Chdir("below"), Is.Zero);
        Assert.That(_client.List(".."), Is.EqualTo((string[])["below"]));
        Assert.That(_client.Chdir("/missing"), Is.EqualTo(-ENOENT));
    }

    [Test]
    public async Task Many_reads_at_a_time_are_all_answered()
    {
        const int Count = 1000, Size = 4096;
        byte[] data = RandomData.RandomBytes(16 << 20);
        File.WriteAllBytes(Export.At("file"), data);
        Multiplex.Nfs.Protocol.NfsFh3 file = Peer.Find("file");
        int[] offsets = [.. Enumerable.Range(0, Count).Select(i => i * 7919 % (data.Length / Size) * Size)];
        Multiplex.Nfs.Protocol.READ3res[] results = await Task.WhenAll(
            offsets.Select(offset => Peer.Nfs.ReadAsync(new() { File = file, Offset = (ulong)offset, Count = Size }).AsTask()));
        for (int i = 0; i < Count; i++)
            Assert.That(results[i].Resok!.Data.AsSpan().SequenceEqual(data.AsSpan(offsets[i], Size)), Is.True, $"{i}");
    }

    [Test]
    public void A_directory_below_an_export_is_mounted()
    {
        Directory.CreateDirectory(Export.At("subdir/below"));
        Directory.CreateSymbolicLink(Export.At("link"), "subdir");
        using LibnfsClient linked = new(Export.Server.Address.Port, "/x/link/below");
        Assert.That(linked.MountStatus, Is.Zero, () => linked.Error);
        using LibnfsClient below = new(Export.Server.Address.Port, "/x/subdir/below");
        Assert.That(below.MountStatus, Is.Zero, () => below.Error);
        Assert.That(below.Mkdir("/here"), Is.Zero);
        Assert.That(Directory.Exists(Export.At("subdir/below/here")), Is.True);
        using LibnfsClient missing = new(Export.Server.Address.Port, "/x/missing");
        Assert.That(missing.MountStatus, Is.Negative);
        Assert.That(missing.Error, Does.Contain("MNT3ERR_NOENT"));
    }

    [Test]
    public void A_read_only_export_is_not_changed()
    {
        using NfsExport export = new(options: ",insecure,no_root_squash,ro");
        File.WriteAllText(export.At("file"), "kept");
        using LibnfsClient client = new(export.Server.Address.Port);
        int[] statuses =
        [
            client.Truncate("/file", 0), client.Mkdir("/d"), client.Unlink("/file"), client.Rename("/file", "/other"), client.Link("/file", "/other"),
            client.Symlink("file", "/other"), client.Chmod("/file", 0), client.Utimes("/file", 1, 1), client.Mknod("/p", 0x1000, 0), client.Creat("/new", 0).Status,
        ];
        Assert.That(statuses, Is.All.EqualTo(-EROFS));
        Assert.That(client.Lstat("/file").Stat.Size, Is.EqualTo(4));
    }

    [Test]
    public void Exports_are_found_by_the_host_alone()
    {
        using NameServiceProcess network = NameServiceProcess.Start(NameServiceKind.Multiplex);
        using ServerProcess server = network.Serve(
            "pool", ["tcp://127.0.0.1:0"], ["--protocol", "nfs", "--export", $"{Export.Root}=/x,insecure", "--export", $"{Export.At("subdir")}=/y,insecure", "--state", Export.Outside("other")]);
        string[] lines = network.Run(Tools.Require("nfs-ls"), "-D", "nfs://127.0.0.1").Lines;
        Assert.That(lines, Has.Some.Contains("/x").And.Some.Contains("/y"));
    }

    // In each form, and from another directory, but never out of the export.
    private void Everywhere(Func<string, int> call)
    {
        foreach (string path in s_paths)
            Assert.That(call(path), Is.Zero, path);
        Assert.That(_client.Chdir("/subdir2"), Is.Zero);
        Assert.That(call("../subdir/five"), Is.Zero);
        Assert.That(call("../../subdir/six"), Is.Negative);
        Assert.That(_client.Chdir("/"), Is.Zero);
    }

    private int Opening(string path, int flags)
    {
        (int status, LibnfsFile file) = _client.Open(path, flags);
        file.Dispose();
        return status;
    }

    private LibnfsFile Opened(string path, int flags)
    {
        (int status, LibnfsFile file) = _client.Open(path, flags);
        Assert.That(status, Is.Zero, () => _client.Error);
        return file;
    }

    private int Writing(string path, int flags, byte[] data)
    {
        (int status, LibnfsFile file) = _client.Open(path, flags, 0x1B6);
        using (file)
            return status < 0 ? status : file.Write(data);
    }

    private static string Text(byte[] bytes) => System.Text.Encoding.ASCII.GetString(bytes);
}
