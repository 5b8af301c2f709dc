using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using Multiplex.Sockets;

namespace Multiplex.Rpc;

/// <summary>What two calls have in common when one is a repeat of the other.</summary>
/// <param name="Caller">A hash of the caller.</param>
/// <param name="Checksum">A hash of the arguments.</param>
/// <param name="Length">The arguments' length in bytes.</param>
/// <param name="Xid">The transaction.</param>
/// <param name="Program">The program's number.</param>
/// <param name="Version">Its version.</param>
/// <param name="Procedure">The procedure's number.</param>
/// <param name="Kind">The kind of socket.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct CallKey(
    ulong Caller, ulong Checksum, uint Length, uint Xid, uint Program, uint Version, uint Procedure, uint Kind)
{
    // The longest address with a connection's number before it, or AUTH_SYS's longest machine name with what goes with it.
    private const int LongestCaller = 512;

    /// <summary>Takes the key of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="arguments">Its arguments, as they came.</param>
    /// <param name="seed">Makes the hashes of this server different from any other's, so that nobody can prepare a collision.</param>
    /// <param name="key">The key.</param>
    /// <returns>False when nothing tells this caller from others.</returns>
    public static bool TryTake(in RpcCall call, ReadOnlySpan<byte> arguments, long seed, out CallKey key)
    {
        Span<byte> caller = stackalloc byte[LongestCaller];
        int length = call.Credential.TryGetSys(out SysCredential sys) && sys.HasRandomStamp && IsPlaceKnown(call.Peer)
            ? Write(sys, call.Peer, caller)
            : Write(call.Peer, caller);
        key = length == 0 ? default : new(
            XxHash3.HashToUInt64(caller[..length], seed),
            XxHash3.HashToUInt64(arguments, seed),
            (uint)arguments.Length,
            call.Xid,
            call.Program,
            call.Version,
            call.Procedure,
            (uint)call.Peer.Kind);
        return length > 0;
    }

    /// <summary>A hash of the key.</summary>
    public ulong Hash(long seed) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(new ReadOnlySpan<CallKey>(in this)), seed);

    // On a UNIX-domain socket the place is the user, by the kernel's word: a credential says what its sender likes.
    private static bool IsPlaceKnown(in Peer peer) => peer.Kind.IsInternet() ? !peer.Host.IsEmpty : peer.Unix is not null;

    // Without port and connection: this caller is known again on another connection.
    private static int Write(in SysCredential sys, in Peer peer, Span<byte> caller)
    {
        BinaryPrimitives.WriteUInt32BigEndian(caller, sys.Stamp);
        BinaryPrimitives.WriteUInt32BigEndian(caller[4..], sys.Uid);
        BinaryPrimitives.WriteUInt32BigEndian(caller[8..], peer.Unix?.UserId ?? 0);
        BinaryPrimitives.WriteInt32BigEndian(caller[12..], sys.MachineName.Length);
        sys.MachineName.CopyTo(caller[16..]);
        peer.Host.CopyTo(caller[(16 + sys.MachineName.Length)..]);
        return 16 + sys.MachineName.Length + peer.Host.Length;
    }

    // A later connection may have a port that another client had before, and begin with the same xid, so the connection's number
    // counts. A datagram has its sender's address; without one its caller cannot be distinguished from others.
    private static int Write(in Peer peer, Span<byte> caller)
    {
        const int FamilyAlone = 2;
        if (peer.Connection == 0 && peer.Address.Length <= FamilyAlone)
            return 0;
        BinaryPrimitives.WriteUInt64BigEndian(caller, peer.Connection);
        peer.Address.CopyTo(caller[sizeof(ulong)..]);
        return sizeof(ulong) + peer.Address.Length;
    }
}
