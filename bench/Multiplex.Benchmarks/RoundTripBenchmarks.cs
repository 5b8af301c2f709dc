using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Columns;
using Multiplex.Interop;

namespace Multiplex.Benchmarks;

/// <summary>
/// One round trip of 64 bytes over one TCP connection on the loopback interface, with each server. The client is the same in
/// all: send(2), recv(2).
/// </summary>
[Config(typeof(OneGroup))]
[HideColumns(Column.Method)]
public class RoundTripBenchmarks : HeldConnectionBenchmarks
{
    /// <summary>One message at a time.</summary>
    public RoundTripBenchmarks()
        : base(messages: 1)
    {
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Exchanges)]
    [Arguments(ModelServers.SystemNetSockets)]
    public void Baseline(string server) => Exchange(server);

    [Benchmark(OperationsPerInvoke = Exchanges)]
    [ArgumentsSource(nameof(Models))]
    public void Model(string server) => Exchange(server);
}

/// <summary>
/// As a round trip, but 16 messages at a time, sent with one call: the cost of a message when several share the system
/// calls. Figures are for one message.
/// </summary>
[Config(typeof(OneGroup))]
[HideColumns(Column.Method)]
public class BatchBenchmarks : HeldConnectionBenchmarks
{
    private const int Depth = 16;

    /// <summary>Sixteen messages at a time.</summary>
    public BatchBenchmarks()
        : base(Depth)
    {
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Exchanges * Depth)]
    [Arguments(ModelServers.SystemNetSockets)]
    public void Baseline(string server) => Exchange(server);

    [Benchmark(OperationsPerInvoke = Exchanges * Depth)]
    [ArgumentsSource(nameof(Models))]
    public void Model(string server) => Exchange(server);
}

/// <summary>What both share: a server of each model, and a permanent connection to each.</summary>
public abstract class HeldConnectionBenchmarks
{
    /// <summary>How many exchanges one invocation makes.</summary>
    protected const int Exchanges = 500;

    private readonly Messages _messages;
    private readonly Dictionary<string, int> _connections = [];
    private ModelServers? _servers;

    private protected HeldConnectionBenchmarks(int messages) => _messages = new(messages);

    /// <summary>The servers except the baseline.</summary>
    public static IEnumerable<string> Models => ModelServers.Models;

    [GlobalSetup]
    public void Setup()
    {
        _servers = new();
        foreach (string server in Models.Append(ModelServers.SystemNetSockets))
            _connections[server] = _servers.Connect(server);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (int connection in _connections.Values)
            Libc.close(connection);
        _connections.Clear();
        _servers?.Dispose();
    }

    private protected void Exchange(string server)
    {
        int connection = _connections[server];
        for (int i = 0; i < Exchanges; i++)
            _messages.Exchange(connection);
    }
}
