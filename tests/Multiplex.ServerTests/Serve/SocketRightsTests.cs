using Mono.Unix;
using Multiplex.Interop;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>The files and names of a server: UNIX-domain sockets have the owner and the permissions that are asked for, and chroot(2) leaves no others.</summary>
public sealed class SocketRightsTests
{
    private static readonly ListenForm[] s_forms = [ListenForm.UnixPath, ListenForm.UnixPacket, ListenForm.UnixGram];

    [SetUp]
    public void Only_as_root()
    {
        if (Libc.geteuid() != 0)
            Assert.Ignore("only root may give files away");
    }

    [TestCase("0660", "65534:65533", 0x1B0, 65534, 65533)]
    [TestCase("600", null, 0x180, 0, 0)]
    [TestCase(null, "65534:65534", null, 65534, 65534)]
    public void UNIX_domain_sockets_have_the_owner_and_permissions_that_are_asked_for(string? mode, string? owner, int? permissions, int user, int group)
    {
        string[] options = [.. mode is null ? (string[])[] : ["--socket-mode", mode], .. owner is null ? (string[])[] : ["--socket-owner", owner]];
        using ServerProcess server = ServerProcess.Start("epoll", "echo", [.. s_forms.Select(form => form.NewEndpoint()), ListenForm.Tcp.NewEndpoint()], options);
        foreach (string path in server.Addresses.Select(address => address.FilePath).OfType<string>())
        {
            UnixFileInfo file = new(path);
            Assert.That((permissions is null ? null : (int?)file.FileAccessPermissions, file.OwnerUserId, file.OwnerGroupId), Is.EqualTo((permissions, (long)user, (long)group)), path);
        }

        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
    }

    [Test]
    public void A_user_without_the_right_does_not_connect()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "echo", ListenForm.UnixPath, "--socket-mode", "600", "--user", $"{AsUser.Nobody}:{AsUser.Nobody}");
        Assert.That(AsUser.Run(AsUser.Nobody, () => server.Address.TakesConnections()), Is.False);
        Assert.That(server.Address.TakesConnections(), Is.True);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        File.Delete(server.Address.FilePath!);   // that user may not
    }

    [TestCase("epoll")]
    [TestCase("threads")]
    [TestCase("uring")]
    public void In_an_empty_folder_a_server_serves(string model)
    {
        string root = Directory.CreateTempSubdirectory("multiplex-root-").FullName;
        try
        {
            using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp, ["--chroot", root, "--user", $"{AsUser.Nobody}:{AsUser.Nobody}"]);
            using (RpcPeer peer = new(server.Address))
                peer.Null();
            Assert.That(File.ResolveLinkTarget($"/proc/{server.Id}/root", returnFinalTarget: false)!.FullName, Is.EqualTo(root));
            Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        }
        finally
        {
            Directory.Delete(root);
        }
    }
}
