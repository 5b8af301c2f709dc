using BenchmarkDotNet.Attributes;
using Multiplex.Demo;
using Multiplex.Load.Processes;
using Multiplex.Rpc;
using Multiplex.Rpc.Client;
using Multiplex.Rpc.Xdr;

namespace Multiplex.Benchmarks;

/// <summary>
/// One call of ECHO with 64 bytes over TCP on the loopback interface, by a client with several calls in flight on one connection: a thread that
/// blocks for each (one at a time), or awaited calls that go on where the reply is received, or on the thread pool.
/// The server is the real command, in a separate process.
/// </summary>
[MemoryDiagnoser(displayGenColumns: false)]
public class RpcClientBenchmarks
{
    private const int Calls = 4096;
    private static readonly RpcProcedure s_echo = MultiplexV1.Echo;
    private readonly byte[] _payload = new byte[64];
    private readonly List<ServerProcess> _servers = [];
    private readonly Dictionary<string, (RpcClient OnLoop, RpcClient OnPool)> _clients = [];

    /// <summary>The models that wait for many connections on one thread.</summary>
    public static IEnumerable<string> Models => ["poll", "epoll"];

    [ParamsSource(nameof(Models))]
    public string Model { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        ServerProcess server = BenchmarkServers.OfModel(Model, "rpc");
        _servers.Add(server);
        _clients[Model] = (new(server.Endpoint, new() { AllowSynchronousContinuations = true }), new(server.Endpoint));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach ((RpcClient onLoop, RpcClient onPool) in _clients.Values)
        {
            onLoop.Dispose();
            onPool.Dispose();
        }

        _servers.ForEach(server => server.Dispose());
    }

    [Benchmark(OperationsPerInvoke = Calls / 8)]
    public void Blocking()
    {
        RpcClient client = _clients[Model].OnPool;
        for (int i = 0; i < Calls / 8; i++)
            Check(client.Call(s_echo, _payload, static (writer, value) => writer.WriteOpaque(value), Read));
    }

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task OnTheLoop16() => InFlight(_clients[Model].OnLoop, 16);

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task OnThePool16() => InFlight(_clients[Model].OnPool, 16);

    [Benchmark(OperationsPerInvoke = Calls)]
    public Task OnTheLoop64() => InFlight(_clients[Model].OnLoop, 64);

    private Task InFlight(RpcClient client, int depth) => Task.WhenAll(Enumerable.Range(0, depth).Select(_ => CallAgain(client, Calls / depth)));

    private async Task CallAgain(RpcClient client, int count)
    {
        for (int i = 0; i < count; i++)
            Check(await client.CallAsync(s_echo, _payload, static (writer, value) => writer.WriteOpaque(value), Read).ConfigureAwait(false));
    }

    private static int Read(ref XdrReader reader) => reader.ReadOpaque(1 << 20).Length;

    private void Check(int length)
    {
        if (length != _payload.Length)
            throw new InvalidOperationException($"{length} bytes came back");
    }
}
