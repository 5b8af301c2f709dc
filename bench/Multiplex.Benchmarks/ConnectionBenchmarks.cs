using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;

namespace Multiplex.Benchmarks;

/// <summary>
/// A connection is made, one message of 64 bytes is answered on it, and it is closed: the cost of a client that connects anew for
/// each call. Some models make a thread or a process for it, others only an entry in a table.
/// </summary>
[Config(typeof(OneGroup))]
[HideColumns(Column.Method)]
public class ConnectionBenchmarks
{
    private const int Connections = 20;

    private readonly Messages _message = new(1);
    private ModelServers _servers = null!;

    /// <summary>The servers except the baseline.</summary>
    public static IEnumerable<string> Models => ModelServers.Models;

    [GlobalSetup]
    public void Setup() => _servers = new();

    [GlobalCleanup]
    public void Cleanup() => _servers?.Dispose();

    [Benchmark(Baseline = true, OperationsPerInvoke = Connections)]
    [Arguments(ModelServers.SystemNetSockets)]
    public void Baseline(string server) => ConnectAgain(server);

    [Benchmark(OperationsPerInvoke = Connections)]
    [ArgumentsSource(nameof(Models))]
    public void Model(string server) => ConnectAgain(server);

    private void ConnectAgain(string server)
    {
        for (int i = 0; i < Connections; i++)
        {
            int connection = _servers.Connect(server);
            _message.Exchange(connection);
            ModelServers.Close(connection);
        }
    }
}
