using System.Buffers.Binary;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc.Messages;

/// <summary>Writes call messages, RFC 5531 section 9, usually with the credential and verifier AUTH_NONE.</summary>
public static class CallWriter
{
    /// <summary>Bytes of a call's head with AUTH_NONE.</summary>
    public const int HeadLength = 40;

    /// <summary>Appends the head of a call with AUTH_NONE; the arguments come after it.</summary>
    public static XdrWriter Head(OutputBuffer output, uint xid, uint program, uint version, uint procedure) =>
        Head(output, xid, new(program, version, procedure));

    /// <inheritdoc cref="Head(OutputBuffer, uint, uint, uint, uint)"/>
    public static XdrWriter Head(OutputBuffer output, uint xid, RpcProcedure procedure) => Head(output, xid, procedure, RpcAuthentication.None);

    /// <summary>Appends the head of a call with this credential; the arguments come after it.</summary>
    public static XdrWriter Head(OutputBuffer output, uint xid, RpcProcedure procedure, RpcAuthentication authentication)
    {
        const int BeforeCredential = 6 * sizeof(uint);
        Span<byte> head = output.Append(BeforeCredential);
        BinaryPrimitives.WriteUInt32BigEndian(head, xid);
        BinaryPrimitives.WriteUInt32BigEndian(head[4..], (uint)MessageType.Call);
        BinaryPrimitives.WriteUInt32BigEndian(head[8..], RpcConstants.RpcVersion);
        BinaryPrimitives.WriteUInt32BigEndian(head[12..], procedure.Program);
        BinaryPrimitives.WriteUInt32BigEndian(head[16..], procedure.Version);
        BinaryPrimitives.WriteUInt32BigEndian(head[20..], procedure.Number);
        output.Write(authentication.Encoded);
        return new(output);
    }

    /// <summary>Appends a whole call with AUTH_NONE as a message, for datagram and seqpacket sockets, which keep the boundaries of messages.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="xid">The transaction.</param>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Marshals the arguments; null when there are none.</param>
    public static void Message(OutputBuffer output, uint xid, RpcProcedure procedure, MarshalArguments? arguments = null)
    {
        XdrWriter writer = Head(output, xid, procedure);
        arguments?.Invoke(writer);
    }

    /// <summary>As <see cref="Message"/>, as a record: for stream sockets.</summary>
    public static void Record(OutputBuffer output, uint xid, RpcProcedure procedure, MarshalArguments? arguments = null)
    {
        int start = RecordMarking.Begin(output);
        Message(output, xid, procedure, arguments);
        RecordMarking.End(output, start);
    }
}

/// <summary>Writes a call's arguments.</summary>
public delegate void MarshalArguments(XdrWriter writer);
