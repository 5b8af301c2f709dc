using Multiplex.Load;
using Multiplex.Protocols;
using Multiplex.Rpc;
using Multiplex.Rpc.Xdr;
using Multiplex.Sockets;

namespace Multiplex.Cli;

/// <summary>A protocol by name.</summary>
/// <param name="Name">What <c>--protocol</c> takes.</param>
/// <param name="Create">Makes it, over a server's counters.</param>
/// <param name="WarmUpRequests">A stream of requests, one of every kind.</param>
/// <param name="WarmUpMessages">The same, for sockets that keep the boundaries of messages.</param>
/// <param name="Exchange">The client's side on a kind of socket, for a mix of requests.</param>
/// <param name="Sizes">The least and the most bytes of a payload on a kind of socket.</param>
internal sealed record ProtocolEntry(
    string Name,
    Func<ServerCounters, ProtocolLimits, IProtocol> Create,
    Func<byte[]> WarmUpRequests,
    Func<IReadOnlyList<byte[]>> WarmUpMessages,
    Func<EndpointKind, RequestMix, IExchange> Exchange,
    Func<EndpointKind, (int Least, int Most)> Sizes)
{
    /// <summary>The programs, each with a version, that a name service may be told of.</summary>
    public IReadOnlyList<(uint Number, uint Version)> Programs { get; init; } = [];
}

/// <summary>The limits of a protocol.</summary>
/// <param name="MaxRecord">The longest record, in bytes.</param>
/// <param name="Replies">How many replies are remembered, and for how long; null for none.</param>
/// <param name="Order">In which order the replies of one connection leave.</param>
/// <param name="Echo">Which UDP datagrams are echoed.</param>
internal sealed record ProtocolLimits(int MaxRecord, ReplyCacheOptions? Replies, ReplyOrder Order, EchoOptions Echo);

/// <summary>Every protocol: a new one joins by one line.</summary>
internal static class ProtocolCatalog
{
    public static IReadOnlyList<ProtocolEntry> All { get; } =
    [
        new(
            "echo",
            (_, limits) => new EchoProtocol(limits.Echo),
            () => "warm up"u8.ToArray(),
            () => ["warm up"u8.ToArray()],
            (kind, mix) => new EchoExchange(kind, mix),
            kind => (EchoExchange.LeastSize(kind), EchoExchange.MostSize(kind))),
        new(
            "rpc",
            (counters, limits) => new RpcProtocol(new MultiplexProgram(counters))
            {
                MaxRecord = limits.MaxRecord,
                Replies = limits.Replies,
                ReplyOrder = limits.Order,
            },
            OneCallOfEach,
            () => MessagesIn(OneCallOfEach()),
            (kind, mix) => new RpcExchange(kind, mix),
            kind => (0, RpcExchange.MostSize(kind)))
        {
            Programs = [(MultiplexV1.Program, MultiplexV1.Version)],
        },
    ];

    // Every procedure, one of them twice under one xid, a call that comes in two fragments, one with AUTH_SYS, and the calls that cannot be carried out.
    private static byte[] OneCallOfEach()
    {
        OutputBuffer calls = new();
        foreach (RpcProcedure procedure in (RpcProcedure[])
            [default, new(MultiplexV1.Program, 0, 0), new(MultiplexV1.Program, MultiplexV1.Version, 99), MultiplexV1.Add])
        {
            CallWriter.Record(calls, xid: 0, procedure);
        }

        CallWriter.Record(calls, xid: 0, MultiplexV1.Sleep, writer => MultiplexV1Client.WriteSleep(writer, MultiplexConstants.MaxSleep + 1));
        int asSomebody = RecordMarking.Begin(calls);
        Words(calls, 0, 0, 2, MultiplexV1.Program, MultiplexV1.Version, 0, (uint)AuthenticationFlavor.Sys, 20, 0, 0, 0, 0, 0, 0, 0);
        RecordMarking.End(calls, asSomebody);
        int otherRpc = RecordMarking.Begin(calls);
        Words(calls, 0, 0, 3);
        RecordMarking.End(calls, otherRpc);
        OutputBuffer call = new();
        CallWriter.Head(call, xid: 0, MultiplexV1.Null);
        calls.Write([0, 0, 0, 8]);
        calls.Write(call.Written[..8]);
        int rest = RecordMarking.Begin(calls);
        calls.Write(call.Written[8..]);
        RecordMarking.End(calls, rest);
        foreach (MultiplexV1Procedure procedure in (MultiplexV1Procedure[])[.. Enum.GetValues<MultiplexV1Procedure>(), MultiplexV1Procedure.Add])
        {
            CallWriter.Record(calls, xid: 0, MultiplexV1.Of(procedure), procedure switch
            {
                MultiplexV1Procedure.Echo => writer => MultiplexV1Client.WriteEcho(writer, "warm up"u8),
                MultiplexV1Procedure.Sleep => writer => MultiplexV1Client.WriteSleep(writer, 1),
                MultiplexV1Procedure.Burn => writer => MultiplexV1Client.WriteBurn(writer, 0),
                MultiplexV1Procedure.Add => writer => MultiplexV1Client.WriteAdd(writer, 1),
                _ => null,
            });
        }

        return calls.Written.ToArray();
    }

    private static void Words(OutputBuffer calls, params ReadOnlySpan<uint> words)
    {
        XdrWriter writer = new(calls);
        foreach (uint word in words)
            writer.WriteUInt32(word);
    }

    private static List<byte[]> MessagesIn(ReadOnlySpan<byte> records)
    {
        List<byte[]> messages = [];
        while (!records.IsEmpty)
        {
            FramingProgress progress = default;
            int length = RecordMarking.Frame(records, ref progress, RpcProtocol.UsualMaxRecord);
            byte[] message = new byte[length];
            messages.Add(message[..RecordMarking.Reassemble(records[..length], message)]);
            records = records[length..];
        }

        return messages;
    }
}
