using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Binding;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Client;

/// <summary><c>multiplex nfs</c> and <c>multiplex showmount</c> against <c>multiplex serve --protocol nfs</c>.</summary>
[SupportedOSPlatform("linux")]
public sealed class NfsVerbTests
{
    private NfsExport _export = null!;
    private string _here = "";

    [SetUp]
    public void Start()
    {
        _export = new();
        _here = _export.Outside("here");
        Directory.CreateDirectory(_here);
    }

    [TearDown]
    public void Stop() => _export?.Dispose();

    [Test]
    public void Ls_sorts_and_escapes()
    {
        foreach (string name in (string[])["b", "a", "two\nlines", ".hidden"])
            File.WriteAllText(_export.At(name), name);
        Create([0xFF, (byte)'x']);
        Assert.That(Done("ls", Url()).Lines, Is.EqualTo((string[])[".hidden", "a", "b", @"two\nlines", @"\xffx"]));
        Assert.That(Done("ls", Url("/two%0alines")).Lines, Is.EqualTo((string[])[@"/x/two\nlines"]));
        Assert.That(Done("ls", Url("/%ffx")).Lines, Is.EqualTo((string[])[@"/x/\xffx"]));
        ProgramRun.Successfully("sh", ["-c", "rm -- *x"], folder: _export.Root);   // .NET cannot remove a name that is not UTF-8
    }

    [Test]
    public void Ls_shows_attributes_and_directories_below()
    {
        Directory.CreateDirectory(_export.At("d/e"));
        File.WriteAllText(_export.At("d/file"), "hello");
        File.SetUnixFileMode(_export.At("d/file"), (UnixFileMode)0x9E8);   // 04750
        File.SetLastWriteTime(_export.At("d/file"), new(2001, 2, 3, 4, 5, 0));
        File.CreateSymbolicLink(_export.At("d/link"), "fi le");
        uint uid = Interop.Libc.geteuid(), gid = Interop.Libc.getegid();
        string[] lines = Done("ls", "-l", Url("/d")).Lines;
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Does.Match($"^drwxr-xr-x [0-9]+ {uid} {gid} +[0-9]+ [-0-9]+ [0-9:]+ e$"));
        Assert.That(lines[1], Does.Match($"^-rwsr-x--- +1 {uid} {gid} +5 2001-02-03 04:05 file$"));
        Assert.That(lines[2], Does.Match($"^lrwxrwxrwx +1 {uid} {gid} +5 [-0-9]+ [0-9:]+ link -> fi le$"));
        Assert.That(Done("ls", "-lR", Url()).Lines, Has.Length.EqualTo(1 + 1 + 1 + 3 + 1), "headers and entries");
        Assert.That(Done("ls", "-R", Url()).Lines, Is.EqualTo((string[])["/x:", "d", "/x/d:", "e", "file", "link", "/x/d/e:"]));
    }

    [Test]
    public void Cat_writes_the_bytes_as_they_are()
    {
        byte[] data = [0, 1, 0xFF, (byte)'\n', 0x1B];
        File.WriteAllBytes(_export.At("file"), data);
        File.CreateSymbolicLink(_export.At("link"), "file");
        Assert.That(Done("cat", Url("/file"), Url("/file")).Output, Is.EqualTo((byte[])[.. data, .. data]));
        Assert.That(Done("cat", "--follow", Url("/link")).Output, Is.EqualTo(data));
        Failed("NFS3ERR_INVAL", "cat", Url("/link"));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(5 << 20)]
    public void Put_and_get_are_a_round_trip(int size)
    {
        byte[] data = new byte[size];
        new Random(size).NextBytes(data);
        string original = Path.Combine(_here, "original"), back = Path.Combine(_here, "back");
        File.WriteAllBytes(original, data);
        File.SetUnixFileMode(original, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(_export.At("d"));
        Done("put", original, Url("/copy"));
        Done("put", original, Url("/d"));
        Assert.That(File.ReadAllBytes(_export.At("copy")), Is.EqualTo(data));
        Assert.That(File.ReadAllBytes(_export.At("d/original")), Is.EqualTo(data));
        Assert.That(File.GetUnixFileMode(_export.At("copy")), Is.EqualTo(File.GetUnixFileMode(original)));
        Done("get", Url("/copy"), back);
        Assert.That(File.ReadAllBytes(back), Is.EqualTo(data));
        Assert.That(File.GetUnixFileMode(back), Is.EqualTo(File.GetUnixFileMode(original)));
        Done("get", Url("/copy"), _here);
        Assert.That(File.ReadAllBytes(Path.Combine(_here, "copy")), Is.EqualTo(data));
        Assert.That(Done("get", Url("/copy"), "-").Output, Is.EqualTo(data));
    }

    [Test]
    public void Put_sends_no_holes_and_reaches_behind_4_GiB()
    {
        const long Far = 5L << 30;
        string original = Path.Combine(_here, "sparse");
        byte[] data = [1, 2, 3];
        using (FileStream file = File.Create(original))
        {
            file.Write(data);
            file.Position = Far;
            file.Write(data);
            file.SetLength(Far + (1 << 20));
        }

        Done("put", original, Url("/"));
        using FileStream copy = File.OpenRead(_export.At("sparse"));
        Assert.That(copy.Length, Is.EqualTo(Far + (1 << 20)));
        byte[] part = new byte[4];
        copy.ReadExactly(part);
        Assert.That(part, Is.EqualTo((byte[])[1, 2, 3, 0]));
        copy.Position = Far - 1;
        copy.ReadExactly(part);
        Assert.That(part, Is.EqualTo((byte[])[0, 1, 2, 3]));
        Assert.That(Done("stat", Url("/sparse")).Lines, Does.Contain($"size:   {Far + (1 << 20)}"));
    }

    [Test]
    public void Put_goes_on_when_the_server_is_started_anew()
    {
        byte[] data = new byte[8 << 20];
        new Random(1).NextBytes(data);
        using Process put = Process.Start(new ProcessStartInfo(ServerProcess.Command, ["nfs", "put", "-", Url("/file")])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = put.StandardError.ReadToEndAsync();
        Stream input = put.StandardInput.BaseStream;
        input.Write(data, 0, 4 << 20);
        input.Flush();
        Eventually.Holds(() => File.Exists(_export.At("file")) && new FileInfo(_export.At("file")).Length == 4 << 20, "the first part is not written");
        File.WriteAllBytes(_export.At("file"), []);   // as a machine that failed would have it
        _export.KillAndStartAgain();
        input.Write(data, 4 << 20, 4 << 20);
        put.StandardInput.Close();
        Assert.That(put.WaitForExit(4 * Eventually.Deadline), "put does not end");
        Assert.That(put.ExitCode, Is.Zero, () => errors.Result);
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
    }

    [Test]
    public void Stat_and_df_show_what_the_server_knows()
    {
        File.WriteAllText(_export.At("file"), "hello");
        File.CreateSymbolicLink(_export.At("link"), "file");
        string[] lines = Done("stat", Url("/file")).Lines;
        Assert.That(lines, Does.Contain("path:   /x/file").And.Contain("type:   regular file").And.Contain("size:   5").And.Contain("links:  1"));
        Assert.That(Done("stat", Url("/link")).Lines, Does.Contain("path:   /x/link -> file").And.Contain("type:   symbolic link"));
        Assert.That(Done("stat", "-L", Url("/link")).Lines, Does.Contain("size:   5"));
        string row = Done("df", Url()).Lines.Single(line => line.Contains("nfs://"));
        ulong size = ulong.Parse(row.Split('|', StringSplitOptions.TrimEntries)[2]);
        Assert.That(size, Is.EqualTo((ulong)new DriveInfo(_export.Root).TotalSize / 1024));
    }

    [Test]
    public void Find_walks_the_tree_and_matches_names_and_types()
    {
        Directory.CreateDirectory(_export.At("d/e"));
        foreach (string name in (string[])["a.log", "d/b.log", "d/e/c.txt", "d/e/.log"])
            File.WriteAllText(_export.At(name), "");
        File.CreateSymbolicLink(_export.At("d/link.log"), "nowhere");
        Assert.That(Done("find", Url()).Lines, Is.EquivalentTo((string[])
            ["/x", "/x/a.log", "/x/d", "/x/d/b.log", "/x/d/e", "/x/d/e/c.txt", "/x/d/e/.log", "/x/d/link.log"]));
        Assert.That(Done("find", Url(), "--name", "*.log", "--type", "f").Lines, Is.EquivalentTo((string[])["/x/a.log", "/x/d/b.log", "/x/d/e/.log"]));
        Assert.That(Done("find", Url("/d"), "--name", "[a-c].?[!o]?").Lines, Is.EqualTo((string[])["/x/d/e/c.txt"]));
        Assert.That(Done("find", Url("/d"), "--type", "l").Lines, Is.EqualTo((string[])["/x/d/link.log"]));
        Assert.That(Done("find", Url("/a.log")).Lines, Is.EqualTo((string[])["/x/a.log"]));
    }

    [Test]
    public void A_long_directory_is_listed_whole()
    {
        const int Count = 5000;
        for (int i = 0; i < Count; i++)
            File.WriteAllBytes(_export.At($"f{i:D4}"), []);
        Assert.That(Done("ls", Url()).Lines, Is.EqualTo(Enumerable.Range(0, Count).Select(i => $"f{i:D4}")));
        Assert.That(Done("find", Url(), "--type", "f").Lines, Has.Length.EqualTo(Count));
    }

    [Test]
    public void Showmount_lists_exports_and_mounts()
    {
        string server = $"127.0.0.1:{_export.Server.Address.Port}";
        string[] exports = Showmount(server);
        Assert.That(exports, Has.Length.EqualTo(2));
        Assert.That(exports[0], Is.EqualTo("Export list for 127.0.0.1:"));
        Assert.That(exports[1], Does.StartWith("/x "));
        Assert.That(Showmount("-e", "--no-headers", server), Is.EqualTo(exports[1..]));
        Assert.That(Showmount("-d", "--no-headers", server), Is.Empty);
        using NfsPeer peer = _export.Connect();
        peer.Root();
        Assert.That(Showmount("-d", server), Is.EqualTo((string[])["Directories on 127.0.0.1:", "/x"]));
        Assert.That(Showmount("-a", server), Has.Length.EqualTo(2).And.Some.EndsWith(":/x"));
    }

    [Test]
    public void The_showmount_of_others_lists_them_too()
    {
        using NameServiceProcess network = NameServiceProcess.Start(NameServiceKind.Multiplex);
        string root = _export.Root;
        using ServerProcess server = network.Serve("pool", ["tcp://127.0.0.1:0"], ["--protocol", "nfs", "--export", $"{root}=/x,insecure,networks=127.0.0.0/8", "--state", _here]);
        string showmount = Tools.Require("showmount");
        Assert.That(network.Run(showmount, "-e", "127.0.0.1").Lines, Is.EqualTo((string[])["Export list for 127.0.0.1:", "/x 127.0.0.0/8"]));
        Assert.That(network.Run(showmount, "-a", "--no-headers", "127.0.0.1").Lines, Is.Empty);
        Assert.That(network.Multiplex("showmount", "127.0.0.1").Lines, Is.EqualTo((string[])["Export list for 127.0.0.1:", "/x 127.0.0.0/8"]));
        Assert.That(network.Run(Tools.Require("rpcinfo"), "-T", "tcp", "127.0.0.1", "mountd", "3").Lines, Has.Some.Contains("ready and waiting"));
    }

    [Test]
    public void The_verbs_work_over_datagrams()
    {
        using NfsExport export = new("epoll", form: ListenForm.Udp);
        string url = $"nfs://127.0.0.1:{export.Server.Address.Port}/x";
        byte[] data = RandomData.RandomBytes(200_000);
        File.WriteAllBytes(Path.Combine(_here, "file"), data);
        Done("put", "--udp", Path.Combine(_here, "file"), $"{url}/");
        Assert.That(Done("cat", "--udp", $"{url}/file").Output, Is.EqualTo(data));
        Assert.That(Done("ls", "--udp", url).Lines, Is.EqualTo((string[])["file"]));
        Assert.That(Showmount("--udp", "--no-headers", $"127.0.0.1:{export.Server.Address.Port}"), Has.Length.EqualTo(1));
    }

    [Test]
    public void Without_a_port_the_name_service_is_asked()
    {
        using ServerProcess names = ServerProcess.StartProgram(ServerProcess.Command, ["rpcbind", "--listen", "tcp://127.0.0.1:0"]);
        Failed("not registered", "ls", "nfs://127.0.0.1/x", "--rpcbind", names.Address.Text);
        using NfsExport export = new(more: ["--rpcbind", names.Address.Text]);
        File.WriteAllText(export.At("file"), "found");
        string[] ask = ["--rpcbind", names.Address.Text];
        Assert.That(Done(["cat", "nfs://127.0.0.1/x/file", .. ask]).Output, Is.EqualTo("found"u8.ToArray()));
        Assert.That(Showmount(["127.0.0.1", .. ask]), Has.Length.EqualTo(2));
    }

    [Test]
    public void Each_failure_is_one_line_and_the_rest_is_done()
    {
        File.WriteAllText(_export.At("file"), "hello");
        Failed("NFS3ERR_NOENT", "cat", Url("/missing"));
        Failed("NFS3ERR_NOENT", "put", ServerProcess.Command, Url("/missing/file"));
        Failed("MNT3ERR_NOENT", "ls", Url().Replace("/x", "/y"));
        Failed("ECONNREFUSED", "ls", "nfs://127.0.0.1:1/x");
        Failed("ENOENT", "get", Url("/file"), Path.Combine(_here, "no/such/folder"));
        Failed("ENOENT", "put", Path.Combine(_here, "missing"), Url("/file"));
        ProgramRun run = ProgramRun.Multiplex("nfs", "cat", Url("/missing"), Url("/file"));
        Assert.That((run.Status, Encoding.UTF8.GetString(run.Output)), Is.EqualTo((1, "hello")));
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(File.Exists(Path.Combine(_here, "missing")), Is.False);
        Failed("NFS3ERR_NOENT", "get", Url("/missing"), Path.Combine(_here, "missing"));
        Assert.That(File.Exists(Path.Combine(_here, "missing")), Is.False, "a file is left of what could not be read");
    }

    private static string[] Showmount(params string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(["showmount", .. arguments]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        return run.Lines;
    }

    private static ProgramRun Done(params string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(["nfs", .. arguments]);
        Assert.That(run.Status, Is.Zero, () => string.Join('\n', run.Errors));
        Assert.That(run.Errors, Is.Empty);
        return run;
    }

    private static void Failed(string why, params string[] arguments)
    {
        ProgramRun run = ProgramRun.Multiplex(["nfs", .. arguments]);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Output, Is.Empty);
        Assert.That(run.Errors, Has.Length.EqualTo(1));
        Assert.That(run.Errors[0], Does.StartWith("multiplex: ").And.Contain(why));
    }

    private string Url(string path = "") => $"nfs://127.0.0.1:{_export.Server.Address.Port}/x{path}";

    // Files of .NET have names that are UTF-8.
    private void Create(byte[] name)
    {
        byte[] path = [.. Encoding.UTF8.GetBytes(_export.Root), (byte)'/', .. name, 0];
        int descriptor = (int)Interop.Libc.openat(Interop.Libc.AT_FDCWD, path, Interop.Libc.O_CREAT | Interop.Libc.O_WRONLY, 0x1A4).OrThrow("open");
        Posix.Succeeds(Syscall.close(descriptor));
    }
}
