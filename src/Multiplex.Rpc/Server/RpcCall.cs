namespace Multiplex.Rpc;

/// <summary>A call as its procedure sees it, but for the arguments. It stands over the received bytes: nothing is allocated.</summary>
/// <param name="xid">See <see cref="Xid"/>.</param>
/// <param name="program">See <see cref="Program"/>.</param>
/// <param name="version">See <see cref="Version"/>.</param>
/// <param name="procedure">See <see cref="Procedure"/>.</param>
/// <param name="peer">See <see cref="Peer"/>.</param>
/// <param name="credential">See <see cref="Credential"/>.</param>
public readonly ref struct RpcCall(
    uint xid, uint program, uint version, uint procedure, Peer peer, RpcCredential credential = default)
{
    /// <summary>Transaction identifier: the reply carries the same, and so does a call that is sent again.</summary>
    public uint Xid { get; } = xid;

    /// <summary>The program's number.</summary>
    public uint Program { get; } = program;

    /// <summary>The program's version.</summary>
    public uint Version { get; } = version;

    /// <summary>The procedure's number.</summary>
    public uint Procedure { get; } = procedure;

    /// <summary>Where the call came from, as the kernel told it.</summary>
    public Peer Peer { get; } = peer;

    /// <summary>Who the caller says it is; by default AUTH_NONE.</summary>
    public RpcCredential Credential { get; } = credential;
}
