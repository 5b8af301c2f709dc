using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Multiplex.Demo;
using Multiplex.Engine;
using Multiplex.Interop;
using Multiplex.Rpc;
using Multiplex.Rpc.Messages;
using Multiplex.Rpc.Server;
using Multiplex.Sockets;

namespace Multiplex.Benchmarks;

/// <summary>
/// A call from the received bytes to the bytes to send: framing, the call's head, dispatch, the procedure, the reply.
/// Everything that a server does for a call except the system calls around it; the procedure WHOAMI makes two.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class RpcCallBenchmarks
{
    private const int Mark = 256 * 1024;
    private static readonly byte[] s_null = Call(MultiplexV1.Null);
    private static readonly byte[] s_echo = Call(MultiplexV1.Echo, writer => writer.WriteOpaque(new byte[64]));
    private static readonly byte[] s_whoami = Call(MultiplexV1.Whoami);

    private static readonly byte[] s_sum = Call(MeasuredV1.Sum, writer => writer.WriteUInt64(1));
    private static readonly byte[] s_add = Call(MeasuredV1.Add, writer => writer.WriteUInt64(1));

    private readonly OutputBuffer _reply = new();
    private readonly PeerAddress _peer = Loopback();
    private ServerCounters _counters = null!;
    private RpcProtocol _protocol = null!, _contract = null!;

    [GlobalSetup]
    public void Setup()
    {
        _counters = new();
        _protocol = new(new MultiplexProgram(_counters));
        _contract = new([.. RpcPrograms.Of(new Measured())]);
    }

    [GlobalCleanup]
    public void Cleanup() => _counters.Dispose();

    [Benchmark]
    public int Null() => Answer(s_null);

    [Benchmark]
    public int Echo64() => Answer(s_echo);

    [Benchmark]
    public int Whoami() => Answer(s_whoami);

    [Benchmark]
    public int ContractSynchronous() => Answer(s_sum, _contract);

    [Benchmark]
    public int ContractAsync() => Answer(s_add, _contract);

    private int Answer(byte[] received) => Answer(received, _protocol);

    private int Answer(byte[] received, RpcProtocol protocol)
    {
        _reply.Clear();
        FramingProgress progress = default;
        int left = int.MaxValue;
        ReadOutcome stop = RequestReader.Consume(protocol, received, ref progress, _peer.Peer, _reply, Mark, out int consumed, ref left);
        return stop == ReadOutcome.NeedsInput && consumed == received.Length
            ? _reply.Length
            : throw new InvalidOperationException($"{stop}: consumed {consumed} of {received.Length} bytes");
    }

    internal static byte[] Call(RpcProcedure procedure, MarshalArguments? arguments = null)
    {
        OutputBuffer call = new();
        CallWriter.Record(call, xid: 1, procedure, arguments);
        return call.Written.ToArray();
    }

    // The sockaddr_in of 127.0.0.1:51234.
    internal static PeerAddress Loopback()
    {
        byte[] address = new byte[16];
        BinaryPrimitives.WriteUInt16LittleEndian(address, Libc.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(address.AsSpan(2), 51234);
        BinaryPrimitives.WriteUInt32BigEndian(address.AsSpan(4), Libc.INADDR_LOOPBACK);
        return PeerAddress.Of(EndpointKind.Tcp, address, descriptor: -1);
    }
}
