using Multiplex.Nfs.Client;
using Multiplex.Nfs.Protocol;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Nfs;
using Multiplex.ServerTests.Harness.Relays;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs.Client;

/// <summary>The library's client of NFS and MOUNT over UDP.</summary>
public sealed class DatagramClientTests
{
    private NfsExport _export = null!;

    [SetUp]
    public void Start() => _export = new("epoll", form: ListenForm.Udp);

    [TearDown]
    public void Stop() => _export?.Dispose();

    [Test]
    public async Task Files_and_long_directories_come_back_whole()
    {
        byte[] data = RandomData.RandomBytes((1 << 20) + 1);
        await using NfsClient client = await Connect(_export.Server.Address.Port);
        Assert.That(client.Server.Kind, Is.EqualTo(EndpointKind.Udp));
        await client.WriteAsync("file", new MemoryStream(data));
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
        await using NfsFile file = await client.OpenAsync("file");
        Assert.That((file.ReadSize, file.WriteSize), Is.EqualTo((32 << 10, 32 << 10)));
        Assert.That(await Read(client), Is.EqualTo(data));

        const int Count = 3000;
        Directory.CreateDirectory(_export.At("many"));
        for (int i = 0; i < Count; i++)
            File.WriteAllBytes(_export.At($"many/{i}"), []);
        HashSet<string> names = [];
        await foreach (NfsEntry entry in client.ListAsync("many"))
            Assert.That(names.Add($"{entry}"), Is.True);
        Assert.That(names, Has.Count.EqualTo(Count));
        await client.DisconnectAsync();
    }

    [Test]
    public async Task What_a_network_loses_repeats_and_overtakes_is_called_again_and_done_once()
    {
        using LossyRelay relay = new(_export.Server.Address, seed: 7);
        byte[] data = RandomData.RandomBytes(500_000);
        await using NfsClient client = await Connect(int.Parse(relay.Endpoint.Port, System.Globalization.CultureInfo.InvariantCulture));
        await client.WriteAsync("file", new MemoryStream(data));
        Assert.That(await Read(client), Is.EqualTo(data));

        // None of these calls would succeed a second time.
        for (int i = 0; i < 10; i++)
        {
            await client.MakeDirectoryAsync($"d{i}");
            await (await client.CreateAsync($"d{i}/new", exclusive: true)).DisposeAsync();
            await client.RenameAsync($"d{i}/new", $"d{i}/old");
            await client.LinkAsync($"d{i}/old", $"d{i}/other");
            await client.RemoveAsync($"d{i}/old");
            await client.RemoveAsync($"d{i}/other");
            await client.RemoveDirectoryAsync($"d{i}");
        }

        Assert.That(Directory.GetFileSystemEntries(_export.Root), Has.Length.EqualTo(1));
        Assert.That(relay.Mischief.Lost, Is.Positive);
    }

    [Test]
    public async Task A_server_that_is_started_anew_is_asked_again()
    {
        await using NfsClient client = await Connect(_export.Server.Address.Port);
        byte[] data = RandomData.RandomBytes(300_000);
        await using NfsFile file = await client.CreateAsync("file");
        await file.WriteAsync(0, data);
        _export.KillAndStartAgain();
        await file.CommitAsync();
        Assert.That(File.ReadAllBytes(_export.At("file")), Is.EqualTo(data));
        Assert.That((await file.StatAsync()).Type, Is.EqualTo(Ftype3.Nf3reg));
    }

    private static async Task<byte[]> Read(NfsClient client)
    {
        MemoryStream back = new();
        await client.ReadAsync("file", back);
        return back.ToArray();
    }

    private static Task<NfsClient> Connect(int port) => NfsClient.ConnectAsync(
        $"nfs://127.0.0.1:{port}/x", new() { Transport = EndpointKind.Udp, FirstRetry = TimeSpan.FromMilliseconds(25), Timeout = Eventually.Deadline });
}
