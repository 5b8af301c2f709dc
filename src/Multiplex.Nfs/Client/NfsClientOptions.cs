using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Nfs.Client;

/// <summary>As which user a client calls, from which port, its times and its limits.</summary>
public sealed record NfsClientOptions
{
    /// <summary>The default of every option.</summary>
    public static NfsClientOptions Default { get; } = new();

    /// <summary>The user in the credential, AUTH_SYS; null: the effective user of this process.</summary>
    public uint? Uid { get; init; }

    /// <summary>The group in the credential; null: the effective group of this process.</summary>
    public uint? Gid { get; init; }

    /// <summary>Further groups, at most 16; null: those of this process, or none where <see cref="Uid"/> or <see cref="Gid"/> is given.</summary>
    public IReadOnlyList<uint>? Groups { get; init; }

    /// <summary>
    /// Whether to call from a port below 1024, which servers ask for by default ("secure" of exports(5)) and which takes CAP_NET_BIND_SERVICE. Null:
    /// when this process is root and the kernel lets it have one.
    /// </summary>
    public bool? ReservedPort { get; init; }

    /// <summary>
    /// <see cref="EndpointKind.Tcp"/> or <see cref="EndpointKind.Udp"/>, for MOUNT and NFS. Over UDP a call is sent again until its reply comes, and READs,
    /// WRITEs and lists are of at most 32 KiB. TCP.
    /// </summary>
    public EndpointKind Transport { get; init; } = EndpointKind.Tcp;

    /// <summary>The port of MOUNT where it is another than that of a URL; null: it is the same.</summary>
    public int? MountPort { get; init; }

    /// <summary>The name service to ask where a URL has no port; null is that of the host, at port 111.</summary>
    public Endpoint? NameService { get; init; }

    /// <summary>How long it may take to connect. 10 seconds.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an operation may take, while the server is down and until it is ready (NFS3ERR_JUKEBOX): it is repeated meanwhile, by its xid. A minute.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long to wait for a reply over UDP before a call is sent again; doubled each time. 1 second.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many READs or WRITEs of a file are in flight at a time. 8.</summary>
    public int InFlight { get; init; } = 8;

    /// <summary>
    /// How many bytes of a file that is written are kept for the case that the server starts anew before it has them on the disk; then COMMIT is
    /// called. 64 MiB.
    /// </summary>
    public int MaxUncommitted { get; init; } = 64 << 20;

    /// <summary>The options of a connection.</summary>
    internal RpcClientOptions ForRpc(bool reservedPort) => new()
    {
        Authentication = Credential(),
        BindReservedPort = reservedPort,
        ConnectTimeout = ConnectTimeout,
        Timeout = Timeout,
        FirstRetry = FirstRetry,
        ReconnectFor = Timeout,
        ServerKeepsReplies = true,   // as every NFS client assumes of every server
    };

    private RpcAuthentication Credential()
    {
        if ((Uid, Gid, Groups) is (null, null, null))
            return RpcAuthentication.Sys();
        const uint RandomStamp = 0x8000_0000;   // by it a reply cache knows the client again
        return RpcAuthentication.Sys(
            RandomStamp | (uint)Random.Shared.Next(), Environment.MachineName, Uid ?? Libc.geteuid(), Gid ?? Libc.getegid(), [.. Groups ?? []]);
    }
}
