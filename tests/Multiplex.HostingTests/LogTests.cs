namespace Multiplex.HostingTests;

/// <summary>A server writes to the host's log where it listens, that it has stopped, what failed, and what its limits did.</summary>
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
}
