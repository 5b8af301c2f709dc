using Multiplex.Interop;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Messages;
using Multiplex.Sockets;

namespace Multiplex.Nfs.Client;

/// <summary>The options of a client: its user, its port, its time-outs and its limits.</summary>
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
    /// Whether to call from a port below 1024, which servers require by default ("secure" of exports(5)) and which takes CAP_NET_BIND_SERVICE. Null:
    /// if this process is root and the kernel allows it.
    /// </summary>
    public bool? ReservedPort { get; init; }

    /// <summary>
    /// <see cref="EndpointKind.Tcp"/> or <see cref="EndpointKind.Udp"/>, for MOUNT and NFS. Over UDP a call is sent again until its reply comes, and READs,
    /// WRITEs and lists are of at most 32 KiB. TCP.
    /// </summary>
    public EndpointKind Transport { get; init; } = EndpointKind.Tcp;

    /// <summary>The port of MOUNT; null: the port in the URL, as for NFS.</summary>
    public int? MountPort { get; init; }

    /// <summary>The name service to ask if a URL has no port; null: the host's, at port 111.</summary>
    public Endpoint? NameService { get; init; }

    /// <summary>How long it may take to connect. 10 seconds.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an operation may take, including the time while the server is down or not ready (NFS3ERR_JUKEBOX): it is repeated meanwhile under its xid. A minute.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long to wait for a reply over UDP before a call is sent again; doubled each time. 1 second.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many READs or WRITEs of a file are in flight at a time. 8.</summary>
    public int InFlight { get; init; } = 8;

    /// <summary>
    /// How many written bytes of a file are kept in case the server restarts before they are on its disk; beyond that, COMMIT is
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
        const uint RandomStamp = 0x8000_0000;   // so that a reply cache recognizes the client
        return RpcAuthentication.Sys(
            RandomStamp | (uint)Random.Shared.Next(), Environment.MachineName, Uid ?? Libc.geteuid(), Gid ?? Libc.getegid(), [.. Groups ?? []]);
    }
}
