using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Multiplex.HostingTests;

/// <summary>A server that was added to a host starts and stops with it, is configured by it, and has its programs from its services.</summary>
public class HostedServerTests : HostFixture
{
    [Test]
    public async Task A_hosted_program_is_called_by_an_injected_contract()
    {
        // A usual program, but for the port, which the kernel chooses: the client's options are read when it is resolved.
        IHost host = null!;
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:0").UseModel("epoll")).AddProgram<IGreeter, Greeter>();
        builder.Services.AddRpcClient<IGreeter>("tcp://127.0.0.1:0", settings =>
            settings.Server = host.Services.GetRequiredService<HostedRpcServer>().Endpoints is [var endpoint] ? $"{endpoint}" : "tcp://127.0.0.1:1");
        builder.Services.Remove(builder.Services.Last(one => one.ServiceType == typeof(IStartupValidator)));
        host = Build(builder);
        await host.StartAsync();
        Assert.That(await host.Services.GetRequiredService<IGreeter>().GreetAsync("world"), Is.EqualTo("hello, world, visit 1"));
    }

    [TestCase("epoll")]
    [TestCase("poll")]
    [TestCase("threads")]
    [TestCase("pool")]
    [TestCase("hybrid")]
    [TestCase("reactors")]
    [TestCase("uring")]
    public async Task Each_call_has_a_scope_that_is_disposed_of_with_it(string model)
    {
        IHost host = await StartGreeter(o => o.UseModel(model));
        await using RpcClient client = await Connect(host);
        IGreeter greeter = client.Create<IGreeter>();
        string[] greetings = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => greeter.GreetAsync($"{i}").AsTask()));
        Assert.That(greetings.Select(one => one.Split("visit ")[1]), Is.EquivalentTo(Enumerable.Range(1, 20).Select(i => $"{i}")));
        Visits visits = host.Services.GetRequiredService<Visits>();
        Assert.That((visits.Begun, visits.Ended), Is.EqualTo((20, 20)), "a scope is disposed of before the reply leaves");
    }

    [Test]
    public async Task A_scope_of_a_call_that_fails_is_disposed_of_too()
    {
        IHost host = await StartGreeter();
        await using RpcClient client = await Connect(host);
        await Assert.ThrowsAsync<RpcSystemErrorException>(() => client.Create<IGreeter>().FailAsync().AsTask());
        Assert.That(host.Services.GetRequiredService<Visits>().Ended, Is.EqualTo(1));
    }

    [Test]
    public async Task An_implementation_that_is_a_singleton_serves_all_calls()
    {
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcServer(o => o.Listen($"unix:@multiplex-hosting-{Environment.ProcessId}-tally")).AddProgram<ITally, Tally>();
        builder.Services.AddSingleton<Tally>();
        IHost host = Build(builder);
        await host.StartAsync();
        await using RpcClient client = await Connect(host);
        ITally tally = client.Create<ITally>();
        Assert.That((tally.Add(3), tally.Add(4)), Is.EqualTo((3, 7)));
        Assert.That(host.Services.GetRequiredService<Tally>().Add(0), Is.EqualTo(7));
    }

    [Test]
    public async Task A_stop_of_the_host_answers_the_call_in_progress()
    {
        IHost host = await StartGreeter();
        await using RpcClient client = await Connect(host);
        Gate gate = host.Services.GetRequiredService<Gate>();
        Task<int> call = client.Create<IGreeter>().WaitAsync().AsTask();
        await gate.Entered.Task;
        Task stop = host.StopAsync();
        Assert.That(stop.IsCompleted, Is.False);
        gate.Opened.SetResult();
        Assert.That(await call, Is.EqualTo(1));
        await stop;
    }

    [Test]
    public async Task The_hosts_time_to_shut_down_cuts_off_a_call_that_does_not_end()
    {
        IHost host = await StartGreeter();
        await using RpcClient client = await Connect(host);
        Task<int> call = client.Create<IGreeter>().WaitAsync().AsTask();
        await host.Services.GetRequiredService<Gate>().Entered.Task;
        using CancellationTokenSource impatient = new();
        Task stop = host.StopAsync(impatient.Token);
        await impatient.CancelAsync();
        try
        {
            await stop.WaitAsync(Eventually.Deadline);
        }
        catch (OperationCanceledException)
        {
            // StopAsync reports that its token ended the shutdown.
        }

        await Assert.ThatAsync(() => call.WaitAsync(Eventually.Deadline), Throws.InstanceOf<RpcException>());
    }

    [Test]
    public async Task The_configuration_goes_before_the_code()
    {
        HostApplicationBuilder builder = Builder(
            ("Multiplex:Server:Listen:0", $"unix:@multiplex-hosting-{Environment.ProcessId}-a"), ("Multiplex:Server:Listen:1", "tcp://127.0.0.1:0"),
            ("Multiplex:Server:model", "threads"), ("Multiplex:Server:MaxConnections", "3"), ("Multiplex:Server:IdleTimeout", "00:00:07"));
        builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:0").UseModel("epoll")).AddProgram<IGreeter, Greeter>();
        IHost host = Build(builder);
        await host.StartAsync();
        HostedRpcServer server = host.Services.GetRequiredService<HostedRpcServer>();
        RpcServerOptions options = host.Services.GetRequiredService<IOptionsMonitor<RpcServerOptions>>().CurrentValue;
        Assert.That(server.Endpoints.Select(one => $"{one.Kind}"), Is.EqualTo(new[] { "Unix", "Tcp" }));
        Assert.That((options.Model, options.ServerOptions.MaxConnections, options.ServerOptions.IdleTimeout), Is.EqualTo(("threads", 3, TimeSpan.FromSeconds(7))));
    }

    [TestCase("Multiplex:Server:Model", "epol", "there is no server model 'epol'")]
    [TestCase("Multiplex:Server:Modle", "epoll", "Multiplex:Server:Modle: there is no such setting: write one of Listen, Model, ")]
    [TestCase("Multiplex:Server:Listen", "tcp:127.0.0.1", "Multiplex:Server:Listen: 'tcp:127.0.0.1' is not an endpoint")]
    [TestCase("Multiplex:Server:IdleTimeout", "15", "Multiplex:Server:IdleTimeout: '15' is no time: write hours, minutes and seconds, such as 00:00:30")]
    [TestCase("Multiplex:Server:MaxConnections", "0", "Multiplex:Server:MaxConnections: '0' is no number from 1")]
    [TestCase("Multiplex:Server:Strict", "yes", "Multiplex:Server:Strict: 'yes' is neither true nor false")]
    [TestCase("Multiplex:Server:ReplyOrder", "none", "Multiplex:Server:ReplyOrder: 'none' is not one of Calls, Any")]
    [TestCase("Multiplex:Server:TlsCertificate", "server.pem", "TLS needs a certificate and its key: write Multiplex:Server:TlsCertificate and Multiplex:Server:TlsKey, each the name of a PEM file")]
    [TestCase("Multiplex:Server:TlsPolicy", "maybe", "Multiplex:Server:TlsPolicy: 'maybe' is not one of Optional, Required")]
    [TestCase("Multiplex:Server:Listen", "udp://127.0.0.1:0", "threads does not serve udp://127.0.0.1:0")]
    [TestCase("Multiplex:Clients:IGreeter:Server", "localhost:4000", "'localhost:4000' is not an endpoint")]
    [TestCase("Multiplex:Clients:IGreeter:Connections", "many", "Multiplex:Clients:IGreeter:Connections: 'many' is no number from 1 to 1024")]
    public async Task What_is_wrong_in_the_configuration_is_said_in_one_line_when_the_host_starts(string key, string value, string line)
    {
        HostApplicationBuilder builder = Builder(("Multiplex:Server:Model", "threads"), ("Multiplex:Server:Listen", "tcp://127.0.0.1:0"));
        builder.Configuration.AddInMemoryCollection([new(key, value)]);
        builder.Services.AddRpcServer().AddProgram<IGreeter, Greeter>();
        builder.Services.AddRpcClient<IGreeter>("tcp://127.0.0.1:1");
        IHost host = Build(builder);
        OptionsValidationException? wrong = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.That(wrong!.Message, Does.StartWith(line).And.Not.Contains("\n"));
    }

    [Test]
    public void The_configuration_of_the_guide_is_taken()
    {
        string guide = File.ReadAllText(Path.Combine(Repository.Root, "docs/rpc.md")), json = guide.Split("```json\n")[1].Split("```\n")[0];
        HostApplicationBuilder builder = Builder();
        using MemoryStream stream = new(System.Text.Encoding.UTF8.GetBytes(json));
        builder.Configuration.AddJsonStream(stream);
        builder.Services.AddRpcServer().AddProgram<IGreeter, Greeter>();
        builder.Services.AddRpcClient<IGreeter>();
        IHost host = Build(builder);
        host.Services.GetRequiredService<IStartupValidator>().Validate();
        RpcServerOptions options = host.Services.GetRequiredService<IOptionsMonitor<RpcServerOptions>>().CurrentValue;
        Assert.That(options.Endpoints.Select(one => $"{one}"), Is.EqualTo(new[] { "tcp://*:4000", "unix:/run/greeter" }));
        Assert.That((options.Model, options.ServerOptions.Workers, options.CallTimeout), Is.EqualTo(("hybrid", 32, TimeSpan.FromSeconds(30))));
    }

    [Test]
    public async Task The_TLS_of_a_server_and_of_a_client_comes_from_the_configuration()
    {
        using Certificates certificates = new();
        string endpoint = $"unix:@multiplex-hosted-tls-{Environment.ProcessId}";
        HostApplicationBuilder builder = Builder(
            ("Multiplex:Server:Listen", endpoint),
            ("Multiplex:Server:TlsCertificate", certificates["server.pem"]),
            ("Multiplex:Server:TlsKey", certificates["server.key"]),
            ("Multiplex:Server:TlsClientCa", certificates.Authority),
            ("Multiplex:Server:TlsPolicy", "required"),
            ("Multiplex:Clients:IGreeter:Server", endpoint),
            ("Multiplex:Clients:IGreeter:TlsCa", certificates.Authority),
            ("Multiplex:Clients:IGreeter:TlsHost", "localhost"),
            ("Multiplex:Clients:IGreeter:TlsCertificate", certificates["client.pem"]),
            ("Multiplex:Clients:IGreeter:TlsKey", certificates["client.key"]));
        builder.Services.AddRpcServer().AddProgram<IGreeter, Greeter>();
        builder.Services.AddRpcClient<IGreeter>();
        builder.Services.AddKeyedRpcClient<IGreeter>("plain", endpoint);
        IHost host = Build(builder);
        await host.StartAsync();
        Assert.That(await host.Services.GetRequiredService<IGreeter>().GreetAsync("you"), Does.StartWith("hello, you"));
        RpcAuthenticationException? weak = await Assert.ThrowsAsync<RpcAuthenticationException>(() => host.Services.GetRequiredKeyedService<IGreeter>("plain").GreetAsync("you").AsTask());
        Assert.That(weak!.Status, Is.EqualTo(Rpc.Messages.AuthenticationStatus.TooWeak));
        Assert.That(host.Services.GetRequiredService<HostedRpcServer>().Server!.Counters[Counter.TlsConnections], Is.EqualTo(1));
    }

    [Test]
    public async Task A_server_without_endpoint_or_program_is_refused_when_the_host_starts()
    {
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcServer().AddProgram<IGreeter, Greeter>();
        await Assert.ThatAsync(() => Build(builder).StartAsync(), Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("call Listen, or write Multiplex:Server:Listen"));
        HostApplicationBuilder other = Builder();
        other.Services.AddRpcServer("second", o => o.Listen("tcp://127.0.0.1:0"));
        await Assert.ThatAsync(() => Build(other).StartAsync(), Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("call AddProgram"));
    }

    [Test]
    public async Task Servers_of_different_names_stand_beside_each_other()
    {
        HostApplicationBuilder builder = Builder(("Multiplex:Servers:second:Listen", "tcp://127.0.0.1:0"));
        builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:0")).AddProgram<IGreeter, Greeter>();
        builder.Services.AddRpcServer("second").AddProgram(new Tally());
        IHost host = Build(builder);
        await host.StartAsync();
        await using RpcClient first = await Connect(host), second = await RpcClient.ConnectAsync(host.Services.GetRequiredKeyedService<HostedRpcServer>("second").Endpoints[0]);
        Assert.That(await first.Create<IGreeter>().GreetAsync("you"), Does.StartWith("hello, you"));
        Assert.That(second.Create<ITally>().Add(5), Is.EqualTo(5));
        Assert.That(() => first.Create<ITally>().Add(5), Throws.InstanceOf<RpcProgramUnavailableException>());
    }

    [Test]
    public async Task A_server_that_fails_stops_the_host_and_its_stop_says_why()
    {
        IHost host = await StartGreeter(o => o.Observer = new FailingObserver());
        TaskCompletionSource stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        await using RpcClient client = await Connect(host);
        Assert.That(() => client.Create<ITally>().Add(1), Throws.InstanceOf<RpcException>());
        await stopping.Task.WaitAsync(Eventually.Deadline);
        await Assert.ThatAsync(() => host.StopAsync(), Throws.InvalidOperationException.With.Message.EqualTo("out of order"));
        Assert.That(Log.All.Single(one => one.Level == LogLevel.Critical).Message, Is.EqualTo("the server has failed: out of order"));
    }

    [Test]
    public async Task The_health_check_calls_the_server()
    {
        IHost host = await StartGreeter(services: services => services.AddHealthChecks().AddRpcServerCheck());
        HealthCheckService checks = host.Services.GetRequiredService<HealthCheckService>();
        HealthReportEntry healthy = (await checks.CheckHealthAsync()).Entries["rpc server"];
        Assert.That((healthy.Status, healthy.Description), Is.EqualTo((HealthStatus.Healthy, $"{host.Services.GetRequiredService<HostedRpcServer>().Endpoints[0]} answers")));
        await host.StopAsync();
        Assert.That((await checks.CheckHealthAsync()).Entries["rpc server"].Status, Is.EqualTo(HealthStatus.Unhealthy));
    }

    // An observer must not throw: one that does ends the server, whose loop it runs on.
    private sealed class FailingObserver : RpcObserver
    {
        public override void Refused(RpcContext context, Multiplex.Rpc.Messages.AcceptStatus? status, Multiplex.Rpc.Messages.AuthenticationStatus why) =>
            throw new InvalidOperationException("out of order");
    }
}
