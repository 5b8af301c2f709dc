using System.Net;
using System.Net.Sockets;
using Multiplex.Sockets;

namespace Multiplex.HostingTests;

/// <summary>
/// A server logs its endpoints, its stop, failures and what its limits refused; a client logs its connections and the calls that
/// failed.
/// </summary>
public class LogTests : HostFixture
{
    [Test]
    public async Task The_life_of_a_server_is_logged()
    {
        IHost host = await StartGreeter();
        HostedRpcServer server = host.Services.GetRequiredService<HostedRpcServer>();
        await using (RpcClient client = await Connect(host))
            await client.Create<IGreeter>().GreetAsync("you");
        await host.StopAsync();
        LogRecord[] ours = [.. Log.All.Where(one => one.Category == "Multiplex.Rpc.Server.RpcServer")];
        Assert.That(ours.Select(one => (one.Level, one.Event.Name)), Is.EqualTo(new[] { (LogLevel.Information, "Started"), (LogLevel.Information, "Stopped") }));
        Assert.That(ours[0].Message, Is.EqualTo($"the server listens on {server.Endpoints[0]}, on the model epoll"));
        Assert.That(ours[1].Message, Does.StartWith("the server has stopped: Accepted=1 Closed=1").And.Contains(" Calls=1"));
    }

    [Test]
    public async Task A_failure_of_a_procedure_is_logged_with_its_exception()
    {
        IHost host = await StartGreeter();
        await using RpcClient client = await Connect(host);
        await Assert.ThrowsAsync<RpcSystemErrorException>(() => client.Create<IGreeter>().FailAsync().AsTask());
        LogRecord failure = Log.All.Single(one => one.Level == LogLevel.Error);
        Assert.That(failure.Message, Is.EqualTo("a procedure has failed, and its caller gets SYSTEM_ERR: out of greetings"));
        Assert.That(failure.Exception, Is.InstanceOf<InvalidOperationException>());
    }

    [Test]
    public async Task What_a_limit_did_is_logged_with_how_often()
    {
        IHost host = await StartGreeter(o => o.ServerOptions = o.ServerOptions with { MaxConnections = 1 });
        await using RpcClient first = await Connect(host);
        await first.Create<IGreeter>().GreetAsync("you");
        await using RpcClient second = await Connect(host);
        await Assert.ThatAsync(() => second.Create<IGreeter>().GreetAsync("you").AsTask(), Throws.InstanceOf<RpcConnectionException>());
        Eventually.Holds(() => Log.All.Any(one => one.Event.Name == "Limited"), "nothing is logged of the limit");
        LogRecord limit = Log.All.First(one => one.Event.Name == "Limited");
        Assert.That(limit.Level, Is.EqualTo(LogLevel.Warning));
        Assert.That(limit.Message, Does.Match(@"^\d+ connections refused: too many were open, or no descriptor was left \(Refused is \d+\)$"));
    }

    [Test]
    public async Task The_connections_and_failures_of_a_client_are_logged()
    {
        Tally tally = new();
        Endpoint endpoint = Endpoint.Parse($"unix:@multiplex-hosting-{Guid.NewGuid():N}");   // a TCP port could be another's before the server is started again
        RpcServer server = await RpcServer.StartAsync(o => o.Listen(endpoint), tally);
        RpcClientOptions options = new()
        {
            Logger = Log.CreateLogger("client"),
            ReconnectFor = TimeSpan.Zero,
            Retry = new() { Attempts = 2, FirstPause = TimeSpan.FromMilliseconds(1) },
        };
        await using RpcClient client = await RpcClient.ConnectAsync(endpoint, options);
        Assert.That(client.Create<ITally>().Add(1), Is.EqualTo(1));
        Assert.That(() => client.Create<IGreeter>().GreetAsync("you").AsTask().GetAwaiter().GetResult(), Throws.InstanceOf<RpcProgramUnavailableException>());
        await server.DisposeAsync();
        Assert.That(() => client.Create<ITally>().Sum(), Throws.InstanceOf<RpcConnectionException>());
        await using RpcServer again = await RpcServer.StartAsync(o => o.Listen(endpoint), tally);
        Assert.That(client.Create<ITally>().Sum(), Is.EqualTo(1));

        LogRecord[] all = [.. Log.All.Where(one => one.Level > LogLevel.Debug)];
        Assert.That(all.Select(one => (one.Level, one.Event.Name)), Is.EqualTo(new[]
        {
            (LogLevel.Information, "Connected"), (LogLevel.Warning, "Refused"), (LogLevel.Information, "ConnectionLost"), (LogLevel.Information, "Retried"),
            (LogLevel.Information, "Connected"),
        }));
        Assert.That(all[0].Message, Is.EqualTo($"connected to {endpoint} at {endpoint}"));
        Assert.That(all[1].Message, Does.Match($@"^call {endpoint}: GreeterV1\.Greet \(xid 0x[0-9a-f]{{8}}\): PROG_UNAVAIL: the server does not have this program$"));
        Assert.That(all[2].Message, Does.Match($"^the connection to {endpoint} has ended: .*; 0 calls fail by it, [01] go on$"));
        Assert.That(all[3].Message, Does.StartWith($"call {endpoint}: TallyV1.Sum: attempt 2 of 2 follows: "));
        Assert.That(Log.All.Select(one => one.Event.Name), Has.Member("CannotConnect").And.Member("CallFailed"));
    }

    [Test]
    public async Task A_call_without_a_reply_in_time_is_logged()
    {
        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        await using RpcClient client = await RpcClient.ConnectAsync(
            $"tcp://{silent.LocalEndPoint}", new() { Logger = Log.CreateLogger("client"), Timeout = TimeSpan.FromMilliseconds(50) });
        Assert.That(() => client.Create<ITally>().Sum(), Throws.InstanceOf<RpcTimeoutException>());
        LogRecord late = Log.All.Single(one => one.Level == LogLevel.Warning);
        Assert.That(late.Event.Name, Is.EqualTo("TimedOut"));
        Assert.That(late.Message, Does.Contain("TallyV1.Sum (xid 0x").And.EndWith("no reply in 0.05 s: nothing of a reply had arrived: the server is down or hangs, or what was sent is lost"));
    }

    [Test]
    public async Task The_clients_of_a_host_write_to_its_log()
    {
        IHost host = await StartGreeter();
        Endpoint endpoint = host.Services.GetRequiredService<HostedRpcServer>().Endpoints[0];
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcClient<IGreeter>($"{endpoint}");
        IHost caller = Build(builder);
        await caller.StartAsync();
        await caller.Services.GetRequiredService<IGreeter>().GreetAsync("you");
        Assert.That(Log.All.Where(one => one.Category == "Multiplex.Rpc.Client.RpcClient").Select(one => one.Message), Is.EqualTo(new[] { $"connected to {endpoint} at {endpoint}" }));
    }
}
