using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using Multiplex.Interop;
using Multiplex.Servers;
using Multiplex.Sockets;

namespace Multiplex.Benchmarks;

/// <summary>
/// One round trip of 64 bytes over one TCP connection on the loopback interface: each server model, as the command that
/// people run, and the same echo written with System.Net.Sockets. The client is the same in all: send(2), recv(2), and all
/// share one core, so what is compared is work, not how long an idle core takes to wake.
/// </summary>
[Config(typeof(OneGroup))]
[HideColumns(Column.Method)]
public class RoundTripBenchmarks
{
    private const int RoundTrips = 500;
    private const string SystemNetSockets = "System.Net.Sockets";

    private readonly byte[] _request = new byte[64];
    private readonly byte[] _reply = new byte[64];
    private readonly Dictionary<string, int> _connections = [];
    private readonly List<ServerProcess> _servers = [];
    private SameCore? _core;

    /// <summary>Every model of the catalog: a new one is measured without a change here.</summary>
    public static IEnumerable<string> Models => ServerModelCatalog.All.Select(entry => entry.Name);

    /// <summary>Starts all servers: those that are not asked wait in a system call, and cost nothing.</summary>
    [GlobalSetup]
    public void Setup()
    {
        new Random(1).NextBytes(_request);
        _core = new();
        try
        {
            foreach (string model in Models)
                Connect(model, ServerProcess.OfModel(model));
            Connect(SystemNetSockets, ServerProcess.OfThisExecutable(SocketEchoServer.Argument));
        }
        catch
        {
            Cleanup();   // nobody else does, after a set-up that failed
            throw;
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (int connection in _connections.Values)
            Libc.close(connection);
        _connections.Clear();
        _servers.ForEach(server => server.Dispose());
        _servers.Clear();
        _core?.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = RoundTrips)]
    [Arguments(SystemNetSockets)]
    public void Baseline(string server) => Exchange(_connections[server]);

    [Benchmark(OperationsPerInvoke = RoundTrips)]
    [ArgumentsSource(nameof(Models))]
    public void Model(string server) => Exchange(_connections[server]);

    private void Connect(string name, ServerProcess server)
    {
        _servers.Add(server);
        _connections[name] = Connector.Connect(server.Endpoint);
    }

    private void Exchange(int connection)
    {
        for (int i = 0; i < RoundTrips; i++)
        {
            Libc.send(connection, _request, Libc.MSG_NOSIGNAL).OrThrow("send");
            int received = Libc.recv(connection, _reply, Libc.MSG_WAITALL).OrThrow("recv");
            if (received != _request.Length)
                throw new InvalidOperationException($"{received} bytes came back");
        }

        if (!_reply.AsSpan().SequenceEqual(_request))
            throw new InvalidOperationException("other bytes came back than were sent");
    }
}
