using Multiplex.Rpc.Server.Stores;

namespace Multiplex.Cli.Engines;

/// <summary>What remembers, for all servers of a fleet, which calls were run.</summary>
internal interface IReplyStoreEngine
{
    /// <summary>Connects to it.</summary>
    /// <param name="address">Where it is.</param>
    /// <exception cref="IOException">It cannot be reached.</exception>
    ISharedReplies Open(RedisAddress address);
}

/// <summary>A store of replies that a server uses. To dispose of it takes about as long as the store needs to answer.</summary>
internal interface ISharedReplies : IDisposable
{
    /// <summary>The store.</summary>
    IReplyStore Store { get; }
}
