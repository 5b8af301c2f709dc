using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Grpc.Net.Client;
using Multiplex.Benchmarks;
using Multiplex.Rpc;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;

namespace Multiplex.GrpcBenchmarks;

/// <summary>
/// A unary call that echoes 64 bytes, by 50 callers that share one client, over TCP on the loopback interface; server and client are a process
/// each. What is shown is the time for one call, all callers together. Ours go on either on the thread pool, as gRPC's do, or where the reply
/// was received.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
[Config(typeof(OneGroup))]
public class UnaryEchoBenchmarks
{
    private const int Callers = 50, CallsOfEach = 100, Calls = Callers * CallsOfEach;

    private static readonly RpcProcedure s_echo = new(0x2000_4543, 1, 1);
    private readonly byte[] _bytes = new byte[64];
    private readonly List<IDisposable> _all = [];
    private Echoing.EchoingClient? _grpc;
    private RpcClient? _onPool;
    private RpcClient? _onLoop;

    [GlobalSetup]
    public void Setup()
    {
        ServerProcess grpc = Keep(ServerProcess.OfThisExecutable(GrpcServer.Argument)), ours = Keep(ServerProcess.OfModel("epoll", "rpc"));
        _grpc = new(Keep(GrpcChannel.ForAddress($"http://{grpc.Endpoint.Host}:{grpc.Endpoint.Port}")));
        _onPool = Keep(new RpcClient(ours.Endpoint));
        _onLoop = Keep(new RpcClient(ours.Endpoint, new() { AllowSynchronousContinuations = true }));
    }

    [GlobalCleanup]
    public void Cleanup() => Enumerable.Reverse(_all).ToList().ForEach(one => one.Dispose());

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls)]
    public Task Grpc()
    {
        Payload payload = new() { Data = UnsafeByteOperations.UnsafeWrap(_bytes) };
        return EachCaller(async () => (await _grpc!.EchoAsync(payload).ConfigureAwait(false)).Data.Length);
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task OnThePool() => EachCaller(() => Call(_onPool!));

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task OnTheLoop() => EachCaller(() => Call(_onLoop!));

    private async Task<int> Call(RpcClient client) =>
        (await client.CallAsync(s_echo, _bytes, static (writer, value) => writer.WriteOpaque(value), Read).ConfigureAwait(false)).Length;

    // A copy, as gRPC's message has one.
    private static byte[] Read(ref XdrReader reader) => reader.ReadOpaque(1 << 20).ToArray();

    private Task EachCaller(Func<Task<int>> call) => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
    {
        for (int i = 0; i < CallsOfEach; i++)
        {
            int length = await call().ConfigureAwait(false);
            if (length != _bytes.Length)
                throw new InvalidOperationException($"{length} bytes came back");
        }
    })));

    private T Keep<T>(T one)
        where T : IDisposable
    {
        _all.Add(one);
        return one;
    }
}
