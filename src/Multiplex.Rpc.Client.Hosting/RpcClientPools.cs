using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Multiplex.Rpc.Client;

namespace Multiplex.Rpc.Hosting;

/// <summary>
/// The clients of a host. Contracts with the same server and the same options share their connections. A connection is made by its first call, and made
/// anew when it breaks; all are closed with the host.
/// </summary>
/// <param name="loggers">The host's; null for none.</param>
internal sealed class RpcClientPools(ILoggerFactory? loggers = null) : IDisposable, IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string Server, int Connections, RpcClientOptions Options), Pool> _pools = new();
    private volatile bool _isDisposed;

    /// <summary>The next client of a server.</summary>
    /// <exception cref="IOException">The host is not known, or its name service does not know the program.</exception>
    /// <exception cref="ObjectDisposedException">The host has been disposed of.</exception>
    public RpcClient Next(RpcClientSettings settings)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        RpcClientOptions options = settings.Options;
        if (options.Logger == NullLogger.Instance && loggers is not null)
            options = options with { Logger = loggers.CreateLogger(typeof(RpcClient).FullName!) };   // the factory gives the same one each time
        return _pools.GetOrAdd((settings.Server, settings.Connections, options), static key => new(key.Server, key.Connections, key.Options)).Next();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (RpcClient client in _pools.Values.SelectMany(pool => pool.Made()))
            client.Dispose();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        foreach (RpcClient client in _pools.Values.SelectMany(pool => pool.Made()))
            await client.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class Pool(string server, int connections, RpcClientOptions options)
    {
        private readonly Lock _gate = new();
        private readonly RpcClient?[] _clients = new RpcClient?[connections];
        private int _next;

        public RpcClient Next()
        {
            lock (_gate)
            {
                ref RpcClient? client = ref _clients[_next];
                client ??= RpcClient.ConnectLater(server, options);
                _next = (_next + 1) % _clients.Length;
                return client;
            }
        }

        public RpcClient[] Made()
        {
            lock (_gate)
                return [.. _clients.OfType<RpcClient>()];
        }
    }
}
