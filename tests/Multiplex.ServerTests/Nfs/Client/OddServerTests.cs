using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Client;

/// <summary>The library's client of NFS against what RFC 1813 allows a server and few servers do.</summary>
public sealed class OddServerTests
{
    [Test]
    public async Task What_a_server_asks_to_wait_for_is_asked_again()
    {
        OddNfsServer server = new() { Jukebox = 2 };
        await With(server, async client => Assert.That((await client.StatAsync("file")).Type, Is.EqualTo(Ftype3.Nf3reg)));
        Assert.That(server.Jukebox, Is.Zero);
    }

    [Test]
    public async Task A_wait_has_an_end()
    {
        OddNfsServer server = new() { Jukebox = int.MaxValue };
        await With(
            server,
            async client =>
            {
                NfsException? failure = await Assert.ThrowsAsync<NfsException>(async () => await client.StatAsync("file"));
                Assert.That(failure!.StatusName, Is.EqualTo("NFS3ERR_JUKEBOX"));
            },
            new() { Timeout = TimeSpan.FromSeconds(10) });
    }

    [TestCase(1000)]
    [TestCase(4096)]
    public async Task Less_than_was_asked_for_is_completed(int mostAtOnce)
    {
        byte[] data = RandomData.RandomBytes(50_001);
        OddNfsServer server = new() { MostAtOnce = mostAtOnce };
        await With(server, async client =>
        {
            await client.WriteAsync("file", new MemoryStream(data));
            Assert.That(server.Contents, Is.EqualTo(data));
            MemoryStream back = new();
            await client.ReadAsync("file", back);
            Assert.That(back.ToArray(), Is.EqualTo(data));
        });
    }

    [TestCase(1, int.MaxValue)]
    [TestCase(3, int.MaxValue)]
    [TestCase(2, 1000)]
    public async Task What_was_lost_is_written_again_until_it_is_stable(int starts, int mostAtOnce)
    {
        byte[] data = RandomData.RandomBytes(20 * 4096);
        OddNfsServer server = new() { LosesAfterWrites = 7, MostStarts = starts, MostAtOnce = mostAtOnce };
        await With(server, client => client.WriteAsync("file", new MemoryStream(data)));
        Assert.That(server.Contents, Is.EqualTo(data));
        Assert.That(server.Commits, Is.GreaterThan(1));
    }

    [Test]
    public async Task A_server_that_loses_all_before_each_commit_is_given_up()
    {
        OddNfsServer server = new() { LosesBeforeCommits = true };
        await With(server, async client =>
        {
            NfsException? failure = await Assert.ThrowsAsync<NfsException>(() => client.WriteAsync("file", new MemoryStream(new byte[2 * 4096])));
            Assert.That(failure!.Message, Does.Contain("COMMIT file").And.Contain("verifier has changed 10 times"));
        });
        Assert.That((server.Commits, server.Writes), Is.EqualTo((10, 20)), "all of it is written again before each further COMMIT");
    }

    [Test]
    public async Task What_is_stable_is_not_written_again()
    {
        OddNfsServer server = new();
        await With(server, client => client.WriteAsync("file", new MemoryStream(new byte[10 * 4096])));
        Assert.That((server.Writes, server.Commits), Is.EqualTo((10, 1)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_directory_is_listed_with_and_without_READDIRPLUS(bool hasNoReaddirplus)
    {
        await With(new OddNfsServer { HasNoReaddirplus = hasNoReaddirplus }, async client =>
        {
            List<string> names = [];
            await foreach (NfsEntry entry in client.ListAsync(""))
                names.Add($"{entry}");
            Assert.That(names, Is.EqualTo((string[])["file"]));
        });
    }

    [Test]
    public void Verbs_find_an_export_that_is_not_listed_and_attributes_that_are_not()
    {
        OddNfsServer server = new() { HasNoReaddirplus = true };
        using ServedHere served = new(_ => new RpcProtocol(server, server.Mount));
        string url = $"nfs://{served.Address["tcp://".Length..]}/hidden";
        Assert.That(ProgramRun.Multiplex("nfs", "find", url).Lines, Is.EqualTo((string[])["/hidden", "/hidden/file"]));
        Assert.That(ProgramRun.Multiplex("nfs", "ls", "-l", url).Lines, Has.One.StartsWith("---------- 1 0 0 0 "));
        Assert.That(ProgramRun.Multiplex("nfs", "stat", $"{url}/file").Lines, Does.Contain("type:   regular file"));
    }

    private static async Task With(OddNfsServer server, Func<NfsClient, Task> act, NfsClientOptions? options = null)
    {
        using ServedHere served = new(_ => new RpcProtocol(server, server.Mount));
        await using NfsClient client = await NfsClient.ConnectAsync($"nfs://{served.Address["tcp://".Length..]}/hidden", options);
        await act(client);
    }
}
