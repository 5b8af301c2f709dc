using Multiplex.Rpc.Xdr;

namespace Multiplex.Rpc;

/// <summary>Call messages, RFC 5531 section 9, with the credential and verifier AUTH_NONE.</summary>
public static class CallWriter
{
    /// <summary>Bytes of a call's head.</summary>
    public const int HeadLength = 40;

    /// <summary>Appends the head of a call; the arguments come after it.</summary>
    public static XdrWriter Head(OutputBuffer output, uint xid, uint program, uint version, uint procedure)
    {
        XdrWriter writer = new(output);
        writer.WriteUInt32(xid);
        writer.WriteUInt32((uint)MessageType.Call);
        writer.WriteUInt32(RpcConstants.RpcVersion);
        writer.WriteUInt32(program);
        writer.WriteUInt32(version);
        writer.WriteUInt32(procedure);
        for (int i = 0; i < 2; i++)
        {
            writer.WriteUInt32((uint)AuthenticationFlavor.None);
            writer.WriteUInt32(0);
        }

        return writer;
    }

    /// <summary>Appends a whole call of <c>multiplex.x</c> as a message: a datagram or seqpacket socket marks its ends.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="xid">The transaction.</param>
    /// <param name="procedure">The procedure.</param>
    /// <param name="arguments">Marshals the arguments; null when there are none.</param>
    public static void Message(OutputBuffer output, uint xid, MultiplexProcedure procedure, MarshalArguments? arguments = null)
    {
        XdrWriter writer = Head(output, xid, MultiplexProgram.ProgramNumber, MultiplexProgram.ProgramVersion, (uint)procedure);
        arguments?.Invoke(writer);
    }

    /// <summary>As <see cref="Message"/>, as a record: for stream sockets.</summary>
    public static void Record(OutputBuffer output, uint xid, MultiplexProcedure procedure, MarshalArguments? arguments = null)
    {
        int start = RecordMarking.Begin(output);
        Message(output, xid, procedure, arguments);
        RecordMarking.End(output, start);
    }
}

/// <summary>The marshalling half of a client stub.</summary>
public delegate void MarshalArguments(XdrWriter writer);

/// <summary>The unmarshalling half of a client stub.</summary>
public delegate T UnmarshalResults<T>(ref XdrReader reader);
