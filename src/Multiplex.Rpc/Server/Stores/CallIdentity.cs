using System.Buffers.Binary;
using System.IO.Hashing;
using Multiplex.Rpc.Messages;

namespace Multiplex.Rpc.Server.Stores;

/// <summary>
/// What two calls have in common when one is a repeat of the other, whichever server each came to. The client is the stamp, machine name and uid of its AUTH_SYS credential, and
/// nothing of the way that the call came by: neither an address, which behind a proxy is the proxy's, nor a port or a connection, which are new after each reconnect.
/// </summary>
/// <param name="Client">A hash of the client.</param>
/// <param name="Xid">The transaction identifier.</param>
/// <param name="Program">The program's number.</param>
/// <param name="Version">Its version.</param>
/// <param name="Procedure">The procedure's number.</param>
/// <param name="Length">The arguments' length in bytes.</param>
/// <param name="Checksum">A hash of the arguments.</param>
public readonly record struct CallIdentity(UInt128 Client, uint Xid, uint Program, uint Version, uint Procedure, int Length, UInt128 Checksum)
{
    /// <summary>Takes that of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">Its arguments, as they came.</param>
    /// <param name="identity">The identity.</param>
    /// <returns>
    /// False if the client is none that would be known again: its credential is not AUTH_SYS with a random stamp, <see cref="SysCredential.HasRandomStamp"/>.
    /// </returns>
    public static bool TryTake(in RpcCall call, ReadOnlySpan<byte> arguments, out CallIdentity identity)
    {
        identity = default;
        if (!call.Credential.TryGetSys(out SysCredential sys) || !sys.HasRandomStamp)
            return false;
        Span<byte> client = stackalloc byte[(2 * sizeof(uint)) + RpcConstants.MaxMachineName];
        BinaryPrimitives.WriteUInt32BigEndian(client, sys.Stamp);
        BinaryPrimitives.WriteUInt32BigEndian(client[sizeof(uint)..], sys.Uid);
        sys.MachineName.CopyTo(client[(2 * sizeof(uint))..]);
        identity = new(
            XxHash128.HashToUInt128(client[..((2 * sizeof(uint)) + sys.MachineName.Length)]),
            call.Xid,
            call.Program,
            call.Version,
            call.Procedure,
            arguments.Length,
            XxHash128.HashToUInt128(arguments));
        return true;
    }

    /// <summary>The identity as text, such as "20004800.1.1:CLIENT:XID:LENGTH:CHECKSUM", all numbers in hexadecimal: a key by which servers find the call.</summary>
    public override string ToString() => $"{Program:x}.{Version:x}.{Procedure:x}:{Client:x32}:{Xid:x8}:{Length:x}:{Checksum:x32}";
}
