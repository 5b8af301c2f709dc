using System.Net.Sockets;
using System.Text;
using Multiplex.ServerTests.Harness;
using NUnit.Framework;

namespace Multiplex.ServerTests.Serve;

/// <summary>A service manager learns when a server accepts and when it begins to stop, sd_notify(3).</summary>
public sealed class ServiceManagerTests
{
    private const string Variable = "NOTIFY_SOCKET";

    public static IEnumerable<string> Served => Cells.Served;

    [TestCaseSource(nameof(Served))]
    public void It_is_notified_by_every_model(string model) =>
        NotifiedOf($"@multiplex-notify-{Guid.NewGuid():N}", [.. ServerProcess.ServeArguments(model, "rpc", "tcp://127.0.0.1:0")], $"rpc by {model.Split(' ')[0]} at tcp://127.0.0.1:");

    [Test]
    public void Its_socket_may_have_a_path()
    {
        string path = Path.Combine(Path.GetTempPath(), $"multiplex-notify-{Guid.NewGuid():N}");
        NotifiedOf(path, [.. ServerProcess.ServeArguments("poll", "echo", "tcp://127.0.0.1:0", "udp://127.0.0.1:0")], "echo by poll at tcp://127.0.0.1:");
        File.Delete(path);
    }

    [Test]
    public void It_is_notified_by_a_name_service_too() =>
        NotifiedOf($"@multiplex-notify-{Guid.NewGuid():N}", ["rpcbind", "--listen", "tcp://127.0.0.1:0"], "rpcbind by ");

    [TestCase("/there/is/none", "ENOENT")]
    [TestCase("vsock:2:1", "neither a path nor an abstract name")]
    [TestCase("@", "a path is missing")]
    public void A_server_serves_also_where_it_cannot_be_notified(string name, string problem)
    {
        using ServerProcess server = ServerProcess.Start(
            ServerProcess.Command, ServerProcess.ServeArguments("epoll", "echo", "tcp://127.0.0.1:0"), timeout: Eventually.Deadline, environment: new Dictionary<string, string> { [Variable] = name });
        using (TestClient client = new(server.Address))
            client.Exchange("still"u8.ToArray());
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors.Count(line => line.Contains(Variable) && line.Contains(problem)), Is.EqualTo(2), string.Join('\n', server.Errors));
    }

    [Test]
    public void Where_there_is_none_a_server_says_that_it_stores_nothing()
    {
        using ServerProcess server = ServerProcess.Start("epoll", "rpc", ListenForm.Tcp, "--fd-store");
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(server.Errors.Count(line => line.StartsWith("multiplex: --fd-store: no service manager has started this server", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    private static void NotifiedOf(string name, string[] arguments, string status)
    {
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = (int)Eventually.Deadline.TotalMilliseconds };
        manager.Bind(new UnixDomainSocketEndPoint(name[0] == '@' ? $"\0{name[1..]}" : name));
        using ServerProcess server = new(ServerProcess.Command, arguments, new Dictionary<string, string> { [Variable] = name });
        Assert.That(Received(manager), Does.StartWith($"READY=1\nSTATUS={status}"));
        server.AwaitListening(timeout: Eventually.Deadline);
        Assert.That(server.Stop(Eventually.Deadline), Is.Zero);
        Assert.That(Received(manager), Does.StartWith("STOPPING=1\n"));
        Assert.That(manager.Available, Is.Zero, "nothing else is said");
    }

    private static string Received(Socket manager)
    {
        byte[] state = new byte[4096];
        return Encoding.UTF8.GetString(state.AsSpan(0, manager.Receive(state)));
    }
}
