using System.Runtime.Versioning;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Client;

/// <summary>The library's client of NFS against the real server.</summary>
[SupportedOSPlatform("linux")]
public sealed class ClientTests
{
    private NfsExport _export = null!;
    private NfsClient _client = null!;

    [SetUp]
    public async Task Start()
    {
        _export = new();
        _client = await NfsClient.ConnectAsync(Url("/x"), new() { Timeout = Eventually.Deadline });
    }

    [TearDown]
    public async Task Stop()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _export?.Dispose();
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(5 << 20)]
    [TestCase((5 << 20) + 1)]
    public async Task A_file_comes_back_byte_for_byte(int size)
    {
        byte[] data = RandomData.RandomBytes(size);
        await _client.WriteAsync("file", new MemoryStream(data), 0x180);   // 0600
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
        Assert.That(File.GetUnixFileMode(_export.At("file")), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        MemoryStream back = new();
        await _client.ReadAsync("file", back);
        Assert.That(back.ToArray(), Is.EqualTo(data));

        // A shorter one in its place leaves nothing of it.
        await _client.WriteAsync("file", new MemoryStream([7]));
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo((byte[])[7]));
    }

    [Test]
    public async Task Bytes_behind_4_GiB_are_written_and_read_where_they_belong()
    {
        const long Far = (5L << 30) + 3;
        byte[] data = RandomData.RandomBytes(100_000);
        await using NfsFile file = await _client.CreateAsync("sparse");
        await file.WriteAsync(Far, data);
        await file.CommitAsync();
        Assert.That((await file.StatAsync()).Size, Is.EqualTo((ulong)(Far + data.Length)));
        Assert.That((await file.StatAsync()).Used, Is.LessThan(1 << 30), "the hole takes room");

        byte[] back = new byte[data.Length + 10];
        Assert.That(await file.ReadAsync(Far - 5, back), Is.EqualTo(data.Length + 5));
        Assert.That(back, Is.EqualTo((byte[])[0, 0, 0, 0, 0, .. data, 0, 0, 0, 0, 0]));
        Assert.That(await file.ReadAsync(Far + data.Length, back), Is.Zero, "behind the end");
    }

    [Test]
    public async Task Names_are_bytes()
    {
        byte[][] names =
        [
            "häuser"u8.ToArray(), [0xFF, 0xFE, (byte)'x'], "two\nlines"u8.ToArray(), " "u8.ToArray(), "-l"u8.ToArray(), "%41"u8.ToArray(), "\\"u8.ToArray(),
            [.. Enumerable.Repeat((byte)'n', 255)], [.. Enumerable.Repeat((byte)0x80, 255)],
        ];
        foreach (byte[] name in names)
            await _client.WriteAsync(name, new MemoryStream(name));
        List<NfsEntry> entries = await List("");
        Assert.That(entries.Select(entry => entry.Name), Is.EquivalentTo(names));
        foreach (byte[] name in names)
        {
            MemoryStream back = new();
            await _client.ReadAsync(name, back);
            Assert.That(back.ToArray(), Is.EqualTo(name));
            await _client.RenameAsync(name, (byte[])[.. name.AsSpan(0, 1), (byte)'~']);
            await _client.RemoveAsync((byte[])[.. name.AsSpan(0, 1), (byte)'~']);
        }

        Assert.That(await List(""), Is.Empty);
        Assert.That(await StatusOf(_client.RemoveAsync((byte[])[.. Enumerable.Repeat((byte)'n', 256)])), Is.EqualTo("NFS3ERR_NAMETOOLONG"));
    }

    [Test]
    public async Task A_long_directory_is_listed_whole_and_each_entry_once()
    {
        const int Count = 5000;
        Directory.CreateDirectory(_export.At("many"));
        for (int i = 0; i < Count; i++)
            File.WriteAllBytes(_export.At($"many/a-name-of-some-length-{i}"), new byte[i % 3]);
        List<NfsEntry> entries = await List("many");
        Assert.That(entries.Select(entry => $"{entry}"), Is.EquivalentTo(Enumerable.Range(0, Count).Select(i => $"a-name-of-some-length-{i}")));
        foreach (NfsEntry entry in entries)
        {
            Assert.That(entry.Attributes!.Size, Is.EqualTo(ulong.Parse($"{entry}".Split('-')[^1]) % 3), $"{entry}");
            Assert.That(entry.Handle, Is.Not.Null);
        }
    }

    [Test]
    public async Task Hard_links_are_one_file()
    {
        await _client.WriteAsync("one", new MemoryStream([1, 2, 3]));
        await _client.LinkAsync("one", "other");
        Fattr3 one = await _client.StatAsync("one"), other = await _client.StatAsync("other");
        Assert.That((other.Fileid, other.Nlink), Is.EqualTo((one.Fileid, 2u)));
        await _client.RemoveAsync("one");
        MemoryStream back = new();
        await _client.ReadAsync("other", back);
        Assert.That(back.ToArray(), Is.EqualTo((byte[])[1, 2, 3]));
    }

    [Test]
    public async Task Symbolic_links_are_followed_where_that_is_asked_for()
    {
        await _client.MakeDirectoryAsync("d");
        await _client.WriteAsync("d/file", new MemoryStream([1, 2, 3]));
        await _client.SymlinkAsync("d/relative", "../d/file");
        await _client.SymlinkAsync("absolute", "/x/d");
        await _client.SymlinkAsync("odd", (byte[])[0xFF]);
        await _client.SymlinkAsync("loop", "loop");
        await _client.SymlinkAsync("outside", "/etc/passwd");
        Assert.That(await _client.ReadLinkAsync("d/relative"), Is.EqualTo("../d/file"u8.ToArray()));
        Assert.That(await _client.ReadLinkAsync("odd"), Is.EqualTo((byte[])[0xFF]));
        Assert.That((await _client.StatAsync("d/relative")).Type, Is.EqualTo(Ftype3.Nf3lnk));
        Assert.That((await _client.StatAsync("d/relative", follow: true)).Size, Is.EqualTo(3));
        Assert.That((await _client.StatAsync("absolute/relative", follow: true)).Size, Is.EqualTo(3));
        Assert.That(await StatusOf(_client.StatAsync("absolute/relative").AsTask()), Is.EqualTo("NFS3ERR_NOTDIR"));
        Assert.That(await StatusOf(_client.StatAsync("odd", follow: true).AsTask()), Is.EqualTo("NFS3ERR_NOENT"));
        Assert.That(await StatusOf(_client.StatAsync("loop", follow: true).AsTask()), Is.EqualTo("NFS3ERR_INVAL"));
        Assert.That(await StatusOf(_client.StatAsync("outside", follow: true).AsTask()), Is.EqualTo("NFS3ERR_NOENT"));
    }

    [Test]
    public async Task Failures_name_the_operation_the_path_and_the_status()
    {
        NfsException failure = (await Assert.ThrowsAsync<NfsException>(() => _client.OpenAsync("no/such")))!;
        Assert.That((failure.Operation, $"{failure.Path}", failure.Status, failure.StatusName), Is.EqualTo(("LOOKUP", "no/such", Nfsstat3.Nfs3errNoent, "NFS3ERR_NOENT")));
        Assert.That(failure.Message, Is.EqualTo("LOOKUP no/such: no such file or directory (NFS3ERR_NOENT)"));

        await _client.MakeDirectoryAsync("d");
        Assert.That(await StatusOf(_client.MakeDirectoryAsync("d")), Is.EqualTo("NFS3ERR_EXIST"));
        await using (await _client.CreateAsync("d/file"))
        {
        }

        Assert.That(await StatusOf(_client.CreateAsync("d/file", exclusive: true)), Is.EqualTo("NFS3ERR_EXIST"));
        Assert.That(await StatusOf(_client.RemoveDirectoryAsync("d")), Is.EqualTo("NFS3ERR_NOTEMPTY"));
        Assert.That(await StatusOf(List("d/file")), Is.EqualTo("NFS3ERR_NOTDIR"));
        Assert.That(await StatusOf(NfsClient.ConnectAsync(Url("/y"))), Is.EqualTo("MNT3ERR_NOENT"));
        NfsFile gone = await _client.OpenAsync("d/file");
        await _client.RemoveAsync("d/file");
        Assert.That(await StatusOf(gone.StatAsync().AsTask()), Is.EqualTo("NFS3ERR_STALE"));
        await _client.RemoveDirectoryAsync("d");
    }

    [Test]
    public async Task A_mount_is_on_the_servers_list_until_the_client_disconnects()
    {
        await using MountClient mount = await MountClient.ConnectAsync("127.0.0.1", _export.Server.Address.Port);
        Assert.That((await mount.MountsAsync()).Select(one => $"{one.Directory}"), Is.EqualTo((string[])["/x"]));
        await _client.DisconnectAsync();
        Assert.That(await mount.MountsAsync(), Is.Empty);
        Assert.That((await mount.ExportsAsync()).Select(one => $"{one.Directory}"), Is.EqualTo((string[])["/x"]));
    }

    [Test]
    public async Task What_a_server_may_have_lost_in_a_restart_is_written_again()
    {
        byte[] data = RandomData.RandomBytes(6 << 20);
        await using NfsFile file = await _client.CreateAsync("file");
        await file.WriteAsync(0, data.AsMemory(0, 3 << 20));
        Eventually.Holds(() => new FileInfo(_export.At("file")).Length == 3 << 20, "the first half is not written");

        File.WriteAllBytes(_export.At("file"), []);   // as a machine that failed would have it
        _export.KillAndStartAgain();
        await file.WriteAsync(3 << 20, data.AsMemory(3 << 20));
        await file.CommitAsync();
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
    }

    [Test]
    public async Task What_is_committed_already_is_not_kept()
    {
        byte[] data = RandomData.RandomBytes(3 << 20);
        await using NfsClient client = await NfsClient.ConnectAsync(Url("/x"), new() { MaxUncommitted = 1 << 20, InFlight = 2, Timeout = Eventually.Deadline });
        await client.WriteAsync("file", new MemoryStream(data));
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
    }

    [Test]
    public async Task A_server_that_wants_a_reserved_port_says_so_in_one_line()
    {
        using NfsExport secure = new(options: ",no_root_squash");
        string url = $"nfs://127.0.0.1:{secure.Server.Address.Port}/x";
        NfsException failure = (await Assert.ThrowsAsync<NfsException>(() => NfsClient.ConnectAsync(url, new() { ReservedPort = false })))!;
        Assert.That(failure.Message, Does.Contain("ACCES").And.Contain("port below 1024").And.Not.Contain("\n"));
        if (Interop.Libc.geteuid() == 0)
        {
            await using NfsClient client = await NfsClient.ConnectAsync(url);
            Assert.That((await client.StatAsync("")).Type, Is.EqualTo(Ftype3.Nf3dir));
        }
    }

    private static async Task<string> StatusOf(Task task)
    {
        try
        {
            await task;
            return "NFS3_OK";
        }
        catch (NfsException e)
        {
            return e.StatusName;
        }
    }

    private string Url(string path) => $"nfs://127.0.0.1:{_export.Server.Address.Port}{path}";

    private async Task<List<NfsEntry>> List(NfsPath path)
    {
        List<NfsEntry> entries = [];
        await foreach (NfsEntry entry in _client.ListAsync(path))
            entries.Add(entry);
        return entries;
    }
}
