using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>The head of a call message, RFC 5531 section 9: everything before the procedure's arguments.</summary>
internal ref struct CallHeader
{
    /// <summary>Transaction identifier.</summary>
    public uint Xid { get; private set; }

    /// <summary>The numbers of program, version and procedure.</summary>
    public uint Program { get; private set; }

    /// <inheritdoc cref="Program"/>
    public uint Version { get; private set; }

    /// <inheritdoc cref="Program"/>
    public uint Procedure { get; private set; }

    /// <summary>The credential.</summary>
    public RpcCredential Credential { get; private set; }

    /// <summary>Why the credential or the verifier is refused.</summary>
    public AuthenticationStatus Refusal { get; private set; }

    /// <summary>Bytes of a plain head; see <see cref="IsPlain"/>.</summary>
    public const int PlainLength = 40;

    /// <summary>Where the numbers of program, version and procedure are, and where they end, in bytes.</summary>
    public const int ProgramOffset = 12, VersionOffset = 16, ProcedureOffset = 20, ProcedureEnd = 24;

    /// <summary>Whether a message is a call, by its msg_type; what comes after that may make no sense.</summary>
    public static bool IsCall(ReadOnlySpan<byte> message) =>
        message.Length >= 2 * sizeof(uint) && BinaryPrimitives.ReadUInt32BigEndian(message[sizeof(uint)..]) == (uint)MessageType.Call;

    /// <summary>Whether a message begins with the head of a call that carries AUTH_NONE twice, as nearly all do: its length is fixed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPlain(ReadOnlySpan<byte> message) =>
        message.Length >= PlainLength
        && BinaryPrimitives.ReadUInt64BigEndian(message[4..]) == RpcConstants.RpcVersion   // after the xid: CALL and RPC version 2
        && (BinaryPrimitives.ReadUInt64BigEndian(message[24..]) | BinaryPrimitives.ReadUInt64BigEndian(message[32..])) == 0;

    /// <summary>Whether a message is a call with this flavor of credential.</summary>
    public static bool HasFlavor(ReadOnlySpan<byte> message, AuthenticationFlavor flavor) =>
        IsCall(message) && message.Length >= ProcedureEnd + sizeof(uint)
        && BinaryPrimitives.ReadUInt32BigEndian(message[ProcedureEnd..]) == (uint)flavor;

    /// <summary>Reads the head of a call.</summary>
    /// <param name="message">The message; on return, the reader is at the arguments if the head is valid.</param>
    /// <param name="header">What was read.</param>
    public static CallHead Read(scoped ref XdrReader message, out CallHeader header)
    {
        header = new() { Xid = message.ReadUInt32() };
        uint type = message.ReadUInt32(), rpcVersion = message.ReadUInt32();
        if (message.HasFailed || type != (uint)MessageType.Call)
            return CallHead.None;
        if (rpcVersion != RpcConstants.RpcVersion)
            return CallHead.OtherRpcVersion;

        (header.Program, header.Version, header.Procedure) = (message.ReadUInt32(), message.ReadUInt32(), message.ReadUInt32());
        OpaqueAuth credential = OpaqueAuth.Read(ref message);
        if (credential.IsCutOff)
            return CallHead.None;
        header.Credential = new(credential.Flavor, credential.Body);
        header.Refusal = Check(credential);
        if (!credential.IsTooLong)
        {
            OpaqueAuth verifier = OpaqueAuth.Read(ref message);
            if (verifier.IsCutOff)
                return CallHead.None;
            if (!verifier.IsSound && header.Refusal == AuthenticationStatus.Ok)
                header.Refusal = AuthenticationStatus.BadVerifier;
        }

        return header.Refusal == AuthenticationStatus.Ok ? CallHead.Sound : CallHead.Refused;
    }

    private static AuthenticationStatus Check(in OpaqueAuth credential)
    {
        if (!credential.IsSound)
            return AuthenticationStatus.BadCredential;
        return credential.Flavor switch
        {
            AuthenticationFlavor.None => AuthenticationStatus.Ok,   // the body is ignored: RFC 5531 section 8.2
            AuthenticationFlavor.Sys when SysCredential.TryRead(credential.Body, out _) => AuthenticationStatus.Ok,
            AuthenticationFlavor.Sys => AuthenticationStatus.BadCredential,
            _ => AuthenticationStatus.RejectedCredential,
        };
    }

    /// <summary>opaque_auth of RFC 5531 section 8.2: a flavor and body&lt;400&gt;.</summary>
    private readonly ref struct OpaqueAuth
    {
        public AuthenticationFlavor Flavor { get; private init; }

        public ReadOnlySpan<byte> Body { get; private init; }

        /// <summary>Whether the message ends before the body does.</summary>
        public bool IsCutOff { get; private init; }

        /// <summary>Whether the declared length of the body is over the limit; the body was then not read.</summary>
        public bool IsTooLong { get; private init; }

        /// <summary>Whether it is neither cut off nor too long, and its padding is zero.</summary>
        public bool IsSound { get; private init; }

        public static OpaqueAuth Read(scoped ref XdrReader message)
        {
            AuthenticationFlavor flavor = (AuthenticationFlavor)message.ReadUInt32();
            uint length = message.ReadUInt32();
            if (message.HasFailed)
                return new() { IsCutOff = true };
            if (length > RpcConstants.MaxAuthenticationBody)
                return new() { Flavor = flavor, IsTooLong = true };
            int padded = (int)length + XdrReader.Padding((int)length);
            if (message.Rest.Length < padded)
                return new() { IsCutOff = true };
            ReadOnlySpan<byte> field = message.Rest[..padded];
            message.Skip(padded);
            return new()
            {
                Flavor = flavor,
                Body = field[..(int)length],
                IsSound = !field[(int)length..].ContainsAnyExcept((byte)0),
            };
        }
    }
}

/// <summary>What <see cref="CallHeader.Read"/> found.</summary>
internal enum CallHead
{
    /// <summary>Not a call, or its head is incomplete: the server sends no reply.</summary>
    None,

    /// <summary>A call that can be dispatched.</summary>
    Sound,

    /// <summary>A call of another RPC version than 2; only its xid is valid.</summary>
    OtherRpcVersion,

    /// <summary>A call whose credential or verifier is refused.</summary>
    Refused,
}
