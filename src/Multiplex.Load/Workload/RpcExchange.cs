using System.Buffers.Binary;
using Multiplex.Demo;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Load.Workload;

/// <summary>
/// Calls of <c>multiplex.x</c>; the request's number is its xid, and a reply's xid shows what it answers, in whatever order replies
/// come. On streams calls and replies are records, else messages.
/// </summary>
public sealed class RpcExchange : Exchange
{
    private static readonly uint s_program = MultiplexV1.Of(MultiplexV1Procedure.Null).Program;

    private readonly int _xidOffset;   // after the record's header, where there is one
    private readonly WeightedChoice<RpcVariant> _variants;
    private readonly ReplyFrames _frames;

    /// <summary>ECHO with payloads of <paramref name="size"/> bytes, at most <see cref="MostSize"/>.</summary>
    public RpcExchange(EndpointKind kind, int size)
        : this(kind, RequestMix.OfSize(size))
    {
    }

    /// <summary>The procedures of this mix, and its sizes for the payloads of ECHO.</summary>
    public RpcExchange(EndpointKind kind, RequestMix mix)
    {
        (IReadOnlyList<Weighted<MixedCall>> calls, IReadOnlyList<Weighted<int>> sizes) = mix;
        foreach (Weighted<int> size in sizes)
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)size.Value, (uint)MostSize(kind), nameof(mix));
        bool records = kind.IsStream();
        double allSizes = sizes.Sum(size => size.Weight);
        _xidOffset = records ? RecordMarking.HeaderLength : 0;
        _frames = new(records);
        _variants = new([.. calls.SelectMany(call => call.Value.Procedure == MultiplexV1Procedure.Echo
            ? sizes.Select(size => new Weighted<RpcVariant>(new(call.Value, size.Value, records), call.Weight * size.Weight / allSizes))
            : [new(new(call.Value, 0, records), call.Weight)])]);
        foreach (RpcVariant variant in _variants.Values)
            LongestRequest = Math.Max(LongestRequest, variant.Call.Length);
    }

    /// <inheritdoc/>
    public override int LongestRequest { get; }

    /// <inheritdoc/>
    public override bool HasCallsOfServer => true;

    /// <summary>The longest payload in bytes: MAX_PAYLOAD, or what a message has room for beside the call's head.</summary>
    public static int MostSize(EndpointKind kind) => Math.Min(
        MultiplexConstants.MaxPayload,
        (MessageSize.Limit(kind) - CallWriter.HeadLength - sizeof(uint)) & ~3);   // opaque data is padded to a multiple of four

    /// <inheritdoc/>
    public override void Write(OutputBuffer batch, uint sequence)
    {
        ReadOnlySpan<byte> call = _variants.Of(sequence).Call;
        Span<byte> written = batch.Append(call.Length);
        call.CopyTo(written);
        BinaryPrimitives.WriteUInt32BigEndian(written[_xidOffset..], sequence);
    }

    /// <inheritdoc/>
    public override ReplyOutcome Check(ReadOnlySpan<byte> received, uint due, out int length, out uint sequence)
    {
        sequence = due;
        length = received.Length;
        bool hasXid = received.Length >= _xidOffset + sizeof(uint);
        if (hasXid)
        {
            sequence = BinaryPrimitives.ReadUInt32BigEndian(received[_xidOffset..]);
            RpcVariant variant = _variants.Of(sequence);
            if (variant.IsExact)
            {
                // All but the xid, which is the reply's own.
                ReadOnlySpan<byte> reply = variant.Reply;
                int rest = _xidOffset + sizeof(uint);
                length = reply.Length;
                if (received.Length >= length && received[rest..length].SequenceEqual(reply[rest..]) && received[.._xidOffset].SequenceEqual(reply[.._xidOffset]))
                    return ReplyOutcome.Right;
            }
        }

        if (_xidOffset > 0)
            return CheckRecord(received, due, out length, ref sequence);
        if (ReplyFrames.IsCall(received, s_program))
        {
            length = received.Length;
            return ReplyOutcome.Call;
        }

        return !hasXid ? ReplyOutcome.Unreadable
            : IsRight(received, sequence) ? ReplyOutcome.Right
            : received.Length < length ? ReplyOutcome.Incomplete
            : ReplyOutcome.Wrong;
    }

    // Not byte for byte what was expected, or not all of it yet: find the record's end. A message may come in several fragments.
    private ReplyOutcome CheckRecord(ReadOnlySpan<byte> received, uint due, out int length, ref uint sequence)
    {
        if (_frames.Find(received, out length, out ReadOnlySpan<byte> message) is { } none)
            return none;
        sequence = message.Length >= sizeof(uint) ? BinaryPrimitives.ReadUInt32BigEndian(message) : due;
        return IsRight(message, sequence) ? ReplyOutcome.Right : ReplyFrames.IsCall(message, s_program) ? ReplyOutcome.Call : ReplyOutcome.Wrong;
    }

    private bool IsRight(ReadOnlySpan<byte> message, uint sequence) =>
        message.Length >= sizeof(uint) && _variants.Of(sequence).IsAnsweredBy(message[sizeof(uint)..], _xidOffset + sizeof(uint));
}

/// <summary>One call of a mix as it is sent, and what is known of its reply beforehand: only the xid differs from call to call.</summary>
internal sealed class RpcVariant
{
    private readonly MultiplexV1Procedure _procedure;

    public RpcVariant(MixedCall call, int size, bool records)
    {
        _procedure = call.Procedure;
        IsExact = _procedure is MultiplexV1Procedure.Null or MultiplexV1Procedure.Echo or MultiplexV1Procedure.Sleep;
        OutputBuffer message = new(), reply = new();
        CallWriter.Message(message, 0, MultiplexV1.Of(call.Procedure), call.Arguments(Payload.Of(size)));

        // The expected reply is made by the program itself, with an argument that costs no time. Its results are not always the same.
        OutputBuffer quick = new();
        CallWriter.Message(quick, 0, MultiplexV1.Of(call.Procedure), (call with { Argument = 0 }).Arguments(Payload.Of(size)));
        using ServerCounters counters = new();
        new RpcProtocol(new MultiplexProgram(counters)).AnswerMessage(quick.Written, default, reply);
        if (call.Procedure == MultiplexV1Procedure.Sleep)
            BinaryPrimitives.WriteUInt32BigEndian(reply.Rewrite(reply.Length - sizeof(uint), sizeof(uint)), call.Argument);
        Call = records ? Record(message.Written) : message.Written.ToArray();
        Reply = records ? Record(reply.Written) : reply.Written.ToArray();
    }

    /// <summary>The call.</summary>
    public byte[] Call { get; }

    /// <summary>A reply to it.</summary>
    public byte[] Reply { get; }

    /// <summary>Whether this is the only right reply.</summary>
    public bool IsExact { get; }

    /// <summary>Whether a message is a right reply.</summary>
    /// <param name="rest">The message after its xid.</param>
    /// <param name="offset">Where that is in <see cref="Reply"/>.</param>
    public bool IsAnsweredBy(ReadOnlySpan<byte> rest, int offset)
    {
        ReadOnlySpan<byte> known = Reply.AsSpan(offset);
        if (IsExact)
            return rest.SequenceEqual(known);
        const int Head = 5 * sizeof(uint);   // REPLY, MSG_ACCEPTED, a verifier AUTH_NONE, SUCCESS: RFC 5531 section 9
        if (rest.Length < Head || !rest[..Head].SequenceEqual(known[..Head]))
            return false;
        XdrReader results = new(rest[Head..]);
        bool makesSense = _procedure != MultiplexV1Procedure.Whoami || IsFilledIn(WhoamiResView.Read(ref results));
        if (_procedure == MultiplexV1Procedure.Burn)
            MultiplexV1Client.ReadBurn(ref results);
        else if (_procedure == MultiplexV1Procedure.Add)
            MultiplexV1Client.ReadAdd(ref results);
        return makesSense && results.IsComplete;
    }

    private static bool IsFilledIn(in WhoamiResView who) => who is { Pid: > 0, Thread: > 0, Served: > 0, Peer.IsEmpty: false };

    private static byte[] Record(ReadOnlySpan<byte> message)
    {
        OutputBuffer record = new();
        RecordMarking.Write(record, message);
        return record.Written.ToArray();
    }
}
