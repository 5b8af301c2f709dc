using Multiplex.Cli.Engines;
using Multiplex.Cli.Options;
using Multiplex.Models;

namespace Multiplex.Cli.Serving;

/// <summary>The store in which a server shares with others which calls it has run: --reply-store.</summary>
internal sealed class SharedReplies
{
    private const string Option = "--reply-store";

    private readonly string _url;
    private readonly RedisAddress _address;

    private SharedReplies(string url, RedisAddress address) => (_url, _address) = (url, address);

    /// <summary>That of a server's options; null where it has none. It only looks for mistakes in them.</summary>
    /// <exception cref="UsageException">They are wrong.</exception>
    public static SharedReplies? Of(ServeOptions options, ServerModelEntry model, ProtocolEntry protocol)
    {
        if (options.ReplyStore is not { } url)
            return null;
        RedisAddress address = Values.Parsed(Option, url, RedisAddress.Parse);
        if (!protocol.SharesReplies)
            throw new UsageException($"{Option} {url}: {protocol.Name} shares no replies; {string.Join(", ", ProtocolCatalog.All.Where(one => one.SharesReplies).Select(one => one.Name))} does");
        if (model.Forks)
        {
            throw new UsageException($"{Option} {url}: {model.Name} forks, and a child has no thread that waits for the store; "
                + string.Join(", ", ServerModelCatalog.All.Where(one => !one.Forks).Select(one => one.Name)) + " have it");
        }

        return options.Chroot is null
            ? new(url, address)
            : throw new UsageException($"{Option} {url}: the server connects to it again when it has to, and sees no names or paths below --chroot; leave out one of them");
    }

    /// <summary>The client of the store. In multiplex, the process goes on as multiplex-fleet and this does not return: not for options that are only checked.</summary>
    /// <exception cref="IOException">There is no multiplex-fleet.</exception>
    public IReplyStoreEngine FindEngine() => FleetEngines.FindReplyStore(Option, _url);

    /// <summary>Connects to it.</summary>
    /// <exception cref="IOException">It cannot be reached.</exception>
    public ISharedReplies Open() => FindEngine().Open(_address);
}
