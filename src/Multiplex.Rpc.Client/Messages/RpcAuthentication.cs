using System.Text;
using Multiplex.Rpc.Xdr;
using static Multiplex.Interop.Libc;

namespace Multiplex.Rpc.Messages;

/// <summary>
/// How a client identifies itself: the credential and verifier in each of its calls, RFC 5531 section 8. They are encoded once, so
/// that each call only copies them.
/// </summary>
public sealed class RpcAuthentication
{
    private readonly byte[] _encoded;
    private bool _hasRandomStamp;

    private RpcAuthentication(AuthenticationFlavor flavor, Action<XdrWriter>? writeBody = null)
    {
        Flavor = flavor;
        OutputBuffer body = new(), encoded = new();
        writeBody?.Invoke(new(body));
        XdrWriter writer = new(encoded);
        writer.WriteUInt32((uint)flavor);
        writer.WriteOpaque(body.Written);
        writer.WriteUInt32((uint)AuthenticationFlavor.None);   // the verifier: also with AUTH_SYS it is AUTH_NONE, appendix A
        writer.WriteUInt32(0);
        _encoded = encoded.Written.ToArray();
    }

    /// <summary>AUTH_NONE: the calls name no user.</summary>
    public static RpcAuthentication None { get; } = new(AuthenticationFlavor.None);

    /// <summary>AUTH_TLS: requests TLS.</summary>
    internal static RpcAuthentication Tls { get; } = new(AuthenticationFlavor.Tls);

    /// <summary>Its flavor.</summary>
    public AuthenticationFlavor Flavor { get; }

    /// <summary>Credential and verifier as they stand in a call.</summary>
    internal ReadOnlySpan<byte> Encoded => _encoded;

    /// <summary>
    /// AUTH_SYS, RFC 5531 appendix A, for this process: the machine's name, the effective user and group, and the first 16 of the
    /// other groups. Each client has its own random stamp, by which a server's reply cache recognizes the client's calls, also from another
    /// port.
    /// </summary>
    public static RpcAuthentication Sys()
    {
        // The highest bit marks it as random: other libraries put constants and times there. See SysCredential.HasRandomStamp.
        uint stamp = 0x8000_0000 | (uint)Random.Shared.Next();
        Span<byte> name = stackalloc byte[RpcConstants.MaxMachineName + 1];
        gethostname(name).OrThrow("gethostname");
        int end = name.IndexOf((byte)0);
        RpcAuthentication sys = Sys(stamp, name[..(end < 0 ? RpcConstants.MaxMachineName : end)], geteuid(), getegid(), Groups());
        sys._hasRandomStamp = true;
        return sys;
    }

    /// <summary>AUTH_SYS with these values.</summary>
    /// <param name="stamp">An arbitrary number.</param>
    /// <param name="machineName">The machine's name, at most 255 bytes of UTF-8.</param>
    /// <param name="uid">The effective user.</param>
    /// <param name="gid">The effective group.</param>
    /// <param name="groups">The other groups; of more than 16 the first 16 are taken.</param>
    /// <exception cref="ArgumentException">The name is too long.</exception>
    public static RpcAuthentication Sys(uint stamp, string machineName, uint uid, uint gid, params ReadOnlySpan<uint> groups) =>
        Sys(stamp, Encoding.UTF8.GetBytes(machineName), uid, gid, groups);

    /// <summary>The authentication of one client: with its own random stamp, unless a stamp was given.</summary>
    internal RpcAuthentication ForOneClient() => _hasRandomStamp ? Sys() : this;

    private static RpcAuthentication Sys(uint stamp, ReadOnlySpan<byte> machineName, uint uid, uint gid, ReadOnlySpan<uint> groups)
    {
        if (machineName.Length > RpcConstants.MaxMachineName)
            throw new ArgumentException($"the machine's name has {machineName.Length} bytes: at most {RpcConstants.MaxMachineName}", nameof(machineName));
        byte[] name = machineName.ToArray();
        uint[] some = groups[..Math.Min(groups.Length, RpcConstants.MaxGroups)].ToArray();
        return new(AuthenticationFlavor.Sys, writer =>
        {
            writer.WriteUInt32(stamp);
            writer.WriteOpaque(name);
            writer.WriteUInt32(uid);
            writer.WriteUInt32(gid);
            writer.WriteUInt32((uint)some.Length);
            foreach (uint group in some)
                writer.WriteUInt32(group);
        });
    }

    private static uint[] Groups()
    {
        uint[] groups = new uint[getgroups([]).OrThrow("getgroups")];
        return groups[..getgroups(groups).OrThrow("getgroups")];
    }
}
