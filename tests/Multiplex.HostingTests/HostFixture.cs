using System.Collections.Concurrent;

namespace Multiplex.HostingTests;

/// <summary>A host that serves the greeter on a port that the kernel chooses, and what it has logged.</summary>
public abstract class HostFixture
{
    private readonly List<IHost> _hosts = [];

    protected LogRecords Log { get; private set; } = new();

    [TearDown]
    public async Task DisposeHosts()
    {
        foreach (IHost host in _hosts)
        {
            host.Services.GetService<Gate>()?.Opened.TrySetResult();
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        _hosts.Clear();
        Log = new();
    }

    /// <summary>A builder whose host has no other configuration and logs than those of the test.</summary>
    protected HostApplicationBuilder Builder(params (string Key, string Value)[] configuration)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(configuration.Select(one => KeyValuePair.Create(one.Key, (string?)one.Value)));
        builder.Logging.AddProvider(Log);
        builder.Services.AddSingleton<Visits>().AddScoped<Visit>().AddSingleton<Gate>();
        return builder;
    }

    protected IHost Build(HostApplicationBuilder builder)
    {
        IHost host = builder.Build();
        _hosts.Add(host);
        return host;
    }

    /// <summary>A host that serves the greeter, and has a client for it: the port is known once the server has started.</summary>
    protected async Task<IHost> StartGreeter(Action<RpcServerOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        HostApplicationBuilder builder = Builder();
        builder.Services.AddRpcServer(o => o.Listen("tcp://127.0.0.1:0").UseModel("epoll")).AddProgram<IGreeter, Greeter>();
        if (configure is not null)
            builder.Services.AddRpcServer(configure);
        builder.Services.AddOptions<RpcClientSettings>();
        services?.Invoke(builder.Services);
        IHost host = Build(builder);
        await host.StartAsync();
        return host;
    }

    /// <summary>A client of the host's first server.</summary>
    protected static Task<RpcClient> Connect(IHost host) => RpcClient.ConnectAsync(host.Services.GetRequiredService<HostedRpcServer>().Endpoints[0]);
}

/// <summary>A log that is kept.</summary>
public sealed class LogRecords : ILoggerProvider
{
    private readonly ConcurrentQueue<LogRecord> _records = new();

    public IReadOnlyList<LogRecord> All => [.. _records];

    public ILogger CreateLogger(string categoryName) => new Logger(_records, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(ConcurrentQueue<LogRecord> records, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            records.Enqueue(new(category, logLevel, eventId, formatter(state, exception), exception));
    }
}

public sealed record LogRecord(string Category, LogLevel Level, EventId Event, string Message, Exception? Exception);
