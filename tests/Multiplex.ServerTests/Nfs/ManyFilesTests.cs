using System.Collections.Concurrent;
using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;
using static Multiplex.Interop.Libc;

namespace Multiplex.ServerTests.Nfs;

/// <summary>A tree of 20,000 names with all that is unusual, as it is seen by each client: byte for byte as it is on the server's disk.</summary>
public sealed class ManyFilesTests
{
    private const int Count = 20_000;

    private NfsExport _export = null!;
    private ManyFiles _tree = null!;

    private string Url => $"nfs://127.0.0.1:{_export.Server.Address.Port}/x";

    [OneTimeSetUp]
    public void Start()
    {
        _export = new();
        _tree = new(_export.Root, Count);
        _tree.Look();
        Assert.That(_tree.Listed, Has.Count.GreaterThanOrEqualTo(Count));
    }

    [OneTimeTearDown]
    public void Stop() => _export?.Dispose();

    [Test]
    public async Task The_library_sees_it_as_it_is()
    {
        await using NfsClient client = await NfsClient.ConnectAsync(Url, new() { Timeout = Eventually.Deadline });
        ConcurrentDictionary<string, string> listed = [];
        await Walk(client, "", listed);
        SameAs(listed);
    }

    [Test]
    public void Libnfs_sees_it_as_it_is()
    {
        using LibnfsClient client = new(_export.Server.Address.Port);
        Assert.That(client.MountStatus, Is.Zero, () => client.Error);
        Dictionary<string, string> listed = [];
        Walk(client, [], listed);
        SameAs(listed);
    }

    [Test]
    public void The_programs_of_libnfs_see_it_as_it_is()
    {
        // Type and mode, links, owner, group, size and path. A path may have newlines, so the lines are compared as a heap.
        string[] expected = Lines(string.Join('\n', _tree.Listed.Where(one => one.Value[0] is 'f' or 'd' or 'l').Select(one => one.Key)));
        string listed = ManyFiles.Kept(ProgramRun.Successfully(Tools.Require("nfs-ls"), ["-R", LibnfsUrl("")]).Output);
        string[] paths = Lines(string.Join('\n', listed.Split('\n').Select(line => System.Text.RegularExpressions.Regex.Replace(line, "^[-a-z]{9,10} +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ ", ""))));
        Assert.That(paths.Where(path => path != "fifo"), Is.EqualTo(expected));

        foreach (string name in (string[])["large", "sparse", "-rf", "a\\b", "häuser", "d7/file 3"])
        {
            string here = _export.Outside("copied");
            ProgramRun.Successfully(Tools.Require("nfs-cp"), [LibnfsUrl($"/{name}"), here]);
            Assert.That(File.ReadAllBytes(here), Is.EqualTo(File.ReadAllBytes(_export.At(name))), name);
            Assert.That(ProgramRun.Successfully(Tools.Require("nfs-cat"), [LibnfsUrl($"/{name}")]).Output, Is.EqualTo(File.ReadAllBytes(here)), name);
            File.Delete(here);
        }
    }

    [Test]
    public void The_verbs_see_it_as_it_is()
    {
        string[] found = ProgramRun.Successfully(ServerProcess.Command, ["nfs", "find", Url]).Lines;
        Assert.That(found, Has.Length.EqualTo(1 + _tree.Listed.Count));
        Assert.That(found, Does.Contain(@"/x/in-two\nlines/two\nlines").And.Contain(@"/x/\xff\xfex").And.Contain("/x/d39/file 7"));
        Assert.That(ProgramRun.Successfully(ServerProcess.Command, ["nfs", "find", Url, "--type", "l"]).Lines, Has.Length.EqualTo(_tree.Listed.Values.Count(line => line[0] == 'l')));
        foreach (string name in (string[])["large", "sparse", "two%0alines", "%ff%fex"])
        {
            string here = _export.Outside("got");
            ProgramRun.Successfully(ServerProcess.Command, ["nfs", "get", $"{Url}/{name}", here]);
            string kept = ManyFiles.Kept(NfsUrl.Parse($"nfs://h/{name}").Path.Bytes.Span[1..]);
            Assert.That(_tree.Listed[kept], Does.EndWith(ManyFiles.Hash(File.ReadAllBytes(here))), name);
            File.Delete(here);
        }
    }

    [Test]
    public void A_kernel_sees_it_as_it_is()
    {
        // The same script runs in the guest and here, and the outputs are compared. The bytes of all files, in the order of their names, give one hash.
        const string Script =
            """
            $b find . -mindepth 1 ! -name far -print0 | $b sort -z > /tmp/names; $b tr -cd '\000' < /tmp/names | $b wc -c; $b sha256sum < /tmp/names
            $b xargs -0 $b stat -c '%a %h %u %g %i %F %Y %s %N' < /tmp/names | $b sha256sum
            $b find . -type f ! -name far -print0 | $b sort -z | $b xargs -0 $b cat | $b sha256sum
            $b find . -type l -print0 | $b sort -z | $b xargs -0 -n 1000 $b sh -c 'for l; do $b readlink "$l"; done' - | $b sha256sum
            $b stat -c '%s %i' far; $b dd if=far bs=4096 skip=1310723 2>/dev/null | $b sha256sum
            """;
        string busybox = Tools.Require("busybox");
        string[] here = ProgramRun.Successfully(busybox, ["sh", "-c", $"b={busybox}; export b; {Script.Replace("/tmp/names", _export.Outside("names"))}"], folder: _export.Root).Lines;
        string[] guest = KernelGuest.Run(_export.Server.Address.Port, $"cd /mnt\n{Script}");
        Assert.That(guest, Is.EqualTo(here));
    }

    private static async Task Walk(NfsClient client, NfsPath directory, ConcurrentDictionary<string, string> listed)
    {
        List<NfsEntry> entries = [];
        await foreach (NfsEntry entry in client.ListAsync(directory))
            entries.Add(entry);
        await Parallel.ForEachAsync(entries, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (entry, token) =>
        {
            NfsPath path = directory.Combine(entry.Name);
            Fattr3 attributes = entry.Attributes!;
            (char type, string content) = attributes.Type switch
            {
                Ftype3.Nf3reg => ('f', ManyFiles.Hash(await Read(client, path, (long)attributes.Size, token))),
                Ftype3.Nf3dir => ('d', ""),
                Ftype3.Nf3lnk => ('l', ManyFiles.Kept(await client.ReadLinkAsync(path, token))),
                _ => ('p', ""),
            };
            listed[ManyFiles.Kept(path.Bytes.Span)] = ManyFiles.Line(type, attributes.Fileid, attributes.Nlink, attributes.Size, content);
            if (type == 'd')
                await Walk(client, path, listed);
        });
    }

    private static async Task<byte[]> Read(NfsClient client, NfsPath path, long size, CancellationToken token)
    {
        await using NfsFile file = await client.OpenAsync(path, cancellationToken: token);
        byte[] bytes = new byte[Math.Min(size, size > int.MaxValue ? ManyFiles.FarBytes : size)];
        Assert.That(await file.ReadAsync(size - bytes.Length, bytes, token), Is.EqualTo(bytes.Length));
        return bytes;
    }

    private static void Walk(LibnfsClient client, byte[] directory, Dictionary<string, string> listed)
    {
        foreach ((byte[] name, uint type) in client.List(directory.Length == 0 ? "/"u8.ToArray() : directory)!)
        {
            byte[] path = [.. directory, (byte)'/', .. name];
            (int status, LibnfsStat told) = client.Lstat(path);
            Assert.That(status, Is.Zero, () => client.Error);
            (char letter, string content) = (Ftype3)(int)type switch
            {
                Ftype3.Nf3reg => ('f', ManyFiles.Hash(Read(client, path, told.Size))),
                Ftype3.Nf3dir => ('d', ""),
                Ftype3.Nf3lnk => ('l', ManyFiles.Kept(client.ReadLink(path))),
                _ => ('p', ""),
            };
            listed[ManyFiles.Kept(path.AsSpan(1))] = ManyFiles.Line(letter, told.Ino, told.Nlink, told.Size, content);
            if (letter == 'd')
                Walk(client, path, listed);
        }
    }

    private static byte[] Read(LibnfsClient client, byte[] path, ulong size)
    {
        (int status, LibnfsFile file) = client.Open(path, O_RDONLY);
        Assert.That(status, Is.Zero, () => client.Error);
        using (file)
        {
            if (size <= int.MaxValue)
                return file.ReadAll();
            byte[] end = new byte[ManyFiles.FarBytes];
            Assert.That(file.ReadAt((ulong)ManyFiles.Far, end), Is.EqualTo(end.Length));
            return end;
        }
    }

    private static string[] Lines(string text) => [.. text.Split('\n').Where(line => line.Length > 0).Order(StringComparer.Ordinal)];

    // Reports the first difference only: a list of 20,000 would not help.
    private void SameAs(IReadOnlyDictionary<string, string> listed)
    {
        foreach ((string path, string line) in _tree.Listed)
            Assert.That(listed.GetValueOrDefault(path), Is.EqualTo(line), path);
        Assert.That(listed, Has.Count.EqualTo(_tree.Listed.Count));
    }

    private string LibnfsUrl(string path)
    {
        int port = _export.Server.Address.Port;
        return $"nfs://127.0.0.1{NfsExport.Name}{path}?nfsport={port}&mountport={port}";
    }
}
