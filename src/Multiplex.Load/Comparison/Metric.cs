using Multiplex.Load.Reporting.Charts;

namespace Multiplex.Load.Comparison;

/// <summary>A figure that servers are compared by.</summary>
/// <param name="Key">Its name in report.json.</param>
/// <param name="Title">Its name on the page and on the terminal.</param>
/// <param name="Explanation">Its definition.</param>
/// <param name="Of">Takes it from a round.</param>
/// <param name="Label">Formats a value with its unit.</param>
public sealed record Metric(string Key, string Title, string Explanation, Func<RoundFigures, double?> Of, Func<double, string> Label)
{
    /// <summary>Right replies a second.</summary>
    public static readonly Metric Throughput =
        new("throughput_per_s", "requests/s", "Right replies a second.", r => r.ThroughputPerS, Quantities.Short) { MoreIsBetter = true };

    /// <summary>The median of the latencies.</summary>
    public static readonly Metric P50 = Latency("p50_us", "p50", "Half of the replies took no longer.", r => r.P50Us);

    /// <summary>The 99th percentile of the latencies.</summary>
    public static readonly Metric P99 = Latency("p99_us", "p99", "99 replies in 100 took no longer.", r => r.P99Us);

    /// <summary>CPU time of the server for a request.</summary>
    public static readonly Metric Cpu = new(
        "cpu_us_per_request", "CPU/request", "CPU time of the server's processes for a request, children included.", r => r.CpuUsPerRequest, Quantities.Time);

    /// <summary>Memory of the server for a connection.</summary>
    public static readonly Metric MemoryPerConnection = new(
        "memory_per_connection_bytes",
        "memory/connection",
        "The growth of the proportional set size of the server's processes from before the first connection to the end of the run, divided by the connections.",
        r => r.MemoryPerConnectionBytes,
        Quantities.Size);

    /// <summary>Requests a second that were due.</summary>
    public static readonly Metric Offered = new(
        "offered_per_s", "offered/s", "Requests a second that were due, whatever the server did.", r => r.OfferedPerS, Quantities.Short)
    {
        IsMark = false,
    };

    /// <summary>The part of these that was answered.</summary>
    public static readonly Metric Answered = new(
        "answered_share",
        "answered",
        "The part of the requests offered that was answered. Each server is offered a multiple of what it can do itself, so this compares them and requests/s does not.",
        r => r.AnsweredShare,
        part => $"{100 * part:F0}%")
    {
        MoreIsBetter = true,
    };

    /// <summary>The errors.</summary>
    public static readonly Metric Errors =
        new("errors", "errors", "Wrong replies, lost connections, refused ones and timeouts in a round.", r => r.Errors, Quantities.Digits);

    /// <summary>The load of the client.</summary>
    public static readonly Metric ClientBusy = new(
        "client_busy",
        "client busy",
        "The share of its time in which the busiest thread of the client was busy: near 100%, a faster client would have measured more.",
        r => r.ClientBusy,
        part => $"{100 * part:F0}%")
    {
        IsMark = false,
    };

    /// <summary>All of them, in the order in which they are shown: a new one joins by one line.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        Throughput,
        Offered,
        Answered,
        P50,
        Latency("p90_us", "p90", "90 replies in 100 took no longer.", r => r.P90Us),
        P99,
        Latency("p99_9_us", "p99.9", "999 replies in 1,000 took no longer.", r => r.P999Us),
        Latency("max_us", "max", "The longest time to a reply.", r => r.MaxUs),
        Cpu,
        new("context_switches_per_request", "switches/request", "Context switches of the server's threads for a request, voluntary or not.", r => r.ContextSwitchesPerRequest, Quantities.Digits),
        new("syscalls_per_request", "syscalls/request", "System calls of the server for a request, counted by the kernel in a run of its own.", r => r.SyscallsPerRequest, Quantities.Digits) { IsCounted = true },
        new("page_faults_per_request", "faults/request", "Page faults of the server for a request, counted by the kernel in a run of its own.", r => r.PageFaultsPerRequest, Quantities.Digits) { IsCounted = true },
        new("instructions_per_request", "instructions/request", "Instructions of the server for a request, the kernel's included, counted by the processor in a run of its own.", r => r.InstructionsPerRequest, Quantities.Short) { IsCounted = true },
        MemoryPerConnection,
        new("memory_bytes", "memory", "Proportional set size of the server's processes at the end of the run.", r => r.MemoryBytes, Quantities.Size) { IsMark = false },
        new("processes", "processes", "Processes of the server at the end of the run.", r => r.Processes, Quantities.Digits) { IsMark = false },
        new("threads", "threads", "Threads of them all.", r => r.Threads, Quantities.Digits) { IsMark = false },
        ClientBusy,
        Errors,
    ];

    /// <summary>Whether more of it is better.</summary>
    public bool MoreIsBetter { get; init; }

    /// <summary>The word for the best value.</summary>
    public string Superlative => $"{(MoreIsBetter ? "most" : "least")} {Title}";

    /// <summary>Whether it is a mark of quality, and not only a property of the design.</summary>
    public bool IsMark { get; init; } = true;

    /// <summary>Whether the kernel counts it, in a separate run.</summary>
    public bool IsCounted { get; init; }

    /// <summary>Whether it explains why a server is as fast as it is.</summary>
    public bool IsReason => IsCounted || Key == "context_switches_per_request";

    /// <summary>The metric with this key.</summary>
    public static Metric Find(string key) => All.First(metric => metric.Key == key);

    /// <summary>Whether one value is better than another.</summary>
    public bool IsBetter(double one, double other) => MoreIsBetter ? one > other : one < other;

    /// <summary>The ratio of a value to the best one; where less is better, of the best one to the value. 1 for the best.</summary>
    public double ShareOf(double value, double best) => value == best ? 1 : MoreIsBetter ? value / best : best / value;

    /// <summary>The difference of two values in words.</summary>
    public static string Difference(double one, double other) => (one / other) switch
    {
        _ when one == other => "as much as",
        _ when other == 0 => "more than",
        >= 2 => $"{Quantities.Digits(one / other)} times as much as",
        > 1 => $"{100 * ((one / other) - 1):F0}% more than",
        _ => $"{100 * (1 - (one / other)):F0}% less than",
    };

    private static Metric Latency(string key, string title, string explanation, Func<RoundFigures, double?> of) =>
        new(key, title, explanation, of, Quantities.Time);
}
