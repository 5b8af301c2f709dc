using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>
/// RPC with TLS, RFC 9289: a client requests it by a call of the NULL procedure with the flavor AUTH_TLS. The reply's verifier grants it, and after the
/// reply the handshake begins.
/// </summary>
internal static class RpcTls
{
    /// <summary>The application protocol's name in the handshake: section 8.2.</summary>
    public const string Protocol = "sunrpc";

    private const int CredentialLengthOffset = CallHeader.ProcedureEnd + sizeof(uint), VerifierOffset = CredentialLengthOffset + sizeof(uint);
    private const int ReplyVerifierOffset = 3 * sizeof(uint), ReplyLength = 32;

    /// <summary>The body of the verifier in a reply that grants TLS: section 4.1.</summary>
    public static ReadOnlySpan<byte> Verifier => "STARTTLS"u8;

    /// <summary>Whether the body of a call's credential has no bytes.</summary>
    public static bool HasEmptyCredential(ReadOnlySpan<byte> call) => BinaryPrimitives.ReadUInt32BigEndian(call[CredentialLengthOffset..]) == 0;

    /// <summary>Whether the verifier that follows an empty credential is AUTH_NONE without a body.</summary>
    public static bool HasEmptyVerifier(ReadOnlySpan<byte> call) => BinaryPrimitives.ReadUInt64BigEndian(call[VerifierOffset..]) == 0;

    /// <summary>Whether a record is a reply that grants TLS. No other reply of a server of Multiplex has a verifier with a body.</summary>
    public static bool IsGranted(ReadOnlySpan<byte> record)
    {
        if (record.Length != RecordMarking.HeaderLength + ReplyLength)
            return false;
        XdrReader verifier = new(record[(RecordMarking.HeaderLength + ReplyVerifierOffset)..]);
        return verifier.ReadUInt32() == (uint)AuthenticationFlavor.None
            && verifier.ReadOpaque(RpcConstants.MaxAuthenticationBody).SequenceEqual(Verifier);
    }

    /// <summary>Appends the call that requests TLS, as a record.</summary>
    public static void WriteProbe(OutputBuffer output, uint xid, uint program, uint version)
    {
        int start = RecordMarking.Begin(output);
        CallWriter.Head(output, xid, new(program, version, 0), RpcAuthentication.Tls);
        RecordMarking.End(output, start);
    }
}
