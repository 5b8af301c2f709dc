using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>An AUTH_SYS credential, authsys_parms of RFC 5531 appendix A: what the caller claims to be, without any proof.</summary>
public readonly ref struct SysCredential
{
    private const uint FirstRandom = 0x8000_0000, LastRandom = 0xFFFF_FFFE;   // without -1, which other libraries use as a constant

    private readonly ReadOnlySpan<byte> _groups;

    private SysCredential(uint stamp, ReadOnlySpan<byte> machineName, uint uid, uint gid, ReadOnlySpan<byte> groups)
    {
        Stamp = stamp;
        MachineName = machineName;
        Uid = uid;
        Gid = gid;
        _groups = groups;
    }

    /// <summary>
    /// An arbitrary number that the client chose. If a client keeps a random number with the highest bit set, the server recognizes it
    /// on another connection: see <c>RpcProtocol.Replies</c>.
    /// </summary>
    public uint Stamp { get; }

    /// <summary>
    /// Whether the stamp is of the form that <see cref="RpcAuthentication.Sys()"/> makes: the highest bit is set. Other stamps do not distinguish one client from
    /// another: libtirpc's authunix_create(3) takes the time in seconds, the Linux kernel 0, other libraries other constants.
    /// </summary>
    public bool HasRandomStamp => Stamp is >= FirstRandom and <= LastRandom;

    /// <summary>The name of the caller's machine, at most 255 bytes.</summary>
    public ReadOnlySpan<byte> MachineName { get; }

    /// <summary>The caller's user.</summary>
    public uint Uid { get; }

    /// <summary>The caller's group.</summary>
    public uint Gid { get; }

    /// <summary>How many more groups the caller is in, at most 16.</summary>
    public int GroupCount => _groups.Length / sizeof(uint);

    /// <summary>One of the groups.</summary>
    /// <param name="index">From 0 to <see cref="GroupCount"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such group.</exception>
    public uint Group(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)GroupCount, nameof(index));
        return BinaryPrimitives.ReadUInt32BigEndian(_groups[(index * sizeof(uint))..]);
    }

    /// <summary>Reads the body of a credential: stamp, machinename&lt;255&gt;, uid, gid, gids&lt;16&gt;, and nothing after them.</summary>
    /// <returns>False when it is anything else.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out SysCredential sys)
    {
        XdrReader reader = new(body);
        uint stamp = reader.ReadUInt32();
        ReadOnlySpan<byte> machineName = reader.ReadOpaque(RpcConstants.MaxMachineName);
        uint uid = reader.ReadUInt32(), gid = reader.ReadUInt32(), groups = reader.ReadUInt32();
        if (reader.HasFailed || groups > RpcConstants.MaxGroups || reader.Rest.Length != groups * sizeof(uint))
        {
            sys = default;
            return false;
        }

        sys = new(stamp, machineName, uid, gid, reader.Rest);
        return true;
    }
}
