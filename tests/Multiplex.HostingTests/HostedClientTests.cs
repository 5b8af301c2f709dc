namespace Multiplex.HostingTests;

/// <summary>A client that was added to a host is injected as its contract, connects when it is first called, shares connections, and ends with the host.</summary>
public class HostedClientTests : HostFixture
{
    [Test]
    public async Task A_client_connects_when_it_is_called_first_and_again_after_its_server_was_restarted()
    {
        string endpoint = $"unix:@multiplex-hosting-{Environment.ProcessId}-later";
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcClient<ITally>(endpoint);
        IHost host = Build(builder);
        await host.StartAsync();
        ITally tally = host.Services.GetRequiredService<ITally>();   // no server listens there yet
        await using (RpcServer server = await RpcServer.StartAsync(o => o.Listen(endpoint), new Tally()))
        {
            Assert.That(tally.Add(2), Is.EqualTo(2));
            Assert.That(server.Counters[Counter.Accepted], Is.EqualTo(1));
        }

        await using RpcServer next = await RpcServer.StartAsync(o => o.Listen(endpoint), new Tally());
        Assert.That(tally.Add(3), Is.EqualTo(3));
    }

    [Test]
    public void A_call_fails_when_nothing_listens_for_as_long_as_a_connection_is_tried()
    {
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcClient<ITally>($"unix:@multiplex-hosting-{Environment.ProcessId}-none", settings => settings.Options = new() { ReconnectFor = TimeSpan.FromMilliseconds(50) });
        ITally tally = Build(builder).Services.GetRequiredService<ITally>();
        Assert.That(() => tally.Add(1), Throws.InstanceOf<RpcConnectionException>().With.Message.Contains("ECONNREFUSED"));
    }

    [TestCase(1, 1)]
    [TestCase(3, 3)]
    public async Task Stubs_take_turns_on_the_connections_of_their_server(int connections, int accepted)
    {
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        HostApplicationBuilder builder = Builder(("Multiplex:Clients:ITally:Connections", $"{connections}"));
        builder.Services.AddRpcClient<ITally>($"{server.Endpoints[0]}");
        IHost host = Build(builder);
        int[] sums = [.. Enumerable.Range(0, 6).Select(_ => host.Services.GetRequiredService<ITally>().Add(1))];
        Assert.That((sums[^1], server.Counters[Counter.Accepted]), Is.EqualTo((6, accepted)));
    }

    [Test]
    public async Task Contracts_with_one_server_share_its_connection()
    {
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally(), new Greeter(new(new()), new()));
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcClient<ITally>($"{server.Endpoints[0]}").AddRpcClient<IGreeter>($"{server.Endpoints[0]}");
        IHost host = Build(builder);
        Assert.That(host.Services.GetRequiredService<ITally>().Add(1), Is.EqualTo(1));
        Assert.That(await host.Services.GetRequiredService<IGreeter>().GreetAsync("you"), Is.EqualTo("hello, you, visit 1"));
        Assert.That(server.Counters[Counter.Accepted], Is.EqualTo(1));
    }

    [Test]
    public async Task Servers_of_one_contract_are_told_apart_by_keys()
    {
        await using RpcServer first = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally()), second = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        HostApplicationBuilder builder = Builder(("Multiplex:Clients:second:Server", $"{second.Endpoints[0]}"));
        builder.Services.AddKeyedRpcClient<ITally>("first", $"{first.Endpoints[0]}").AddKeyedRpcClient<ITally>("second");
        IHost host = Build(builder);
        Assert.That(host.Services.GetRequiredKeyedService<ITally>("first").Add(1), Is.EqualTo(1));
        Assert.That(host.Services.GetRequiredKeyedService<ITally>("second").Add(2), Is.EqualTo(2));
        Assert.That((first.Counters[Counter.Accepted], second.Counters[Counter.Accepted]), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task The_connection_is_closed_with_the_host()
    {
        await using RpcServer server = await RpcServer.StartAsync(o => o.Listen("tcp://127.0.0.1:0"), new Tally());
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcClient<ITally>($"{server.Endpoints[0]}");
        using (IHost host = builder.Build())
            host.Services.GetRequiredService<ITally>().Add(1);
        Eventually.Holds(() => server.Counters[Counter.Closed] == 1, "the server has not seen the connection close");
    }
}
