using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server;

/// <summary>A call as its procedure sees it, but for the arguments. It stands over the received bytes: nothing is allocated.</summary>
/// <param name="xid">See <see cref="Xid"/>.</param>
/// <param name="program">See <see cref="Program"/>.</param>
/// <param name="version">See <see cref="Version"/>.</param>
/// <param name="procedure">See <see cref="Procedure"/>.</param>
/// <param name="peer">See <see cref="Peer"/>.</param>
/// <param name="credential">See <see cref="Credential"/>.</param>
public ref struct RpcCall(
    uint xid, uint program, uint version, uint procedure, Peer peer, RpcCredential credential = default)
{
    /// <summary>Transaction identifier: the reply carries the same, and so does a call that is sent again.</summary>
    public uint Xid { get; private set; } = xid;

    /// <summary>The program's number.</summary>
    public uint Program { get; private set; } = program;

    /// <summary>The program's version.</summary>
    public uint Version { get; private set; } = version;

    /// <summary>The procedure's number.</summary>
    public uint Procedure { get; private set; } = procedure;

    /// <summary>The peer, as the kernel reports it.</summary>
    public Peer Peer { get; private set; } = peer;

    /// <summary>The credential of the call, which proves nothing; by default AUTH_NONE.</summary>
    public RpcCredential Credential { get; } = credential;

    /// <summary>The call, to be kept for longer than its bytes.</summary>
    internal readonly RpcContext ToContext(string? program, ProcedureEntry? entry, DateTimeOffset? deadline = null, CancellationToken cancellation = default) =>
        new(Peer, Credential)
        {
            Xid = Xid,
            Procedure = new(Program, Version, Procedure, entry?.IsIdempotent ?? false),
            ProgramName = program,
            ProcedureName = entry?.Name,
            Cancellation = cancellation,
            Deadline = deadline,
        };

    /// <summary>
    /// Fills in the call of a plain head, <see cref="CallHeader.IsPlain"/>. In its place: a struct of this size that is made elsewhere is
    /// copied, and to wait for that takes as long as all the rest of a head.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Take(ReadOnlySpan<byte> head, scoped in Peer peer)
    {
        Xid = BinaryPrimitives.ReadUInt32BigEndian(head);
        Program = BinaryPrimitives.ReadUInt32BigEndian(head[CallHeader.ProgramOffset..]);
        Version = BinaryPrimitives.ReadUInt32BigEndian(head[CallHeader.VersionOffset..]);
        Procedure = BinaryPrimitives.ReadUInt32BigEndian(head[CallHeader.ProcedureOffset..]);
        Peer = peer;
    }
}
