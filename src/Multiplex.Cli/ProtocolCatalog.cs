using Multiplex.Demo;
using Multiplex.Load.Workload;
using Multiplex.Nfs.Protocol;
using Multiplex.Nfs.Server;
using Multiplex.Protocols;
using Multiplex.Rpc.Observing;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Server.Stores;
using Multiplex.Sockets;
using Multiplex.Tls;

namespace Multiplex.Cli;

/// <summary>A protocol by name.</summary>
/// <param name="Name">The value of <c>--protocol</c>.</param>
/// <param name="Create">Makes it, over a server's counters.</param>
/// <param name="Exchange">The client's side on a kind of socket, for a mix of requests; null for nfs, whose requests need a tree of files.</param>
/// <param name="Sizes">The limits of a payload's length on a kind of socket, in bytes; null if <paramref name="Exchange"/> is.</param>
internal sealed record ProtocolEntry(
    string Name,
    Func<ServerCounters, ProtocolLimits, IProtocol> Create,
    Func<EndpointKind, RequestMix, Exchange>? Exchange,
    Func<EndpointKind, (int Least, int Most)>? Sizes)
{
    /// <summary>The programs, each with a version, that can be registered with a name service.</summary>
    public IReadOnlyList<(uint Number, uint Version)> Programs { get; init; } = [];

    /// <summary>Whether its clients can request TLS.</summary>
    public bool HasTls { get; init; }

    /// <summary>Whether several servers may share which calls were run.</summary>
    public bool SharesReplies { get; init; }
}

/// <summary>The limits of a protocol.</summary>
/// <param name="MaxRecord">The longest record, in bytes.</param>
/// <param name="Replies">How many replies are remembered, and for how long; null for none.</param>
/// <param name="Order">The order in which the replies of one connection are sent.</param>
/// <param name="Echo">Which UDP datagrams are echoed.</param>
/// <param name="Files">The files that nfs serves; null for another protocol.</param>
/// <param name="Tls">TLS on streams; null for none.</param>
/// <param name="Kept">Memory that is handed over to the next server; null for none.</param>
internal sealed record ProtocolLimits(int MaxRecord, ReplyCacheOptions? Replies, ReplyOrder Order, EchoOptions Echo, NfsServerOptions? Files, TlsServerOptions? Tls, KeptMemory? Kept)
{
    /// <summary>Remembers calls for several servers; null for none.</summary>
    public IReplyStore? ReplyStore { get; init; }

    /// <summary>Whether calls are timed, for metrics.</summary>
    public bool MeasuresCalls { get; init; }

    /// <summary>The access log; null for none.</summary>
    public CallLog? CallLog { get; init; }
}

/// <summary>Every protocol; to add one takes one line here.</summary>
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
            (counters, limits) => new RpcProtocol(new MultiplexProgram(counters, limits.Kept))
            {
                MaxRecord = limits.MaxRecord,
                Replies = limits.Replies,
                ReplyStore = limits.ReplyStore,
                ReplyOrder = limits.Order,
                Tls = limits.Tls,
                MeasuresDurations = limits.MeasuresCalls,
                CallLog = limits.CallLog,
            },
            (kind, mix) => new RpcExchange(kind, mix),
            kind => (0, RpcExchange.MostSize(kind)))
        {
            HasTls = true,
            SharesReplies = true,
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
                MeasuresDurations = limits.MeasuresCalls,
                CallLog = limits.CallLog,
            },
            Exchange: null,
            Sizes: null)
        {
            HasTls = true,
            Programs = [(NfsV3.Program, NfsV3.Version), (MountV3.Program, MountV3.Version)],
        },
    ];
}
