using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>The head of a call message, RFC 5531 section 9: everything before the procedure's arguments.</summary>
public readonly record struct CallHeader
{
    private const int PlainLength = 40;

    /// <summary>Transaction identifier: the reply carries the same.</summary>
    public uint Xid { get; private init; }

    /// <summary>The RPC version.</summary>
    public uint RpcVersion { get; private init; }

    /// <summary>The program's number.</summary>
    public uint Program { get; private init; }

    /// <summary>The program's version.</summary>
    public uint Version { get; private init; }

    /// <summary>The procedure's number.</summary>
    public uint Procedure { get; private init; }

    /// <summary>Why the credential or the verifier is refused, or null.</summary>
    public AuthenticationStatus? Refusal { get; private init; }

    /// <summary>Reads the head of a call.</summary>
    /// <param name="message">The message; afterwards at the arguments, if there is a head and no refusal.</param>
    /// <param name="header">What was read. With an RPC version other than 2, only <see cref="Xid"/> and <see cref="RpcVersion"/> mean anything.</param>
    /// <returns>False when the message is no call, or ends before its head does: there is no reply to that.</returns>
    public static bool TryRead(ref XdrReader message, out CallHeader header)
    {
        // Nearly every call carries AUTH_NONE twice; its head has a fixed length and is read in one go.
        if (message.Rest is { Length: >= PlainLength } plain && IsPlain(plain))
        {
            header = new()
            {
                Xid = BinaryPrimitives.ReadUInt32BigEndian(plain),
                RpcVersion = RpcConstants.RpcVersion,
                Program = BinaryPrimitives.ReadUInt32BigEndian(plain[12..]),
                Version = BinaryPrimitives.ReadUInt32BigEndian(plain[16..]),
                Procedure = BinaryPrimitives.ReadUInt32BigEndian(plain[20..]),
            };
            message.Skip(PlainLength);
            return true;
        }

        return TryReadAny(ref message, out header);
    }

    // After the xid: CALL and RPC version 2; after the procedure: AUTH_NONE, no body, AUTH_NONE, no body.
    private static bool IsPlain(ReadOnlySpan<byte> head) =>
        BinaryPrimitives.ReadUInt64BigEndian(head[4..]) == RpcConstants.RpcVersion
        && (BinaryPrimitives.ReadUInt64BigEndian(head[24..]) | BinaryPrimitives.ReadUInt64BigEndian(head[32..])) == 0;

    private static bool TryReadAny(ref XdrReader message, out CallHeader header)
    {
        header = default;
        uint xid = message.ReadUInt32();
        uint type = message.ReadUInt32();
        uint rpcVersion = message.ReadUInt32();
        if (message.HasFailed || type != (uint)MessageType.Call)
            return false;

        if (rpcVersion != RpcConstants.RpcVersion)
        {
            header = new() { Xid = xid, RpcVersion = rpcVersion };
            return true;
        }

        uint program = message.ReadUInt32(), version = message.ReadUInt32(), procedure = message.ReadUInt32();
        uint flavor = message.ReadUInt32();
        uint credentialLength = message.ReadUInt32();
        if (message.HasFailed)
            return false;
        AuthenticationStatus? refusal = null;
        if (credentialLength > RpcConstants.MaxAuthenticationBody)
        {
            refusal = AuthenticationStatus.BadCredential;
        }
        else
        {
            if (!TryReadBody(ref message, (int)credentialLength, out ReadOnlySpan<byte> credential, out bool sound))
                return false;
            message.ReadUInt32();
            uint verifierLength = message.ReadUInt32();
            refusal = sound ? Check(flavor, credential) : AuthenticationStatus.BadCredential;
            if (verifierLength > RpcConstants.MaxAuthenticationBody)
                refusal ??= AuthenticationStatus.BadVerifier;
            else if (message.HasFailed || !TryReadBody(ref message, (int)verifierLength, out _, out sound))
                return false;
            else if (!sound)
                refusal ??= AuthenticationStatus.BadVerifier;
        }

        header = new()
        {
            Xid = xid,
            RpcVersion = rpcVersion,
            Program = program,
            Version = version,
            Procedure = procedure,
            Refusal = refusal,
        };
        return !message.HasFailed;
    }

    // False when the message ends before the body does; not sound when the padding is not zero.
    private static bool TryReadBody(ref XdrReader message, int length, out ReadOnlySpan<byte> body, out bool sound)
    {
        int padded = length + XdrReader.Padding(length);
        body = default;
        sound = false;
        if (message.HasFailed || message.Rest.Length < padded)
            return false;
        body = message.Rest[..length];
        sound = !message.Rest[length..padded].ContainsAnyExcept((byte)0);
        message.Skip(padded);
        return true;
    }

    private static AuthenticationStatus? Check(uint flavor, ReadOnlySpan<byte> body) => (AuthenticationFlavor)flavor switch
    {
        AuthenticationFlavor.None => null,   // the body means nothing: RFC 5531 section 8.2
        AuthenticationFlavor.Sys => IsSysCredential(body) ? null : AuthenticationStatus.BadCredential,
        _ => AuthenticationStatus.RejectedCredential,
    };

    // RFC 5531 appendix A: stamp, machinename<255>, uid, gid, gids<16>
    private static bool IsSysCredential(ReadOnlySpan<byte> body)
    {
        XdrReader reader = new(body);
        reader.ReadUInt32();
        reader.ReadOpaque(RpcConstants.MaxMachineName);
        reader.ReadUInt32();
        reader.ReadUInt32();
        uint groups = reader.ReadUInt32();
        return !reader.HasFailed && groups <= RpcConstants.MaxGroups && reader.Rest.Length == groups * sizeof(uint);
    }
}
