using System.Net;
using System.Net.Sockets;
using Multiplex.Cli.Engines;
using Multiplex.Rpc.Redis;
using Multiplex.Rpc.Server.Stores;

namespace Multiplex.Fleet.Cli;

/// <summary>Redis as what remembers which calls were run.</summary>
internal sealed class RedisReplies : IReplyStoreEngine
{
    private const string Password = "REDISCLI_AUTH";   // redis-cli(1) takes it from there, too

    public ISharedReplies Open(RedisAddress address) => new Opened(RedisReplyStore.ConnectAsync(
        "name=multiplex",
        new() { Database = address.Database },
        redis =>
        {
            redis.EndPoints.Add(address.Path is null ? new DnsEndPoint(address.Host, address.Port) : new UnixDomainSocketEndPoint(address.Path));
            redis.Password = Environment.GetEnvironmentVariable(Password);
        }).GetAwaiter().GetResult());

    private sealed class Opened(RedisReplyStore store) : ISharedReplies
    {
        public IReplyStore Store => store;

        public void Dispose() => store.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
