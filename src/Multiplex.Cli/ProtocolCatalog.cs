using Multiplex.Protocols;
using Multiplex.Rpc;

namespace Multiplex.Cli;

/// <summary>A protocol by name.</summary>
/// <param name="Name">What <c>--protocol</c> takes.</param>
/// <param name="Create">Makes it, over a server's counters, with a limit to the length of a record in bytes.</param>
/// <param name="WarmUpRequests">A stream of requests, one of every kind.</param>
internal sealed record ProtocolEntry(string Name, Func<ServerCounters, int, IProtocol> Create, Func<byte[]> WarmUpRequests);

/// <summary>Every protocol: a new one joins by one line.</summary>
internal static class ProtocolCatalog
{
    public static IReadOnlyList<ProtocolEntry> All { get; } =
    [
        new("echo", (_, _) => new EchoProtocol(), () => "warm up"u8.ToArray()),
        new("rpc", (counters, maxRecord) => new RpcProtocol(new MultiplexProgram(counters)) { MaxRecord = maxRecord }, OneCallOfEach),
    ];

    private static byte[] OneCallOfEach()
    {
        OutputBuffer calls = new();
        foreach (MultiplexProcedure procedure in Enum.GetValues<MultiplexProcedure>())
        {
            CallWriter.Record(calls, xid: 0, procedure, procedure switch
            {
                MultiplexProcedure.Echo => writer => writer.WriteOpaque("warm up"u8),
                MultiplexProcedure.Sleep or MultiplexProcedure.Burn => writer => writer.WriteUInt32(0),
                MultiplexProcedure.Add => writer => writer.WriteUInt64(1),
                _ => null,
            });
        }

        return calls.Written.ToArray();
    }
}
