using Multiplex.Interop;
using Multiplex.ServerTests.Harness;
using Multiplex.ServerTests.Harness.Kernel;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>What an idle server holds: memory, and descriptors on each thread.</summary>
public sealed class IdleServerTests
{
    private const int MostResident = 12 << 20;   // bytes, with libc, which others share; measured: 8 to 9 MB, and 16 MB with all that the start has mapped

    [TestCase("select")]
    [TestCase("poll")]
    [TestCase("epoll")]
    public void A_server_keeps_little_of_what_its_start_has_mapped(string model)
    {
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp);
        RequireNative(server);
        Eventually.Holds(() => ProcessTable.ResidentBytesWithFiles(server.Id) < MostResident, "the pages of the start stay mapped");
        using (RpcPeer peer = new(server.Address))
        {
            for (int i = 0; i < 1000; i++)
                peer.Null();
        }

        Assert.That(ProcessTable.ResidentBytesWithFiles(server.Id), Is.LessThan(MostResident), "after 1,000 calls");
        Assert.That(server.Stop(), Is.Zero);
    }

    [Test]
    public void The_memory_of_long_requests_goes_back_to_the_kernel_once_none_come()
    {
        const int Long = 1 << 20, Little = 1 << 20;   // bytes
        string[] models = [.. Cells.ModelsThatAwait];
        ServerProcess[] servers = [.. models.Select(model => ServerProcess.Start(model, "rpc", ListenForm.Tcp))];
        try
        {
            Array.ForEach(servers, RequireNative);
            Array.ForEach(servers, server => Call(server, Long / 32));
            long[] before = Array.ConvertAll(servers, server => ProcessTable.ResidentBytes(server.Id));
            Array.ForEach(servers, server => Call(server, Long));
            for (int i = 0; i < servers.Length; i++)
            {
                ServerProcess server = servers[i];
                long most = before[i] + Little;
                Eventually.Holds(() => ProcessTable.ResidentBytes(server.Id) <= most, $"{models[i]} keeps it");
            }
        }
        finally
        {
            Array.ForEach(servers, server => server.Dispose());
        }
    }

    [TestCase("select")]
    [TestCase("poll")]
    [TestCase("epoll")]
    [TestCase("hybrid")]
    [TestCase("uring")]
    public void The_threads_that_serve_nothing_have_no_descriptor_of_a_socket(string model)
    {
        RequireOwnTables();
        using ServerProcess server = ServerProcess.Start(model, "rpc", ListenForm.Tcp);
        RequireNative(server);
        using RpcPeer peer = new(server.Address);
        peer.Null();
        Assert.That(Sockets(server.Id, server.Id), Has.Count.GreaterThanOrEqualTo(2), "the listener and the connection");
        string[] others = [.. from task in Directory.GetDirectories($"/proc/{server.Id}/task")
                              where File.ReadAllText($"{task}/comm").Trim() is "signals" or ".NET Finalizer"
                              select Path.GetFileName(task)];
        Assert.That(others, Has.Length.EqualTo(2));
        Assert.That(others.SelectMany(thread => Sockets(server.Id, int.Parse(thread))), Is.Empty);
        Assert.That(server.Stop(), Is.Zero);
    }

    private static void Call(ServerProcess server, int size)
    {
        byte[] payload = RandomData.RandomBytes(size);
        for (int i = 0; i < 4; i++)
        {
            using RpcPeer peer = new(server.Address);
            Assert.That(peer.Echo(payload), Is.EqualTo(payload));
        }
    }

    private static void RequireNative(ServerProcess server)
    {
        if (File.ReadLines($"/proc/{server.Id}/maps").Any(line => line.EndsWith("libcoreclr.so", StringComparison.Ordinal)))
            Assert.Ignore("the command is compiled while it runs here");
    }

    // A container may forbid unshare(2). It is tried on a thread that ends afterwards.
    private static void RequireOwnTables()
    {
        SyscallResult result = default;
        Thread thread = new(() => result = Libc.unshare(Libc.CLONE_FILES));
        thread.Start();
        thread.Join();
        if (result.Is(Libc.EPERM))
            Assert.Ignore("unshare(2) is not permitted here");
        result.OrThrow("unshare");
    }

    private static List<string> Sockets(int process, int thread) =>
        [.. from descriptor in Directory.GetFiles($"/proc/{process}/task/{thread}/fd")
            let file = File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name ?? ""
            where file.StartsWith("socket:", StringComparison.Ordinal)
            select file];
}
