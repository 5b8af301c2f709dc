using Mono.Unix.Native;
using Multiplex.ServerTests.Harness;
using Multiplex.Sockets;
using NUnit.Framework;

namespace Multiplex.ServerTests.Contract;

/// <summary>The name of a UNIX-domain socket in the file system belongs to one server at a time, on every model.</summary>
[TestFixtureSource(typeof(SocketNameTests), nameof(Fixtures))]
public sealed class SocketNameTests(string model, ListenForm form)
{
    private static readonly ListenForm[] s_forms = [ListenForm.UnixPath, ListenForm.UnixPacket, ListenForm.UnixGram];

    public static IEnumerable<TestFixtureData> Fixtures =>
        from model in Cells.Models from form in Cells.FormsOf(model).Intersect(s_forms) select new TestFixtureData(model, form);

    [Test]
    public void A_server_that_stops_leaves_the_name_of_the_one_that_took_its_place()
    {
        string endpoint = form.NewEndpoint();
        using ServerProcess first = ServerProcess.Start(model, "rpc", [endpoint]);
        string path = first.Address.FilePath!;
        File.Delete(path);
        using ServerProcess second = ServerProcess.Start(model, "rpc", [endpoint]);
        Assert.That(first.Stop(), Is.Zero);
        using (RpcPeer peer = new(second.Address))
            peer.Null();
        Assert.That(second.Stop(), Is.Zero);
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + "*"), Is.Empty);
    }

    [Test]
    public void Of_servers_started_at_once_at_a_stale_name_one_listens_and_the_others_say_why_not()
    {
        const int Servers = 4;
        string endpoint = form.NewEndpoint();
        using ServerProcess dead = ServerProcess.Start("epoll", "rpc", [endpoint]);
        dead.Signal(Signum.SIGKILL);
        dead.WaitForExit();
        Task<ServerProcess?>[] starts = [.. Enumerable.Range(0, Servers).Select(_ => Task.Factory.StartNew(
            () => TryStart(endpoint), TaskCreationOptions.LongRunning))];
        ServerProcess?[] started = Task.WhenAll(starts).GetAwaiter().GetResult();
        try
        {
            Assert.That(started.OfType<ServerProcess>().Count(), Is.EqualTo(1));
            using RpcPeer peer = new(new ServerAddress(Endpoint.Parse(endpoint)));
            peer.Null();
        }
        finally
        {
            foreach (ServerProcess? server in started)
                server?.Dispose();
        }
    }

    // Null if it ended at once, with one line that says why.
    private ServerProcess? TryStart(string endpoint)
    {
        ServerProcess server = ServerProcess.Launch("serve", "--model", model, "--listen", endpoint);
        Eventually.Holds(() => server.HasExited || server.Output.Count > 0, "the server neither listens nor ends");
        if (server.Output.Count > 0)
            return server;
        Assert.That(server.WaitForExit(), Is.EqualTo(1));
        Assert.That(server.Errors, Has.Count.EqualTo(1));
        Assert.That(server.Errors[0], Does.StartWith($"multiplex: bind {endpoint}").And.Contains("EADDRINUSE").And.Contains("another server is there"));
        server.Dispose();
        return null;
    }
}
