using System.Buffers.Binary;
using Multiplex.Rpc;
using Multiplex.Rpc.Messages;

namespace Multiplex.Check.Calls;

/// <summary>The program that an RPC server under check serves.</summary>
/// <param name="Program">Its number.</param>
/// <param name="Version">A version of it that is served.</param>
/// <param name="Procedure">A procedure of it that takes arguments; null where none is known, and one check is skipped.</param>
public sealed record CheckedProgram(uint Program, uint Version, uint? Procedure);

/// <summary>Calls of procedure 0, which takes and returns nothing: RFC 5531 section 12, "by convention".</summary>
internal sealed class CallExchange(CheckedProgram program) : IExchange
{
    private const int RecordLength = RecordMarking.HeaderLength + CallWriter.HeadLength;

    public CheckedProgram Program => program;

    /// <summary>A call message without arguments.</summary>
    /// <param name="xid">The transaction.</param>
    /// <param name="number">The procedure.</param>
    public byte[] Call(uint xid, uint number = 0) => Call(xid, new RpcProcedure(program.Program, program.Version, number));

    /// <summary>A call message without arguments, of any program.</summary>
    public static byte[] Call(uint xid, RpcProcedure procedure)
    {
        OutputBuffer message = new();
        CallWriter.Message(message, xid, procedure);
        return message.Written.ToArray();
    }

    /// <summary>A message as a record of fragments of this length, or of one: RFC 5531 section 11.</summary>
    public static byte[] Record(ReadOnlySpan<byte> message, int fragmentLength = int.MaxValue)
    {
        List<byte> record = [];
        Span<byte> header = stackalloc byte[RecordMarking.HeaderLength];
        while (!message.IsEmpty)
        {
            ReadOnlySpan<byte> fragment = message[..Math.Min(message.Length, fragmentLength)];
            message = message[fragment.Length..];
            BinaryPrimitives.WriteUInt32BigEndian(header, (message.IsEmpty ? RecordMarking.LastFragment : 0) | (uint)fragment.Length);
            record.AddRange(header);
            record.AddRange(fragment);
        }

        return [.. record];
    }

    public byte[] Request(int seed = 0) => Record(Call((uint)seed + 1));

    public byte[] Requests(int length) => Calls((length + RecordLength - 1) / RecordLength);

    /// <summary>This many calls as records, each with an xid of its own.</summary>
    public byte[] Calls(int count)
    {
        OutputBuffer records = new();
        for (int i = 0; i < count; i++)
            CallWriter.Record(records, (uint)i + 1, new(program.Program, program.Version, 0));
        return records.Written.ToArray();
    }

    public void Receive(CheckClient client, ReadOnlySpan<byte> requests) => Receive(new ReplyReader(client), requests, requests.Length / RecordLength);

    public void ReceiveRepeated(CheckClient client, ReadOnlySpan<byte> requests, long sent)
    {
        ReplyReader replies = new(client);
        int each = requests.Length / RecordLength;
        long whole = sent / RecordLength;
        for (long received = 0; received < whole; received += each)
            Receive(replies, requests, (int)Math.Min(each, whole - received));
        if (sent % RecordLength == 0)
            return;
        int begun = (int)(whole % each) * RecordLength, cut = (int)(sent % RecordLength);
        client.Send(requests[(begun + cut)..(begun + RecordLength)]);
        Receive(replies, requests[begun..], 1);
    }

    // Receives the replies to the first of these calls, in any order: the xid says which call each answers, RFC 5531 section 9.
    private static void Receive(ReplyReader replies, ReadOnlySpan<byte> requests, int count)
    {
        HashSet<uint> open = [];
        for (int i = 0; i < count; i++)
            open.Add(BinaryPrimitives.ReadUInt32BigEndian(requests[((i * RecordLength) + RecordMarking.HeaderLength)..]));
        for (int i = 0; i < count; i++)
        {
            Reply reply = replies.Next();
            reply.AssertSuccess(replies.Client);
            if (!open.Remove(reply.Xid))
                throw replies.Client.Fault($"a reply came with xid 0x{reply.Xid:x8}, which no open call has");
        }
    }
}
