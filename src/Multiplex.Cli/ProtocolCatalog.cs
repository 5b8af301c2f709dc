using Multiplex.Demo;
using Multiplex.Load.Workload;
using Multiplex.Nfs.Protocol;
using Multiplex.Nfs.Server;
using Multiplex.Protocols;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli;

/// <summary>A protocol by name.</summary>
/// <param name="Name">What <c>--protocol</c> takes.</param>
/// <param name="Create">Makes it, over a server's counters.</param>
/// <param name="Exchange">The client's side on a kind of socket, for a mix of requests; null of nfs, whose requests are of a tree of files.</param>
/// <param name="Sizes">The least and the most bytes of a payload on a kind of socket; null with <paramref name="Exchange"/>.</param>
internal sealed record ProtocolEntry(
    string Name,
    Func<ServerCounters, ProtocolLimits, IProtocol> Create,
    Func<EndpointKind, RequestMix, Exchange>? Exchange,
    Func<EndpointKind, (int Least, int Most)>? Sizes)
{
    /// <summary>The programs, each with a version, that can be registered with a name service.</summary>
    public IReadOnlyList<(uint Number, uint Version)> Programs { get; init; } = [];

    /// <summary>Whether its clients can ask for TLS.</summary>
    public bool HasTls { get; init; }
}

/// <summary>The limits of a protocol.</summary>
/// <param name="MaxRecord">The longest record, in bytes.</param>
/// <param name="Replies">How many replies are remembered, and for how long; null for none.</param>
/// <param name="Order">In which order the replies of one connection leave.</param>
/// <param name="Echo">Which UDP datagrams are echoed.</param>
/// <param name="Files">What nfs serves; null of another protocol.</param>
/// <param name="Tls">TLS on streams; null for none.</param>
internal sealed record ProtocolLimits(int MaxRecord, ReplyCacheOptions? Replies, ReplyOrder Order, EchoOptions Echo, NfsServerOptions? Files, TlsServerOptions? Tls);

/// <summary>Every protocol: a new one joins by one line.</summary>
internal static class ProtocolCatalog
{
    /// <summary>The name of the protocol that serves files.</summary>
    public const string Nfs = "nfs";

    public static IReadOnlyList<ProtocolEntry> All { get; } =
    [
        new(
            "echo",
            (_, limits) => new EchoProtocol(limits.Echo),
            (kind, mix) => new EchoExchange(kind, mix),
            kind => (EchoExchange.LeastSize(kind), EchoExchange.MostSize(kind))),
        new(
            "rpc",
            (counters, limits) => new RpcProtocol(new MultiplexProgram(counters))
            {
                MaxRecord = limits.MaxRecord,
                Replies = limits.Replies,
                ReplyOrder = limits.Order,
                Tls = limits.Tls,
            },
            (kind, mix) => new RpcExchange(kind, mix),
            kind => (0, RpcExchange.MostSize(kind)))
        {
            HasTls = true,
            Programs = [(MultiplexV1.Program, MultiplexV1.Version)],
        },
        new(
            Nfs,
            (counters, limits) => new RpcProtocol(new NfsServer(limits.Files!, counters).Programs)
            {
                MaxRecord = limits.MaxRecord,
                Replies = limits.Replies,
                ReplyOrder = limits.Order,
                Tls = limits.Tls,
            },
            Exchange: null,
            Sizes: null)
        {
            HasTls = true,
            Programs = [(NfsV3.Program, NfsV3.Version), (MountV3.Program, MountV3.Version)],
        },
    ];
}
