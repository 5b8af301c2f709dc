using System.Runtime.ExceptionServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Rpc.Hosting;

/// <summary>
/// A server of the host: it is started with the host, and stopped with it within the host's time to shut down. If it fails meanwhile, the host is stopped, and
/// its stop throws why.
/// </summary>
/// <remarks>A service of this type, or of the server's name as a key, says where the server listens.</remarks>
public sealed class HostedRpcServer : IHostedService, IAsyncDisposable, IDisposable
{
    private readonly ServerRegistration _registration;
    private readonly IServiceProvider _services;
    private readonly IOptionsMonitor<RpcServerOptions> _options;
    private readonly IHostApplicationLifetime _lifetime;
    private volatile bool _isStopping;

    internal HostedRpcServer(
        ServerRegistration registration, IServiceProvider services, IOptionsMonitor<RpcServerOptions> options, IHostApplicationLifetime lifetime) =>
        (_registration, _services, _options, _lifetime) = (registration, services, options, lifetime);

    /// <summary>The server; null until the host has started it.</summary>
    public RpcServer? Server { get; private set; }

    /// <summary>Where it listens, with the ports that the kernel chose; empty until the host has started it.</summary>
    public IReadOnlyList<Endpoint> Endpoints => Server?.Endpoints ?? [];

    /// <summary>The programs that it serves.</summary>
    internal IReadOnlyList<IRpcProgram> Programs { get; private set; } = [];

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        RpcServerOptions options = _options.Get(_registration.Name);
        if (options.Logger == NullLogger.Instance && _services.GetService<ILoggerFactory>() is { } loggers)
            options.Logger = loggers.CreateLogger(_registration.Name.Length == 0 ? typeof(RpcServer).FullName! : $"{typeof(RpcServer).FullName}.{_registration.Name}");
        Programs = [.. _registration.Programs.Select(program => program(_services))];
        foreach (IRpcProgram program in Programs)
            options.AddProgram(program);
        Server = await RpcServer.StartAsync(options, cancellationToken).ConfigureAwait(false);
        _ = StopHostIfItFailsAsync(Server);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        if (Server is not { } server)
            return;
        await server.StopAsync(cancellationToken).ConfigureAwait(false);
        if (server.Completion.Exception is { } failure)
            ExceptionDispatchInfo.Throw(failure.InnerException!);   // a server that failed is no program that ended well
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Server?.DisposeAsync() ?? default;

    /// <summary>As <see cref="DisposeAsync"/>, which a host that is disposed of without being stopped first needs. Blocks until the server has ended.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async Task StopHostIfItFailsAsync(RpcServer server)
    {
        await server.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_isStopping)
            _lifetime.StopApplication();
    }
}
