using System.Text;
using Multiplex.Nfs;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>The program MOUNT, and the replies to calls of programs and versions that are not served.</summary>
public sealed class MountTests
{
    private NfsExport _export = null!;
    private NfsPeer _peer = null!;

    [SetUp]
    public void Start()
    {
        _export = new();
        _peer = _export.Connect();
    }

    [TearDown]
    public void Stop()
    {
        _peer?.Dispose();
        _export?.Dispose();
    }

    [Test]
    public void A_directory_of_the_export_is_mounted_by_its_path()
    {
        Directory.CreateDirectory(_export.At("a/b"));
        Assert.That(_peer.Mounted("/x/a/b").Data, Is.EqualTo(_peer.Find("a/b").Data));
        Assert.That(_peer.Mounted("/x/").Data, Is.EqualTo(_peer.Root().Data));
    }

    [Test]
    public void A_path_to_mount_may_have_symbolic_links_that_stay_in_the_export()
    {
        Directory.CreateDirectory(_export.At("a/b"));
        File.CreateSymbolicLink(_export.At("a/back"), "../a");
        Assert.That(_peer.Mounted("/x/a/back/b").Data, Is.EqualTo(_peer.Find("a/b").Data));
        Assert.That(_peer.Mounted("/x/a/back").Data, Is.EqualTo(_peer.Find("a").Data));
    }

    [Test]
    public void A_path_to_mount_that_leads_up_is_resolved_while_files_are_renamed()
    {
        Directory.CreateDirectory(_export.At("a/b"));
        File.CreateSymbolicLink(_export.At("a/back"), "../a");
        File.WriteAllText(_export.Outside("one"), "");
        using CancellationTokenSource mounted = new();
        Task renaming = Task.Run(() =>
        {
            while (!mounted.IsCancellationRequested)
            {
                File.Move(_export.Outside("one"), _export.Outside("other"));
                File.Move(_export.Outside("other"), _export.Outside("one"));
            }
        });
        Mountstat3[] statuses = [.. Enumerable.Range(0, 2000).Select(_ => _peer.MountStatus("/x/a/back/back/back/b"))];
        mounted.Cancel();
        renaming.Wait();
        Assert.That(statuses, Is.All.EqualTo(Mountstat3.Mnt3Ok));
    }

    [Test]
    public void Both_credentials_that_are_taken_are_offered() =>
        Assert.That(_peer.Mount.Mnt("/x"u8).Mountinfo!.AuthFlavors, Is.EqualTo((int[])[1, 0]));

    [Test]
    public void What_cannot_be_mounted_is_refused_by_what_is_wrong()
    {
        File.WriteAllText(_export.At("file"), "");
        File.CreateSymbolicLink(_export.At("out"), _export.Outside(""));
        File.CreateSymbolicLink(_export.At("up"), "../tree");
        File.CreateSymbolicLink(_export.At("loop"), "loop");
        Assert.Multiple(() =>
        {
            Assert.That(_peer.MountStatus("/y"), Is.EqualTo(Mountstat3.Mnt3errNoent));
            Assert.That(_peer.MountStatus("/xy"), Is.EqualTo(Mountstat3.Mnt3errNoent));
            Assert.That(_peer.MountStatus(""), Is.EqualTo(Mountstat3.Mnt3errNoent));
            Assert.That(_peer.MountStatus("/x/none"), Is.EqualTo(Mountstat3.Mnt3errNoent));
            Assert.That(_peer.MountStatus("/x/file"), Is.EqualTo(Mountstat3.Mnt3errNotdir));
            Assert.That(_peer.MountStatus("/x/.."), Is.EqualTo(Mountstat3.Mnt3errAcces));
            Assert.That(_peer.MountStatus("/x/../tree"), Is.EqualTo(Mountstat3.Mnt3errAcces));
            Assert.That(_peer.MountStatus("/x/out"), Is.EqualTo(Mountstat3.Mnt3errAcces).Or.EqualTo(Mountstat3.Mnt3errNotdir));
            Assert.That(_peer.MountStatus("/x/up"), Is.EqualTo(Mountstat3.Mnt3errAcces), "out by a relative link");
            Assert.That(_peer.MountStatus("/x/loop"), Is.EqualTo(Mountstat3.Mnt3errAcces));
            Assert.That(_peer.MountStatus("/x/a\0b"), Is.EqualTo(Mountstat3.Mnt3errInval));
            Assert.That(_peer.MountStatus($"/x/{new string('n', 256)}"), Is.EqualTo(Mountstat3.Mnt3errNametoolong));
        });
        Assert.That(() => _peer.Client.Call(MountV3.Mnt, new byte[1025], (writer, path) => writer.WriteOpaque(path), MountV3Client.ReadMnt),
            Throws.TypeOf<RpcGarbageArgumentsException>());
    }

    [Test]
    public void Mounts_are_listed_until_they_end()
    {
        Directory.CreateDirectory(_export.At("a"));
        _peer.Root();
        _peer.Root();
        _peer.Mounted("/x/a");
        Assert.That(Listed(), Is.EqualTo((string[])["127.0.0.1 /x", "127.0.0.1 /x/a"]));
        _peer.Mount.Umnt("/x"u8);
        Assert.That(Listed(), Is.EqualTo((string[])["127.0.0.1 /x/a"]));
        _peer.Root();
        _peer.Mount.Umntall();
        Assert.That(Listed(), Is.Empty);
    }

    [Test]
    public void The_list_of_mounts_is_bounded()
    {
        using NfsExport export = new(more: ["--mounts", "2"]);
        using NfsPeer peer = export.Connect();
        foreach (string name in (string[])["a", "b", "c"])
        {
            Directory.CreateDirectory(export.At(name));
            peer.Mounted($"/x/{name}");
        }

        Assert.That(peer.Mount.Dump()!.Select(one => Encoding.UTF8.GetString(one.MlDirectory)), Is.EqualTo((string[])["/x/b", "/x/c"]));
        Assert.That(export.Server.Stop(), Is.Zero);
        Assert.That(export.Server.FinalCount(Counter.NfsMountsForgotten), Is.EqualTo(1));
    }

    [Test]
    public void Exports_are_listed_with_their_networks()
    {
        Exportnode[] all = [.. _peer.Mount.Export()!];
        Assert.That(all.Select(one => Encoding.UTF8.GetString(one.ExDir)), Is.EqualTo((string[])["/x"]));
        Assert.That(all[0].ExGroups, Is.Null);
        using NfsExport narrow = new(options: ",insecure,networks=127.0.0.0/8:192.0.2.0/24");
        using NfsPeer peer = narrow.Connect();
        Assert.That(peer.Mount.Export()!.Single().ExGroups!.Select(one => Encoding.UTF8.GetString(one.GrName)), Is.EqualTo((string[])["127.0.0.0/8", "192.0.2.0/24"]));
        Assert.That(peer.MountStatus("/x"), Is.EqualTo(Mountstat3.Mnt3Ok));
    }

    [Test]
    public void A_client_from_another_network_or_an_ordinary_port_gets_nothing([Values(",insecure,networks=192.0.2.0/24", "")] string options)
    {
        using NfsExport export = new(options: options);
        using NfsPeer peer = export.Connect();
        Assert.That(peer.MountStatus("/x"), Is.EqualTo(Mountstat3.Mnt3errAcces));
    }

    [Test]
    public void A_client_whose_port_is_reserved_is_served_by_default()
    {
        if (Mono.Unix.Native.Syscall.geteuid() != 0)
            Assert.Ignore("only root binds reserved ports");
        using NfsExport export = new(options: "");
        using RpcClient client = new(Sockets.Endpoint.Parse(export.Server.Address.Text), new() { BindReservedPort = true, Authentication = RpcAuthentication.Sys() });
        Assert.That(new MountV3Client(client).Mnt("/x"u8).FhsStatus, Is.EqualTo(Mountstat3.Mnt3Ok));
    }

    [TestCase(100003u, 2u, 3u)]
    [TestCase(100003u, 4u, 3u)]
    [TestCase(100005u, 1u, 3u)]
    public void Another_version_gets_the_range_that_is_served(uint program, uint version, uint served)
    {
        RpcProgramMismatchException refusal = Assert.Throws<RpcProgramMismatchException>(() => Ping(program, version))!;
        Assert.That((refusal.Low, refusal.High), Is.EqualTo((served, served)));
    }

    [TestCase(100021u, 4u, TestName = "The network lock manager is not served")]
    [TestCase(100024u, 1u, TestName = "The status monitor is not served")]
    [TestCase(100227u, 3u, TestName = "The access lists of NFS are not served")]
    public void Another_program_is_not_served(uint program, uint version) =>
        Assert.That(() => Ping(program, version), Throws.TypeOf<RpcProgramUnavailableException>());

    private void Ping(uint program, uint version) => _peer.Client.Call(new RpcProcedure(program, version, 0), 0, (_, _) => { });

    private string[] Listed() =>
        [.. (_peer.Mount.Dump() ?? Enumerable.Empty<Mountbody>()).Select(one => $"{Encoding.UTF8.GetString(one.MlHostname)} {Encoding.UTF8.GetString(one.MlDirectory)}")];
}
