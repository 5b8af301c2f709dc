namespace Multiplex.Load.Comparison;

/// <summary>Every scenario: a new one joins by one entry.</summary>
public static class ScenarioCatalog
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new(
            "echo",
            "64 bytes there and back, one call at a time on each connection.",
            "With one connection the latency is the price of waking up a thread or a process; with many, see whose throughput grows and whose falls. "
            + "Those that give each connection a thread or a process switch for every call, those that multiplex do not: compare switches and CPU for a request.",
            Points(1, 10, 100, 1000))
        {
            QuickPoints = Points(1, 50),
        },
        new(
            "pipeline",
            "64 bytes there and back, 16 calls under way on each connection.",
            "A server that reads all that has come and answers it with one send pays for its system calls once a batch. "
            + "Look at how far the CPU for a request falls below that of echo, and who pays for handing each call over.",
            Points(50))
        {
            Depth = 16,
            QuickPoints = Points(50),
        },
        new(
            "churn",
            "A new connection for each call.",
            "What a connection costs before its first byte: a fork, a thread, or an entry in a table. "
            + "Servers that make workers ahead avoid the price; compare prefork with fork, and pool with threads.",
            Points(8))
        {
            CallsPerConnection = 1,
            QuickPoints = Points(8),
        },
        new(
            "bulk",
            "1 MiB there and back, one call at a time on each connection.",
            "Copying is the cost here, in the kernel mostly, and the designs come close to each other. "
            + "Look at memory for a connection: half a request and unsent replies have to be kept somewhere.",
            Points(8))
        {
            SizeBytes = 1 << 20,
            AlsoJudgedBy = Measure.MemoryPerConnection,
        },
    ];

    private static ScenarioPoint[] Points(params IEnumerable<int> connections) => [.. connections.Select(number => new ScenarioPoint(number))];
}
